package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// overrider is a provider's type of configuration that takes settings of a
// destination in place of its own.
type overrider interface {
	// Override replaces one setting, and says whether there is such a one.
	Override(setting, value string) bool
}

// override is one setting that a destination has of its own.
type override struct{ setting, value string }

// overridable are the settings that some type of store lets a destination
// override, sorted.
func overridable() []string { return []string{"mount", "namespace", "region", "role", "role_arn"} }

// overrides returns what a destination overrides, sorted by name.
func (w *writtenDestination) overrides() []override {
	values := map[string]string{"mount": w.Mount, "namespace": w.Namespace, "region": w.Region, "role": w.Role, "role_arn": w.RoleARN}
	var all []override
	for _, setting := range overridable() {
		if values[setting] != "" {
			all = append(all, override{setting, values[setting]})
		}
	}
	return all
}

func (w *writtenDestination) checkOverrides(d *decoder, n *node) {
	for _, setting := range overridable() {
		e := n.entry(setting)
		if e != nil && (e.text == "" || len(e.text) > 256 || !printable(e.text) || strings.Contains(e.text, " ")) {
			d.errorAt(n.path+"."+setting, "not a value for this setting of a store", "write it as under stores:, without blanks, or remove the line")
		}
	}
}

// derivedName is the name of a store with overrides: the settings as a query,
// so that it is one name wherever a destination is written or printed.
func derivedName(base string, overrides []override) string {
	var b strings.Builder
	b.WriteString(base)
	for i, o := range overrides {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(o.setting + "=" + strings.ReplaceAll(url.QueryEscape(o.value), "%2F", "/"))
	}
	return b.String()
}

// Derived returns the store of a name that may be one that the overrides of a
// destination gave it. It is for destinations that were written once and are
// in the configuration no more; the second result is false where the base is
// gone as well.
func (c *Config) Derived(name string) (Store, bool) {
	if s, ok := c.Stores[name]; ok {
		return s, true
	}
	base, query, _ := strings.Cut(name, "?")
	store, ok := c.Stores[base]
	values, err := url.ParseQuery(query)
	if !ok || err != nil {
		return Store{}, false
	}
	var overrides []override
	for _, setting := range slices.Sorted(maps.Keys(values)) {
		overrides = append(overrides, override{setting, values.Get(setting)})
	}
	derived, refused := store.derive(overrides, store.Pos)
	fine := len(refused) == 0 && derivedName(base, overrides) == name
	derived.checkConfig(func(string, string, string) { fine = false })
	return derived, fine
}

// derive returns the store with some of its settings replaced, and the
// settings that it does not have.
func (s Store) derive(overrides []override, pos Position) (Store, []string) {
	d := s
	d.Name, d.Base, d.Pos = derivedName(s.Name, overrides), s.Name, pos
	if s.kind.New == nil {
		return d, nil
	}
	d.Config = s.kind.New()
	// What is wrong with the block itself is told where that stands.
	s.decode(&decoder{&report{file: s.report.file, dir: s.report.dir, nodes: s.report.nodes}}, d.Config)
	d.identify()
	var refused []string
	block, ok := d.Config.(overrider)
	for _, o := range overrides {
		if !ok || !block.Override(o.setting, o.value) {
			refused = append(refused, o.setting)
		}
	}
	return d, refused
}

func (s Store) checkConfig(report func(path, message, hint string)) {
	if c, ok := s.Config.(checker); ok {
		c.Check(report)
	}
}

// takes returns the settings that can be overridden in this store.
func (s Store) takes() []string {
	return slices.DeleteFunc(overridable(), func(setting string) bool {
		_, refused := s.derive([]override{{setting, "x"}}, s.Pos)
		return len(refused) > 0
	})
}

// override finds or makes the store for the overrides of a destination, and
// returns its name.
func (r resolver) override(w *writtenDestination, base Store, c *Config) (string, bool) {
	overrides := w.overrides()
	name := derivedName(base.Name, overrides)
	if _, known := c.Stores[name]; known {
		return name, true
	}
	derived, refused := base.derive(overrides, r.position(w.path))
	for _, setting := range refused {
		hint := "remove the line: this store has no setting that a destination can override"
		if takes := base.takes(); len(takes) > 0 {
			hint = "this store takes " + strings.Join(takes, ", ") + "; remove the line"
		}
		r.errorAt(w.path+"."+setting, "the store has no such setting, or nothing to replace by it", hint)
	}
	before := map[string]bool{}
	base.checkConfig(func(path, message, _ string) { before[path+" "+message] = true })
	fine := len(refused) == 0
	derived.checkConfig(func(path, message, hint string) {
		if before[path+" "+message] || len(refused) > 0 {
			return
		}
		at := w.path
		if i := strings.LastIndexByte(path, '.') + 1; slices.ContainsFunc(overrides, func(o override) bool { return o.setting == path[i:] }) {
			at += "." + path[i:]
		}
		fine = false
		r.errorAt(at, "with the settings of this destination, the store's "+path+": "+message, hint)
	})
	if fine {
		c.Stores[name] = derived
	}
	return name, fine
}

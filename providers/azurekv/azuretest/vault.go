package azuretest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// VaultOptions are a vault's own settings.
type VaultOptions struct {
	PurgeProtection bool // nobody can purge
	RetentionDays   int  // of what is deleted; 90 if zero
}

// Vault is one vault. Its methods besides SetLimits are what a person does in
// it: they are neither counted nor limited nor refused, and see the present.
type Vault struct {
	Name string
	URL  string // https://127.0.0.1:PORT
	// Resource is what tokens must be for. The SDK wants the vault's host to be
	// below it, as NAME.vault.azure.net is below vault.azure.net: so it is what
	// follows the first dot of the host.
	Resource string

	server  *Server
	options VaultOptions
	limits  limits
	entries map[string]*entry
	order   []*entry // by key
}

// entry is a name, which is one in any case of letters.
type entry struct {
	key        string
	now        *secret // nil: none
	past       []past
	recovering int // reads that do not find it yet
}

// secret is one state of a secret, which does not change.
type secret struct {
	name     string
	versions []*version // in the order of their creation
	deleted  *deletion
}

// version is one state of a version, which does not change.
type version struct {
	id               string
	created, updated time.Time
	enabled          bool
	notBefore        *time.Time
	expires          *time.Time
	value            string
	contentType      string
	managed          bool
	tags             map[string]string
}

type deletion struct{ at, purge time.Time }

func (s *secret) current() *version { return s.versions[len(s.versions)-1] }

// find returns a version by its id, the current one for "".
func (s *secret) find(id string) *version {
	if id == "" {
		return s.current()
	}
	for _, v := range s.versions {
		if v.id == id {
			return v
		}
	}
	return nil
}

// NewVault makes a further vault, on a port of its own.
func (s *Server) NewVault(name string, o VaultOptions) (*Vault, error) {
	v := &Vault{
		Name: name, server: s, options: o, limits: newLimits(s.options.Limits), entries: map[string]*entry{},
	}
	v.options.RetentionDays = cmp.Or(o.RetentionDays, 90)
	address, err := s.listen(http.HandlerFunc(v.serve))
	if err != nil {
		return nil, err
	}
	_, below, _ := strings.Cut(address, ".")
	s.mu.Lock()
	defer s.mu.Unlock()
	v.URL, v.Resource = address, "https://"+below
	s.vaults = append(s.vaults, v)
	return v, nil
}

func (v *Vault) entry(name string) *entry {
	key := strings.ToLower(name)
	if e := v.entries[key]; e != nil {
		return e
	}
	return &entry{key: key}
}

// place is where a key stands in the order, or would.
func (v *Vault) place(key string) (int, bool) {
	return slices.BinarySearchFunc(v.order, key, func(e *entry, key string) int { return cmp.Compare(e.key, key) })
}

func (v *Vault) forget(e *entry) {
	if i, found := v.place(e.key); found {
		v.order = slices.Delete(v.order, i, i+1)
		delete(v.entries, e.key)
	}
}

// put adds a version.
func (v *Vault) put(name string, made version) (*secret, *version) {
	e := v.entry(name)
	if v.entries[e.key] == nil {
		v.entries[e.key] = e
		i, _ := v.place(e.key)
		v.order = slices.Insert(v.order, i, e)
	}
	next := &secret{name: name}
	if e.now != nil {
		next = &secret{name: e.now.name, versions: slices.Clip(e.now.versions)}
	}
	now := v.server.options.Now()
	if step := v.server.options.Step; step > 0 && len(next.versions) > 0 {
		if least := next.current().created.Add(step); now.Before(least) {
			now = least
		}
	}
	made.id, made.created, made.updated = randomHex(16), now.UTC(), now.UTC()
	made.tags = maps.Clone(made.tags)
	next.versions = append(next.versions, &made)
	v.change(e, next)
	return next, &made
}

// update changes the properties of a version.
func (v *Vault) update(e *entry, id string, f func(*version)) *version {
	next := *e.now
	next.versions = slices.Clone(next.versions)
	for i, old := range next.versions {
		if old.id != id {
			continue
		}
		changed := *old
		changed.tags = maps.Clone(old.tags)
		changed.updated = v.server.options.Now().UTC()
		f(&changed)
		next.versions[i] = &changed
		v.change(e, &next)
		return &changed
	}
	return nil
}

// remove deletes a secret so that it can be recovered.
func (v *Vault) remove(e *entry) *secret {
	at := v.server.options.Now().UTC()
	next := *e.now
	next.deleted = &deletion{at: at, purge: at.AddDate(0, 0, v.options.RetentionDays)}
	v.change(e, &next)
	return &next
}

func (v *Vault) restore(e *entry) *secret {
	next := *e.now
	next.deleted = nil
	v.change(e, &next)
	return &next
}

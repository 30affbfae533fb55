package config

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// allowed are the places that one team may deliver to.
type allowed []allowance

// allowance is one pattern of places. A destination with settings of its own,
// like region or role, is in the store that they derive: a pattern speaks of it
// only when it names these settings as well, as in aws?region=us-east-1:ml/*.
type allowance struct {
	text  string
	store string   // as Destination.Store
	parts []string // of the path, each with wildcards
	below bool     // and everything below them
	field string   // with wildcards; empty: any
	path  string   // where it is written
}

const allowHint = "write store:path, like vault:kv/ml/* (one part of the path) or vault:kv/ml/** (everything below)"

func (as *allowed) decodeNode(d *decoder, n *node) {
	parts := []*node{n}
	if n.kind == kindList || n.kind == kindNull {
		parts = n.items
	}
	for _, p := range parts {
		if !d.wants(p, kindScalar, allowHint) {
			continue
		}
		a, ok := parseAllowance(p.text)
		if !ok {
			d.fault(p, "not a pattern of places", allowHint)
			continue
		}
		a.path = p.path
		*as = append(*as, a)
	}
}

func parseAllowance(text string) (allowance, bool) {
	a := allowance{text: text}
	store, rest, ok := strings.Cut(text, ":")
	name, field, hasField := strings.Cut(rest, "#")
	base, _, _ := strings.Cut(store, "?")
	name, a.below = strings.CutSuffix(name, "/**")
	if name == "**" {
		name, a.below = "", true
	}
	a.store, a.field = store, field
	if name != "" {
		a.parts = strings.Split(name, "/")
	}
	_, err := path.Match(field, "")
	for _, part := range a.parts {
		if _, bad := path.Match(part, ""); bad != nil {
			err = bad
		}
	}
	return a, ok && err == nil && storeName.MatchString(base) && printable(text) &&
		(goodPath(name) || name == "" && a.below) && !strings.Contains(name, "**") && (!hasField || goodField(field))
}

// takes reports whether a destination is among the places. A wildcard never
// crosses a slash.
func (a allowance) takes(d Destination) bool {
	parts := strings.Split(d.Path, "/")
	if d.Store != a.store || len(parts) < len(a.parts) || a.below == (len(parts) == len(a.parts)) {
		return false
	}
	for i, pattern := range a.parts {
		if ok, _ := path.Match(pattern, parts[i]); !ok {
			return false
		}
	}
	ok, _ := path.Match(a.field, d.Field)
	return ok || a.field == ""
}

// allow checks what is written under allow:, and returns it for people.
func (r resolver) allow(c *Config) map[string][]string {
	if r.nodes["allow"] == nil {
		if len(r.doc.Include) > 0 {
			r.warnAt("include", "there is no allow:, so every included file may deliver to every place in every store", "add allow:, with the places of each team")
		}
		return nil
	}
	all := map[string][]string{}
	for _, team := range slices.Sorted(maps.Keys(r.doc.Allow)) {
		if !accountName.MatchString(team) {
			r.errorAt(join("allow", team), "not the name of a team", "write it as in the address of the team's page")
		}
		all[team] = []string{}
		for _, a := range r.doc.Allow[team] {
			base, _, _ := strings.Cut(a.store, "?")
			if _, ok := r.doc.Stores[base]; !ok {
				r.errorAt(a.path, "there is no store of this name", r.storeHint(base))
			} else if _, ok := c.Derived(a.store); !ok {
				r.errorAt(a.path, "no destination in this store has these settings", "write them as keyrota plan prints the store: by name, in the order of the alphabet, as in aws?region=us-east-1&role_arn=arn%3Aaws")
			}
			all[team] = append(all[team], a.text)
		}
	}
	return all
}

// checkAllowed refuses what a team may not deliver to. Accounts of the root
// file are bound where their team has an entry: whoever writes them writes
// allow: as well.
func (r resolver) checkAllowed(w *account, a *Account) {
	if r.nodes["allow"] == nil || a.Team == "" {
		return
	}
	entry, ok := r.doc.Allow[a.Team]
	if !ok && w.file == nil || slices.ContainsFunc(r.place(join("allow", a.Team)).items, func(n *node) bool { return n.bad }) {
		return // nothing binds it; or what does cannot be read, and that is told
	}
	for _, d := range slices.Concat(a.Deliver, a.Former, a.Identity.keeps()) {
		if slices.ContainsFunc(entry, func(p allowance) bool { return p.takes(d) }) {
			continue
		}
		whom := ""
		if !strings.HasPrefix(d.path, a.path+".") {
			whom = "for " + a.named(d.Pos) + ": "
		}
		if !ok {
			r.errorAt(d.path, whom+"allow: names no place for this team, so it may deliver nowhere", "have it added under allow: in "+r.file)
			continue
		}
		at := r.position(join("allow", a.Team))
		hint := fmt.Sprintf("deliver where allow: says at %s, or have this place added there", at.from(d.Pos))
		if strings.Contains(d.Store, "?") {
			hint += "; settings of a store that are written here need a pattern that names them, beginning with the store as keyrota plan prints it"
		}
		r.errorAt(d.path, whom+"the team is not allowed to deliver to this place", hint)
	}
}

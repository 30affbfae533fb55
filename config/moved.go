package config

import "strings"

const formerlyHint = "write what the account was called, as name or team/name"

// formerly checks what an account was called before, and returns it as a ref.
// That no two accounts claim one name is checked once all are known.
func (r resolver) formerly(w *account, a *Account) string {
	at := w.path + ".formerly"
	if w.Formerly == "" {
		if r.nodes[at] != nil {
			r.errorAt(at, "not the name of an account", formerlyHint)
		}
		return ""
	}
	ref := w.Formerly
	if !strings.Contains(ref, "/") {
		team, _, _ := strings.Cut(a.Ref, "/")
		if a.Scope == ScopeOrganization {
			team += "/"
		}
		ref = team + "/" + ref
	}
	team, name, _ := strings.Cut(ref, "/")
	name = strings.TrimPrefix(name, "/")
	switch {
	case !accountName.MatchString(name) || team != "" && !accountName.MatchString(team):
		r.errorAt(at, "not the name of an account", formerlyHint)
	case ref == a.Ref:
		r.errorAt(at, "the account is called so now", "write what it was called before, or remove the line")
	case w.file != nil && (team != w.file.Team || strings.Contains(ref, "//")):
		r.errorAt(at, "an account of another team: its keys are not this team's to take over", "move the account in the root file, where both teams' owners see it")
	default:
		return ref
	}
	return ""
}

// checkMoves refuses a former name that an account still has, or that two
// accounts claim.
func (r resolver) checkMoves(c *Config) {
	named, claimed := map[string]Account{}, map[string]Account{}
	for _, a := range c.Accounts {
		named[a.Ref] = a
	}
	for _, a := range c.Accounts {
		if a.Formerly == "" {
			continue
		}
		at := a.path + ".formerly"
		if other, ok := named[a.Formerly]; ok {
			r.errorAt(at, "this is the name of "+other.named(a.Pos)+" now", "remove the line, or the account of that name")
		} else if other, ok := claimed[a.Formerly]; ok {
			r.errorAt(at, other.named(a.Pos)+" claims the same former name", "keep one of the two: one record goes on under one name")
		}
		claimed[a.Formerly] = a
	}
}

// former settles the place that a destination was at before, in the form that
// the same reader wants there.
func (r resolver) former(w writtenDestination, a *Account, layers []layer, c *Config) (Destination, bool) {
	const hint = "write store:path#field, as keyrota status prints the former place"
	at := w.at("formerly")
	store, rest, ok := strings.Cut(w.Formerly, ":")
	old := writtenDestination{
		Format: w.Format, Fields: w.Fields, Template: w.Template, Style: w.Style, ConnType: w.ConnType, Reader: w.Reader,
		Connection: w.Connection, Variable: w.Variable, Tag: w.Tag, Cache: w.Cache, Tags: w.Tags, Description: w.Description,
		Exclusive: w.Exclusive, path: at, line: true, writeOnly: w.writeOnly,
	}
	old.Path, old.Field, _ = strings.Cut(rest, "#")
	n := r.namer(a)
	if !ok || templated(old.Path) && n.lacks(old.Path) || templated(old.Field) && n.lacks(old.Field) {
		r.errorAt(at, "not a destination", hint)
		return Destination{}, false
	}
	old.Path, old.Field = n.render(old.Path), n.render(old.Field)
	if !goodPath(old.Path) || old.Field != "" && !goodField(old.Field) {
		r.errorAt(at, "not a destination", hint)
		return Destination{}, false
	}
	derived, ok := c.Derived(store)
	if !ok {
		r.errorAt(at, "there is no store of this name", r.storeHint(store)+"; a place in a store that is gone cannot be delivered to")
		return Destination{}, false
	}
	base := derived.Name
	if derived.Base != "" {
		base = derived.Base
		c.Stores[store] = derived
	}
	old.Store = base
	d, ok := r.destination(old, a, layers, c)
	d.Store, d.OwnTags = store, false
	return d, ok
}

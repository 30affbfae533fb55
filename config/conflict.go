package config

import (
	"fmt"
	"slices"
	"strings"
)

// checkReferences holds our own credentials' places against the stores.
func (r resolver) checkReferences(c *Config) {
	for _, ref := range r.references {
		if ref.Kind != FromStore {
			continue
		}
		if _, ok := c.Stores[ref.Store]; !ok {
			r.add(Error, ref.Pos, "there is no store of this name", r.storeHint(ref.Store))
		}
		if strings.HasPrefix(ref.Pos.Path, "stores.") {
			r.add(Error, ref.Pos, "a store cannot get its own credentials from a store", "write env:NAME or file:/path")
		}
	}
}

// place is one secret, or one field of one, with who means it.
type place struct {
	field   string
	what    string // for people: where it is delivered, or what credential it is
	path    string
	account string // its name; empty for a credential
	Position
}

// overlaps says whether writing one of the two touches the other.
func (p place) overlaps(q place) bool { return p.field == "" || q.field == "" || p.field == q.field }

// apart is how to tell two accounts apart that inherit one delivery.
func (p place) apart(q place) string {
	switch {
	case p.account == q.account:
		return "write {{.Account.Team}} into its path or field too: accounts of several teams have one name"
	case p.path != q.path:
		return "name the accounts so that more than -, _, . or / tells them apart: the store takes these for one"
	}
	return "write {{.Account.Name}} into its path or field"
}

// named is an account as its place names it to someone who reads at another.
func (a Account) named(at Position) string {
	if a.Pos.File == at.File {
		return a.Pos.Path
	}
	return a.Pos.Path + " of " + a.Pos.File
}

// checkConflicts refuses two deliveries to one place, and a delivery to where
// one of our own credentials stands.
func (r resolver) checkConflicts(c *Config) {
	seen := map[string][]place{}
	for _, ref := range r.references {
		if s, ok := c.Stores[ref.Store]; ok && ref.Kind == FromStore {
			id := s.Identity(ref.Path)
			seen[id] = append(seen[id], place{field: ref.Field, what: "the credential " + ref.Pos.Path, Position: ref.Pos})
		}
	}
	for _, a := range c.Accounts {
		for _, d := range slices.Concat(a.Deliver, a.Former, a.Identity.keeps()) {
			s, ok := c.Stores[d.Store]
			if !ok {
				continue
			}
			id := s.Identity(d.Path)
			here := place{d.Field, d.Pos.Path, d.Path, a.Name, d.Pos}
			forWhom := "" // what several accounts inherit is one of them's
			if !strings.HasPrefix(d.path, a.path+".") {
				whom := a.named(d.Pos)
				here.what, forWhom = d.Pos.Path+" for "+whom, "for "+whom+", "
			}
			if i := slices.IndexFunc(seen[id], here.overlaps); i >= 0 {
				other := seen[id][i]
				if other.Position == d.Pos {
					r.add(Error, d.Pos, "several accounts are delivered to this one place", here.apart(other))
					continue
				}
				r.add(Error, d.Pos, fmt.Sprintf("%sthe same place as %s at %s", forWhom, other.what, other.from(d.Pos)),
					"deliver to another path, or each to a field of its own")
			}
			seen[id] = append(seen[id], here)
		}
	}
}

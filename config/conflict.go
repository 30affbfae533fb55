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
	field string
	what  string // for people: an account's ref, or the field of a reference
	Position
}

// overlaps says whether writing one of the two touches the other.
func (p place) overlaps(q place) bool { return p.field == "" || q.field == "" || p.field == q.field }

// checkConflicts refuses two deliveries to one place, and a delivery to where
// one of our own credentials stands.
func (r resolver) checkConflicts(c *Config) {
	seen := map[string][]place{}
	for _, ref := range r.references {
		if s, ok := c.Stores[ref.Store]; ok && ref.Kind == FromStore {
			id := s.Identity(ref.Path)
			seen[id] = append(seen[id], place{ref.Field, "the credential " + ref.Pos.Path, ref.Pos})
		}
	}
	for _, a := range c.Accounts {
		for _, d := range a.Deliver {
			s, ok := c.Stores[d.Store]
			if !ok {
				continue
			}
			id := s.Identity(d.Path)
			here := place{d.Field, d.Pos.Path, d.Pos}
			if i := slices.IndexFunc(seen[id], here.overlaps); i >= 0 {
				other := seen[id][i]
				if other.Position == d.Pos {
					r.add(Error, d.Pos, "several accounts are delivered to this one place", "write {{.Account.Name}} into its path or field")
					continue
				}
				r.add(Error, d.Pos, fmt.Sprintf("the same place as %s at %d:%d", other.what, other.Line, other.Column),
					"deliver to another path, or each to a field of its own")
			}
			seen[id] = append(seen[id], here)
		}
	}
}

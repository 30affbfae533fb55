package gather

import (
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// welcome has the runs of a team be read again from where an account from
// outside the team was last known when they were read: its runs were nobody's
// since. The team's own accounts are known whenever its runs are read.
func (r *runs) welcome(team string) {
	if r.state.Guests[team] == nil {
		r.state.Guests[team] = map[rotation.Ref]time.Time{}
	}
	counted := r.state.Guests[team]
	for _, a := range r.accounts {
		ref := a.Ref()
		if !r.met.named[ref] || !guest(a, team) {
			continue
		}
		for name, until := range r.state.Projects {
			if projectOf(name).Team == team && until.After(counted[ref]) {
				r.state.Projects[name] = counted[ref]
			}
		}
		counted[ref] = r.now
	}
}

// guest reports whether runs of an account from outside a team are expected in
// it.
func guest(a inventory.Account, team string) bool {
	home := teamOf(a)
	return home == "" || home != team && slices.ContainsFunc(declared(a), func(p usage.Project) bool { return p.Team == team })
}

package gather

import (
	"context"
	"errors"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// probe is what an account saw of a project that the admin credential does not
// see: it is restricted, or there is none.
type probe struct {
	At     time.Time `json:"at"`
	Hidden bool      `json:"hidden,omitempty"` // its runs there cannot be seen
	Seen   bool      `json:"seen,omitempty"`   // its runs there can be seen with its own key
}

const (
	// askAgain is how often an account's key is read back for a project whose runs
	// it alone sees, askAgainInVain for one that it does not see either.
	askAgain       = 24 * time.Hour
	askAgainInVain = 7 * 24 * time.Hour
)

// errNoKey: an external account has none.
var errNoKey = errors.New("an external account has no key")

// askItself asks with the account's own key for its runs in a project, and
// returns what came of it the last time that it was asked. A project that its
// environment alone names and that it does not see itself hides nothing: it
// cannot log there.
func (r *runs) askItself(ctx context.Context, a inventory.Account, p usage.Project) (usage.Trace, probe, error) {
	key := string(a.Ref()) + " " + id(p)
	last, known := r.state.Probed[key]
	again := askAgainInVain
	if last.Seen {
		again = askAgain
	}
	// A look that comes a little early is late enough.
	if known && r.now.Sub(last.At) < again-time.Hour {
		return usage.Trace{}, last, nil
	}
	trace, seen, err := r.ownRuns(ctx, a, p, since(last.seenUntil()))
	if ctx.Err() != nil {
		return usage.Trace{}, probe{}, ctx.Err()
	}
	next := probe{At: r.now, Seen: seen}
	switch env, ok := environment(a); {
	case seen:
	case err != nil: // it could not be asked
		next.Hidden = true
	default:
		next.Hidden = !ok || env != p
	}
	r.state.Probed[key] = next
	return trace, next, nil
}

func (p probe) seenUntil() time.Time {
	if p.Seen {
		return p.At
	}
	return time.Time{}
}

// ownRuns returns the runs that an account sees in a project and that are its
// own. An error says that it could not be asked.
func (r *runs) ownRuns(ctx context.Context, a inventory.Account, p usage.Project, since time.Time) (trace usage.Trace, seen bool, err error) {
	if a.Account.Scope == rotation.ScopeExternal {
		return usage.Trace{}, false, errNoKey
	}
	auth, err := r.ownKey(ctx, a)
	if err != nil {
		return usage.Trace{}, false, err
	}
	err = r.long().Read(ctx, inventory.IssuerService, "list runs", func(ctx context.Context) error {
		trace = usage.Trace{}
		return r.reporter.Runs(ctx, p.Team, p.Name, auth, since, func(run providers.Run) error {
			if ref, ok := r.met.byUser[run.User]; !ok {
				credit(r.persons[p], run)
			} else if ref == a.Ref() {
				note(&trace, run)
			}
			return nil
		})
	})
	if providers.KindOf(err) == providers.NotFound {
		return usage.Trace{}, false, nil
	}
	return trace, err == nil, err
}

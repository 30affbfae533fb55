package gather

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// probe is what an account saw of a project that the admin credential does not
// see: it is restricted, or there is none.
type probe struct {
	At     time.Time `json:"at"`
	Hidden bool      `json:"hidden,omitempty"` // its runs there cannot be seen
	Seen   bool      `json:"seen,omitempty"`   // its runs there can be seen with its own key
	Failed bool      `json:"failed,omitempty"` // it could not be asked
}

const (
	// askAgain is how often an account's key is read back for a project whose runs
	// it alone may see, askAgainInVain for one that it does not see either.
	askAgain       = 24 * time.Hour
	askAgainInVain = 7 * 24 * time.Hour
)

// askItself asks with the account's own key for its runs in a project, and
// returns what came of it the last time that it was asked. A project that its
// environment alone names and that it does not see itself hides nothing: it
// cannot log there.
func (r *runs) askItself(ctx context.Context, a inventory.Account, p usage.Project, key func() (providers.Secret, error)) (usage.Trace, probe, error) {
	name := string(a.Ref()) + " " + id(p)
	last, known := r.state.Probed[name]
	again := askAgainInVain
	if last.Seen || last.Failed {
		again = askAgain
	}
	// A look that comes a little early is late enough.
	if known && r.now.Sub(last.At) < again-time.Hour {
		return usage.Trace{}, last, nil
	}
	trace, seen, err := r.ownRuns(ctx, a, p, key, since(last.seenUntil()))
	if ctx.Err() != nil {
		return usage.Trace{}, probe{}, ctx.Err()
	}
	next := probe{At: r.now, Seen: seen}
	switch env, ok := environment(a); {
	case seen:
	case err != nil:
		next.Hidden, next.Failed = true, true
	default:
		next.Hidden = !ok || env != p
	}
	r.state.Probed[name] = next
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
func (r *runs) ownRuns(
	ctx context.Context, a inventory.Account, p usage.Project, key func() (providers.Secret, error), since time.Time,
) (trace usage.Trace, seen bool, err error) {
	people := &calendar{}
	auth, err := key()
	if err != nil {
		return usage.Trace{}, false, err
	}
	err = r.long().Read(ctx, inventory.IssuerService, "list runs", func(ctx context.Context) error {
		trace, *people = usage.Trace{}, calendar{Today: usage.DayOf(r.now)}
		return r.reporter.Runs(ctx, p.Team, p.Name, auth, since, func(run providers.Run) error {
			if ref, ok := r.met.byUser[run.User]; !ok {
				people.note(run)
			} else if ref == a.Ref() {
				note(&trace, run)
			}
			return nil
		})
	})
	if providers.KindOf(err) == providers.NotFound {
		return usage.Trace{}, false, nil
	}
	if err == nil {
		r.credit(p, people, since)
	}
	return trace, err == nil, err
}

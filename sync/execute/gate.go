package execute

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
)

// Gate is what lets routine rotations begin; *ledger.Ledger has it. A rotation
// that a person asked for does not pass through it.
type Gate interface {
	Admit(ctx context.Context, r ledger.Routine) (rotation.Hold, error)
	Begin(ctx context.Context, ref rotation.Ref, lanes []string) error
	Prove(ctx context.Context, ref rotation.Ref, offered time.Time, lanes []string) error
	Held(ctx context.Context, all []ledger.Routine) ([]rotation.Hold, error)
	TellOnce(ctx context.Context, within time.Duration, e rotation.Event) (told bool, err error)
}

// held returns the action, or the wait in place of a routine rotation that may
// not begin. It begins where its key is created: an account that cannot come
// that far goes first for nobody. Before, it is only asked, so that no secret is
// read back for a rotation that waits.
func (p *pass) held(ctx context.Context, action rotation.Action) (rotation.Action, error) {
	switch {
	case p.w.Gate == nil:
		return action, nil
	case action.Kind == rotation.DoIssue && !action.Routine():
		if err := p.w.Gate.Begin(ctx, p.a.Ref(), p.a.Lanes); err != nil {
			return rotation.Action{}, fmt.Errorf("putting on record that the rotation of %s begins: %w", p.a.Ref(), err)
		}
		return action, nil
	case !action.Routine():
		return action, nil
	}
	routine := ledger.Routine{Ref: p.a.Ref(), Limit: p.w.Limit, Lanes: p.a.Lanes}
	var hold rotation.Hold
	var err error
	if action.Kind == rotation.DoIssue {
		hold, err = p.w.Gate.Admit(ctx, routine)
	} else {
		var holds []rotation.Hold
		if holds, err = p.w.Gate.Held(ctx, []ledger.Routine{routine}); err == nil {
			hold = holds[0]
		}
	}
	switch {
	case err != nil:
		return rotation.Action{}, fmt.Errorf("asking whether the rotation of %s may begin: %w", p.a.Ref(), err)
	case hold != (rotation.Hold{}):
		return action.Held(hold), nil
	}
	return action, nil
}

// prove puts on record where a new key has arrived: others may follow over the
// same stores and forms, also while it is on its way to another that is down.
func (p *pass) prove(ctx context.Context) error {
	offer := p.record.Offer
	if p.w.Gate == nil || offer.Issued.IsZero() || len(p.record.Old) == 0 {
		return nil
	}
	lanes := p.a.LanesWhere(func(d rotation.Destination) bool {
		return p.a.Standing(p.record, p.seen.Holding(d), d) == rotation.StandsHolds
	})
	now := proof{offer, len(lanes)}
	if len(lanes) == 0 || now == p.proven {
		return nil
	}
	p.proven = now
	if err := p.w.Gate.Prove(ctx, p.a.Ref(), offer.Issued, lanes); err != nil {
		return fmt.Errorf("putting on record what %s proved: %w", p.a.Ref(), err)
	}
	return nil
}

// proof is on how many lanes an offer has arrived.
type proof struct {
	offer rotation.Offer
	lanes int
}

// Hold finds, of what a sweep saw, the routine rotations that may not begin
// now, and says of each why (plan.Account.Held): so that none of them reads a
// secret only to learn it. Those that have been due for longest come first. It
// returns how many are held back. accounts and swept are in the same order.
func Hold(ctx context.Context, g Gate, limit int, accounts []inventory.Account, swept []plan.Account, now time.Time) (int, error) {
	var due []int
	for i, a := range swept {
		if routineDue(a, now) {
			due = append(due, i)
		}
	}
	return hold(ctx, g, limit, accounts, swept, due)
}

// routineDue reports whether an account would begin a routine rotation now. A
// fault of this program in deciding that is told where its pass is decided.
func routineDue(a plan.Account, now time.Time) (due bool) {
	defer func() {
		if providers.Recovered(recover()) != nil {
			due = false
		}
	}()
	return a.Next(now).Routine()
}

// HoldPlanned is Hold for a plan: of what would be done first, such as taking a
// key over, a rotation may follow at once.
func HoldPlanned(ctx context.Context, g Gate, limit int, accounts []inventory.Account, swept []plan.Account, now time.Time) (int, error) {
	begins := map[rotation.Ref]bool{}
	for _, s := range plan.Make(swept, now, now).Steps {
		if s.Kind == plan.Issue && s.Routine {
			begins[s.Ref] = true
		}
	}
	var due []int
	for i, a := range swept {
		if begins[a.Spec.Account.Ref] {
			due = append(due, i)
		}
	}
	return hold(ctx, g, limit, accounts, swept, due)
}

func hold(ctx context.Context, g Gate, limit int, accounts []inventory.Account, swept []plan.Account, due []int) (int, error) {
	if len(due) == 0 {
		return 0, nil
	}
	slices.SortStableFunc(due, func(i, j int) int {
		a, b := swept[i], swept[j]
		return cmp.Or(a.Spec.Due(a.Record).Compare(b.Spec.Due(b.Record)), cmp.Compare(a.Spec.Account.Ref, b.Spec.Account.Ref))
	})
	routines := make([]ledger.Routine, 0, len(due))
	for _, i := range due {
		routines = append(routines, ledger.Routine{Ref: accounts[i].Ref(), Limit: limit, Lanes: accounts[i].Lanes})
	}
	holds, err := g.Held(ctx, routines)
	if err != nil {
		return 0, fmt.Errorf("asking which rotations may begin: %w", err)
	}
	held := 0
	for n, i := range due {
		if swept[i].Held = holds[n]; holds[n] != (rotation.Hold{}) {
			held++
		}
	}
	return held, nil
}

const (
	toldEvery = 24 * time.Hour
	toldNames = 10
)

// TellHeld puts on record, once a day, how many rotations are held back and
// what a person can do.
func TellHeld(ctx context.Context, g Gate, swept []plan.Account) (told bool, err error) {
	var names []string
	words := ""
	for _, a := range swept {
		if a.Held != (rotation.Hold{}) {
			names = append(names, string(a.Spec.Account.Ref))
			words = cmp.Or(words, a.Held.Words)
		}
	}
	if len(names) == 0 {
		return false, nil
	}
	more := ""
	if n := len(names) - toldNames; n > 0 {
		names, more = names[:toldNames], fmt.Sprintf(" and %d more", n)
	}
	return g.TellOnce(ctx, toldEvery, rotation.Event{Kind: rotation.EventHeld, Words: "due and held back: " + strings.Join(names, ", ") + more + "; of the first: " + words})
}

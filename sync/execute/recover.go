package execute

import (
	"context"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// Recovery is what came of recovering a record.
type Recovery struct {
	Report
	// Unexplained are the account's keys that nothing on record explains now.
	Unexplained []rotation.Key
}

// Recover makes the record of an account from labels and marks where the ledger
// has none, or an older one, and does nothing else: no key is created or
// deleted, and no store written to. Report.Wait says what a pass would do next,
// or what is in the way. The error is the ledger's or ctx's.
func (w *Worker) Recover(ctx context.Context, a inventory.Account) (Recovery, error) {
	p := &pass{w: w, a: a, slots: map[rotation.KeyID]providers.Secret{}, stopping: ctx.Done()}
	var r Recovery
	for range actionsPerPass {
		if err := p.look(ctx); err != nil {
			return r, err
		}
		action, err := p.decide(ctx)
		if err != nil {
			return r, err
		}
		r.Record, r.Unexplained = p.record, rotation.Unexplained(p.record, p.seen)
		switch {
		case action.Kind == rotation.LookFreshly:
		case action.Kind == rotation.Save && recovers(action):
			out, err := p.save(ctx, action.Record, action.Events)
			if err != nil {
				return r, err
			}
			if out.Result == rotation.OK {
				r.Did++
			}
		default:
			r.Wait = action
			return r, ctx.Err()
		}
	}
	return r, fmt.Errorf("recovering %s: no end after %d looks: please report this", a.Ref(), actionsPerPass)
}

// recovers reports whether a save is the recovery of a record.
func recovers(a rotation.Action) bool {
	for _, e := range a.Events {
		if e.Kind == rotation.EventFound || e.Kind == rotation.EventRecovered {
			return true
		}
	}
	return false
}

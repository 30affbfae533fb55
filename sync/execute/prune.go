package execute

import (
	"context"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// Prune deletes one destination that left the configuration, at a person's word,
// and strikes it from the record. Trouble says why not; the error is the
// ledger's or ctx's. It may run beside passes over the same account.
func (w *Worker) Prune(ctx context.Context, a inventory.Account, d rotation.Destination, reason string) (trouble string, err error) {
	_, trouble, err = w.prune(ctx, a, rotation.Prune{Destination: d, Reason: reason}, true)
	return trouble, err
}

// Prunable is Prune as far as it goes before it changes anything: it looks, reads
// back and asks the platform. It returns what is at the destination.
func (w *Worker) Prunable(ctx context.Context, a inventory.Account, d rotation.Destination) (seen rotation.Holding, trouble string, err error) {
	return w.prune(ctx, a, rotation.Prune{Destination: d}, false)
}

func (w *Worker) prune(ctx context.Context, a inventory.Account, proc rotation.Prune, wet bool) (rotation.Holding, string, error) {
	p := w.apart(ctx, a)
	if err := p.load(ctx); err != nil {
		return rotation.Holding{}, "", err
	}
	seen := &rotation.PruneState{}
	step := func(proc rotation.Prune, s rotation.Spec, r rotation.Record, in rotation.Outcome, now time.Time) (rotation.Prune, rotation.Effect) {
		next, e := proc.Step(s, r, seen, in, now)
		switch {
		case e.Kind == rotation.TryPlace:
			// What was just looked at and is not there to be read says nothing.
			p.seen.Holdings = []rotation.Held{{Destination: e.Place.Destination, Holding: rotation.Holding{Version: e.Place.Version}}}
		case e.Kind == rotation.SaveRecord && !wet:
			return next, rotation.Effect{Kind: rotation.Done}
		}
		return next, e
	}
	trouble, err := run(ctx, p, proc, step)
	return seen.Seen, trouble, err
}

// removeSecret asks a store to delete what is at a destination.
func (p *pass) removeSecret(ctx context.Context, e rotation.Effect) rotation.Outcome {
	d := e.Destination
	store, ok := p.w.Stores[d.Store].(providers.Remover)
	if !ok {
		return rotation.Outcome{Result: rotation.Denied, Words: "its store cannot delete: remove it by hand, and run: keyrota release " + string(p.a.Ref()) + " " + d.String()}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.Deadline.Sub(p.w.Now()), context.DeadlineExceeded)
	defer cancel()
	return p.outcome(p.w.Call.Once(ctx, d.Store, "remove", func(ctx context.Context) error {
		return store.Remove(ctx, d, e.Seen)
	}))
}

// Unmark removes the account's mark from a destination, so that another tool can
// own the secret, and leaves the value and the record as they are. A destination
// without a mark of the account is left alone. Trouble says why it still has
// one; the error is the ledger's or ctx's.
func (w *Worker) Unmark(ctx context.Context, a inventory.Account, d rotation.Destination) (trouble string, err error) {
	p := w.apart(ctx, a)
	if err := p.load(ctx); err != nil {
		return "", err
	}
	h, err := p.observer().LookAt(ctx, d)
	switch {
	case err != nil:
		return "it cannot be looked at: " + err.Error(), ctx.Err()
	case h.State != rotation.StateMarked && h.State != rotation.StateEdited,
		h.Mark.Instance != a.Instance, h.Mark.Account != p.record.Account:
		return "", nil
	case h.Mark.Ledger != a.Ledger:
		return "its mark was written by another ledger, " + h.Mark.Ledger + ": a daemon elsewhere may keep it", nil
	}
	store, ok := w.Stores[d.Store].(providers.Unmarker)
	if !ok {
		return "its store cannot remove marks: do it by hand", nil
	}
	out, err := p.save(ctx, p.record, []rotation.Event{{
		Kind: rotation.EventUnmarking, Key: h.Mark.Key, Edition: h.Mark.Edition, Destination: d,
	}})
	if err != nil {
		return "", err
	}
	if out.Result != rotation.OK {
		return fmt.Sprintf("%s: try again", out.Words), nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, a.Policy.WriteDeadline, context.DeadlineExceeded)
	defer cancel()
	if out := p.outcome(w.Call.Once(ctx, d.Store, "unmark", func(ctx context.Context) error { return store.Unmark(ctx, d, h) })); out.Result != rotation.OK {
		return "its mark may still be there: " + out.Words, nil
	}
	return "", nil
}

// apart is a pass for a single thing that a person asked for.
func (w *Worker) apart(ctx context.Context, a inventory.Account) *pass {
	return &pass{w: w, a: a, slots: map[rotation.KeyID]providers.Secret{}, stopping: ctx.Done()}
}

package execute

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// perform does one action. Trouble says why it did not come off; the error is
// the ledger's or ctx's.
func (p *pass) perform(ctx context.Context, action rotation.Action) (trouble string, err error) {
	switch action.Kind {
	case rotation.Save:
		out, err := p.save(ctx, action.Record, action.Events)
		if out.Result == rotation.Conflict {
			return "", nil // someone else went on; so do we
		}
		return "", err
	case rotation.LookFreshly:
		return "", nil // every look of a pass is fresh
	case rotation.DoProvision:
		return run(ctx, p, rotation.Provision{Worker: p.w.Name}, rotation.Provision.Step)
	case rotation.DoIssue:
		return run(ctx, p, rotation.Issue{
			Auth: action.Places[0], Nonce: p.w.Nonce(), Worker: p.w.Name, Why: action.Why,
		}, rotation.Issue.Step)
	case rotation.DoRetire:
		return run(ctx, p, rotation.Retire{Key: action.Key, Breaks: action.Breaks}, rotation.Retire.Step)
	case rotation.DoQuarantine:
		return run(ctx, p, rotation.Quarantine{Key: action.Key, Words: action.Breaks}, rotation.Quarantine.Step)
	case rotation.DoRemove:
		return run(ctx, p, rotation.Remove{Why: action.Why}, rotation.Remove.Step)
	case rotation.DoDiscard:
		return run(ctx, p, rotation.Discard{Key: action.Key, Label: action.Label}, rotation.Discard.Step)
	case rotation.DoDeliver:
		return p.deliver(ctx, action)
	}
	return "", fmt.Errorf("working on %s: no way to %s", p.a.Ref(), action.Kind)
}

// deliver brings the offer to each destination, or to the first that takes it
// where one is enough; one that fails leaves the others theirs.
func (p *pass) deliver(ctx context.Context, action rotation.Action) (trouble string, err error) {
	for _, d := range action.Destinations {
		words, err := p.deliverTo(ctx, d)
		if err != nil {
			return trouble, err
		}
		if words == "" && action.Enough {
			return "", nil
		}
		if words != "" {
			if trouble != "" {
				trouble += "; "
			}
			trouble += d.String() + ": " + words
		}
	}
	return trouble, nil
}

// triesPerDelivery bounds how often a destination that changes between the
// look and the write is looked at again: as fields of one secret do that
// several accounts are delivered to at once.
const triesPerDelivery = 10

func (p *pass) deliverTo(ctx context.Context, d rotation.Destination) (trouble string, err error) {
	offer := p.record.Offer
	for range triesPerDelivery {
		seen, conflict := &rotation.DeliverState{}, false
		step := func(proc rotation.Deliver, s rotation.Spec, r rotation.Record, in rotation.Outcome, now time.Time) (rotation.Deliver, rotation.Effect) {
			conflict = in.Result == rotation.Conflict
			if p.a.Format(d) == nil { // a former place that was just given up
				return proc, rotation.Effect{Kind: rotation.Done, Words: "it is not wanted any more"}
			}
			return proc.Step(s, r, seen, in, now)
		}
		trouble, err = run(ctx, p, rotation.Deliver{Destination: d, Offer: offer}, step)
		if err != nil || !conflict {
			return trouble, err
		}
	}
	return trouble, err
}

// run performs a procedure effect by effect. Once a creation has begun, it is
// finished even if ctx ends.
func run[P any](ctx context.Context, p *pass, proc P, step func(P, rotation.Spec, rotation.Record, rotation.Outcome, time.Time) (P, rotation.Effect)) (trouble string, err error) {
	var out rotation.Outcome
	for {
		var effect rotation.Effect
		proc, effect = step(proc, p.a.Spec, p.record, out, p.w.Now())
		if effect.Kind == rotation.Done {
			return effect.Words, nil
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if effect.Kind == rotation.CreateKey || effect.Kind == rotation.CreateAccount {
			ctx = context.WithoutCancel(ctx)
		}
		out, err = p.effect(ctx, effect)
		if err != nil {
			return "", err
		}
	}
}

// save saves the record. The error is the ledger's, where it is not a
// conflict.
func (p *pass) save(ctx context.Context, r rotation.Record, events []rotation.Event) (rotation.Outcome, error) {
	rev, err := p.w.Ledger.Save(ctx, p.a.Ref(), r, p.revision, events...)
	switch {
	case errors.Is(err, ledger.ErrConflict):
		return rotation.Outcome{Result: rotation.Conflict, Words: "the record changed meanwhile"}, nil
	case err != nil:
		if errors.Is(err, ledger.ErrUnclear) {
			p.keep(r) // the next pass sees which it was
		}
		return rotation.Outcome{Words: err.Error()}, fmt.Errorf("saving the record of %s: %w", p.a.Ref(), err)
	}
	p.keep(r)
	p.record, p.revision = r, rev
	p.a.Account.ID = r.Account
	if p.w.Saved != nil {
		for _, e := range events {
			p.w.Saved(p.a.Ref(), e)
		}
	}
	return rotation.Outcome{Result: rotation.OK}, nil
}

// keep holds the value of a key that r is the first to offer. Offered from here
// on, and not before: the place it was read from need not be a destination, and
// a new key is in no place yet.
func (p *pass) keep(r rotation.Record) {
	if value, ok := p.slots[r.Offer.Key]; ok && r.Offer.Key != p.record.Offer.Key {
		p.w.kept.put(p.a.Ref(), held{key: r.Offer.Key, value: value})
	}
}

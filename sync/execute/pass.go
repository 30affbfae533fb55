package execute

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// pass is one worker's work on one account.
type pass struct {
	w        *Worker
	a        inventory.Account
	record   rotation.Record
	revision ledger.Revision
	seen     rotation.Observed
	slots    map[rotation.KeyID]providers.Secret // values read or created in this pass
	auth     rotation.KeyID                      // the key read last by a procedure
	fresh    providers.Secret                    // the key created last
	stuck    []rotation.KeyID                    // could not be deleted in this pass
	proven   proof                               // what was put on record last
	stopping <-chan struct{}                     // closed when the program is asked to stop
	closely  bool                                // look even where nothing is done whatever is seen
}

// Look returns what is on record of an account, and what a pass over it sees
// now: for people, so also where a pass would not look. It changes nothing.
func (w *Worker) Look(ctx context.Context, a inventory.Account) (rotation.Record, rotation.Observed, error) {
	p := &pass{w: w, a: a, slots: map[rotation.KeyID]providers.Secret{}, stopping: ctx.Done(), closely: true}
	err := p.look(ctx)
	return p.record, p.seen, err
}

func (p *pass) observer() inventory.Observer {
	return inventory.Observer{Issuer: p.w.Issuer, Stores: p.w.Stores, Call: p.w.Call, Now: p.w.Now, LastUse: p.w.LastUse}
}

func (p *pass) load(ctx context.Context) error {
	r, rev, err := p.w.Ledger.Load(ctx, p.a.Ref())
	if err != nil {
		return fmt.Errorf("loading the record of %s: %w", p.a.Ref(), err)
	}
	if p.revision > 0 && rev == 0 {
		return fmt.Errorf("working on %s: its record went on under another name, or was given up", p.a.Ref())
	}
	p.record, p.revision = r, rev
	p.a = p.a.For(r)
	p.a.Account.ID = r.Account
	return nil
}

// look takes everything freshly. The record is loaded before, to know which
// destinations count, and again by decide.
func (p *pass) look(ctx context.Context) error {
	if err := p.load(ctx); err != nil {
		return err
	}
	p.seen = rotation.Observed{Stuck: p.stuck}
	if p.a.Idle(p.record) && !p.closely {
		return nil
	}
	// What a listing that was begun after some write shows, a look from before
	// that write does not: so it counts as begun before all looks.
	begun := p.w.Now()
	p.seen.LastUse = p.observer().LastUsed(ctx, p.a)
	defer func() { p.seen.Listing.Record, p.seen.Listing.At = p.record.Stamp(), begun }()
	var all errgroup.Group
	beside := func(f func()) {
		all.Go(func() (err error) {
			defer providers.Guard(&err)
			f()
			return nil
		})
	}
	beside(func() { p.verifyKept(ctx) })
	beside(func() { p.seen.Holdings = p.observer().Look(ctx, p.a, p.record) })
	if p.a.Admin {
		beside(func() { p.seen.Listing = p.observer().List(ctx, p.a, p.record, providers.Secret{}) })
	}
	if err := all.Wait(); err != nil || p.a.Admin {
		return err
	}
	if auth := p.ownKey(ctx); !auth.Empty() {
		p.seen.Listing = p.observer().List(ctx, p.a, p.record, auth)
	}
	return nil
}

// verifyKept puts a key that an earlier action left in memory among what was
// read.
func (p *pass) verifyKept(ctx context.Context) {
	h, ok := p.w.kept.get(p.a.Ref())
	if !ok {
		return
	}
	v, _ := p.verify(ctx, h.value)
	v.Place = rotation.Place{Kind: rotation.PlaceMemory}
	switch v.Verdict {
	case rotation.Dead, rotation.Foreign:
		p.w.kept.drop(p.a.Ref())
	}
	p.seen.Values = append(p.seen.Values, v)
}

// ownKey returns a live key of the account to list its keys with, where no
// admin credential does.
func (p *pass) ownKey(ctx context.Context) providers.Secret {
	for _, v := range p.seen.Values {
		if v.Verdict == rotation.Live {
			return p.slots[v.Key]
		}
	}
	for _, place := range p.a.Places(p.record, p.seen) {
		v, _ := p.try(ctx, place)
		p.seen.Values = append(p.seen.Values, v)
		if v.Verdict == rotation.Live {
			return p.slots[v.Key]
		}
	}
	return providers.Secret{}
}

// decide loads the record and asks for the next action, reading values back as
// long as that is asked for.
func (p *pass) decide(ctx context.Context) (rotation.Action, error) {
	for {
		if err := p.load(ctx); err != nil {
			return rotation.Action{}, err
		}
		action := rotation.Next(p.a.Spec, p.record, p.seen, p.w.Now())
		if words := p.refused(ctx, action); words != "" {
			return action.Held(rotation.Hold{Words: words, Stuck: true}), nil
		}
		if action, err := p.held(ctx, action); err != nil || action.Kind == rotation.Wait {
			return action, err
		}
		switch action.Kind {
		case rotation.AskUse:
			p.seen.Use = p.askUse(ctx, action.Before)
			if ctx.Err() != nil {
				return rotation.Action{}, ctx.Err()
			}
			continue
		case rotation.Seek:
		default:
			return action, nil
		}
		for _, place := range action.Places {
			v, _ := p.try(ctx, place)
			p.seen.Values = append(p.seen.Values, v)
			if ctx.Err() != nil {
				return rotation.Action{}, ctx.Err()
			}
			if v.Verdict == rotation.Live && (action.Key == "" || action.Key == v.Key) {
				break
			}
		}
	}
}

// tidy forgets a kept key once every destination has it.
func (p *pass) tidy() {
	if h, ok := p.w.kept.get(p.a.Ref()); ok && (!p.record.Agreed.IsZero() || p.record.Offer.Key != h.key) {
		p.w.kept.drop(p.a.Ref())
	}
}

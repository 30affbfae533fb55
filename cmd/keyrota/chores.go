package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/federation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/survey"
	"github.com/keyrota/keyrota/sync/usage/gather"
)

// chores are what is done now and then beside the passes: by the daemon when it is
// due, and by sync after its passes.
func (a *app) chores(s *system, n *notify.Notifier) ([]daemon.Chore, error) {
	external, err := federation.Accounts(s.config, s.worker.Stores)
	if err != nil {
		return nil, err
	}
	all := []daemon.Chore{{
		Name: "observing use", Due: every(s.config.Use.Every),
		Do: func(ctx context.Context) error { return a.observeUse(ctx, s, external) },
	}}
	if keeps := a.keeping(s, external); keeps != nil {
		all = append(all, *keeps)
	}
	for _, r := range s.config.Reports {
		all = append(all, a.scheduled(s, n, r))
	}
	return all, nil
}

// every has a chore done again a while after it was last done.
func every(d time.Duration) func(time.Time) time.Time {
	return func(last time.Time) time.Time { return last.Add(d) }
}

// federated is what tries and keeps the JWTs of external accounts.
func (a *app) federated(s *system) *federation.Worker {
	exchanger, ok := s.worker.Issuer.(providers.Exchanger)
	if !ok {
		return nil
	}
	r := resolver{env: a.env, stores: s.worker.Stores, paces: a.paces}
	w := &federation.Worker{
		Issuer: exchanger, Stores: s.worker.Stores, Resolve: r.resolve, Call: s.observer.Call, Now: a.now,
		Instance: s.config.Instance,
	}
	if s.ledger != nil { // without one nothing is kept, and all can be tried
		w.Ledger = s.ledger.ID()
	}
	return w
}

// keeping keeps JWTs fresh where jobs read them; nil: none is kept anywhere.
func (a *app) keeping(s *system, external []federation.Account) *daemon.Chore {
	var kept []federation.Account
	for _, e := range external {
		if e.KeepsFresh() {
			kept = append(kept, e)
		}
	}
	w := a.federated(s)
	if len(kept) == 0 || w == nil {
		return nil
	}
	var next time.Time
	due, wait := map[rotation.Ref]time.Time{}, map[rotation.Ref]time.Duration{} // of each account; it waits twice as long after each failure
	return &daemon.Chore{
		Name: "keeping JWTs fresh",
		Due: func(last time.Time) time.Time {
			if next.IsZero() {
				return last // it is looked whether one is due
			}
			return next
		},
		Do: func(ctx context.Context) error {
			var all []federation.Kept
			var errs []error
			next = a.now().Add(time.Hour)
			for _, e := range kept {
				if now := a.now(); !now.Before(due[e.Ref]) {
					k := w.Keep(ctx, e)
					all = append(all, k)
					failures := len(errs)
					for _, p := range k.Places {
						if p.Words != "" {
							errs = append(errs, fmt.Errorf("%s: %s: %s", k.Ref, p.Name, p.Words))
						}
					}
					if len(errs) > failures {
						wait[e.Ref] = min(max(2*wait[e.Ref], time.Minute), time.Hour)
					} else {
						delete(wait, e.Ref)
					}
					due[e.Ref] = k.Next
					if soon := now.Add(max(wait[e.Ref], time.Minute)); k.Next.Before(soon) {
						due[e.Ref] = soon
					}
				}
				if due[e.Ref].Before(next) {
					next = due[e.Ref]
				}
			}
			_, err := federation.Tell(ctx, s.ledger, all)
			return errors.Join(append(errs, err)...)
		},
	}
}

// observeUse gathers evidence of use, and checks what takes calls of its own.
func (a *app) observeUse(ctx context.Context, s *system, external []federation.Account) error {
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	// What the stores know of reads is asked before keys are read back.
	g := &gather.Gatherer{
		Issuer: s.worker.Issuer, Stores: s.worker.Stores, Call: s.observer.Call, Ledger: s.ledger, Use: s.config.Use, Now: a.now,
	}
	// What could not be read is on record, and becomes a finding.
	_, gathered := g.Gather(ctx, s.inventory.Accounts, records)
	before, err := survey.LastChecks(ctx, s.ledger)
	if err != nil {
		return errors.Join(gathered, err)
	}
	checker := survey.Checker{
		Inventory: s.inventory, Observer: s.observer, Config: s.config, Records: records, Before: before, OwnUse: s.ledger.NoteOwn, Now: a.now,
	}
	if w := a.federated(s); w != nil {
		checker.Federation = func(ctx context.Context, account inventory.Account) finding.Federation {
			for _, e := range external {
				if e.Ref == account.Ref() {
					return w.Check(ctx, e)
				}
			}
			return finding.Federation{}
		}
	}
	checks, err := checker.Check(ctx)
	if err != nil {
		return errors.Join(gathered, err)
	}
	return errors.Join(gathered, checks.Save(ctx, s.ledger))
}

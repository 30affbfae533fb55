package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/federation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/survey"
	"github.com/keyrota/keyrota/sync/usage"
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
				k := w.Keep(ctx, e)
				all = append(all, k)
				if soon := a.now().Add(time.Minute); k.Next.Before(soon) {
					k.Next = soon
				}
				if k.Next.Before(next) {
					next = k.Next
				}
				for _, p := range k.Places {
					if p.Words != "" {
						errs = append(errs, errors.New(string(k.Ref)+": "+p.Name+": "+p.Words))
					}
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
	checker := survey.Checker{
		Inventory: s.inventory, Observer: s.observer, Config: s.config, Records: records, OwnUse: s.ledger.NoteOwn, Now: a.now,
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
		return err
	}
	checks.Sources, err = a.gather(ctx, s, records)
	return errors.Join(err, checks.Save(ctx, s.ledger))
}

// gather reads on in every source of evidence, and says of each that was asked
// what is in the way; empty: nothing. The error is the ledger's.
func (a *app) gather(ctx context.Context, s *system, records map[rotation.Ref]rotation.Record) (map[usage.Source]string, error) {
	g := &gather.Gatherer{
		Issuer: s.worker.Issuer, Stores: s.worker.Stores, Call: s.observer.Call, Ledger: s.ledger, Use: s.config.Use, Now: a.now,
	}
	report, err := g.Gather(ctx, s.inventory.Accounts, records)
	sources, failed := map[usage.Source]string{}, map[usage.Source][]string{}
	for _, source := range report.Looked {
		sources[source] = ""
	}
	for _, f := range report.Failed {
		failed[f.Source] = append(failed[f.Source], f.Error())
	}
	for source, words := range failed {
		sources[source] = someOf(words)
	}
	return sources, err
}

// someOf bounds how much is said at once.
func someOf(words []string) string {
	const most = 3
	if more := len(words) - most; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(words[:most], "; "), more)
	}
	return strings.Join(words, "; ")
}

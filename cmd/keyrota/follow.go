package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
)

const (
	// followEvery is how often the record is looked at while a daemon works.
	followEvery = 200 * time.Millisecond
	// tryAgainEvery is how often what is in the way is tried again here.
	tryAgainEvery = 5 * time.Second
)

// follow waits until the emergencies of these accounts are over: while a daemon
// works it tells what that puts on record, and where none runs it makes the
// passes itself. It ends before where only a person can go on.
func (a *app) follow(ctx context.Context, s *system, accounts []inventory.Account) error {
	engines, err := s.engines(ctx)
	if err != nil {
		return err
	}
	if len(engines) > 0 {
		return a.followDaemon(ctx, s, accounts)
	}
	all := map[rotation.Ref]passView{}
	left := accounts
	for {
		views, err := a.passes(ctx, s, left)
		if err != nil {
			return err
		}
		var open []inventory.Account
		pause := tryAgainEvery
		for i, v := range views {
			ref := rotation.Ref(v.Account)
			v.Events = append(all[ref].Events, v.Events...)
			all[ref] = v
			r, err := s.record(ctx, ref)
			if err != nil {
				return err
			}
			if emergent(r) && !forPeople(r) && r.Parked == "" && v.Result != resultRefused {
				open = append(open, left[i])
				if v.Until != nil {
					pause = min(pause, max(v.Until.Sub(a.now()), 0))
				}
			}
		}
		if len(open) == 0 {
			break
		}
		left = open
		if !wait(ctx, max(pause, 100*time.Millisecond)) {
			return ctx.Err()
		}
	}
	views := make([]passView, 0, len(accounts))
	for _, account := range accounts {
		v := all[account.Ref()]
		if v.Result == execute.Unchanged && len(v.Events) > 0 {
			v.Result = execute.Changed
		}
		views = append(views, v)
	}
	return errors.Join(a.printPasses(views), verdict(views))
}

// followDaemon tells what a daemon puts on record until the emergencies are over.
func (a *app) followDaemon(ctx context.Context, s *system, accounts []inventory.Account) error {
	progress := newProgress(a, accounts)
	defer progress.end()
	progress.start(len(accounts))
	head, err := s.ledger.Head(ctx)
	if err != nil {
		return err
	}
	open := map[rotation.Ref]bool{}
	for _, account := range accounts {
		open[account.Ref()] = true
	}
	told := map[rotation.Ref][]rotation.Event{}
	records := map[rotation.Ref]rotation.Record{}
	for since := head.Seq; len(open) > 0; {
		events, err := s.ledger.Events(ctx, since, 0, "")
		if err != nil {
			return err
		}
		for _, e := range events {
			since = e.Seq
			if _, ours := open[e.Ref]; ours {
				progress.saved(e.Ref, e.Event)
			}
		}
		for ref := range open {
			r, err := s.record(ctx, ref)
			if err != nil {
				return err
			}
			if records[ref] = r; !emergent(r) || forPeople(r) || r.Parked != "" || !r.Left.IsZero() {
				told[ref] = progress.done(ref)
				delete(open, ref)
			}
		}
		if len(open) > 0 && !wait(ctx, followEvery) {
			return ctx.Err()
		}
	}
	progress.end()
	views := make([]passView, 0, len(accounts))
	for _, account := range accounts {
		ref := account.Ref()
		v := passView{Account: string(ref), Result: execute.Changed, Why: "the emergency is over"}
		for _, e := range told[ref] {
			v.Events = append(v.Events, string(e.Kind))
		}
		switch r := records[ref]; {
		case r.Parked != "":
			v.Result, v.Why = execute.Parked, r.Parked
		case !r.Left.IsZero() && emergent(r):
			engines, err := s.engines(ctx)
			if err != nil {
				return err
			}
			v.Result, v.Why = execute.Waiting, carriedOutByNobody(engines)
		case emergent(r):
			v.Result, v.Why = execute.Waiting, "keys that keyrota did not make are left: say what becomes of each with keyrota rotate --leaked "+string(ref)
		}
		views = append(views, v)
	}
	return errors.Join(a.printPasses(views), verdict(views))
}

// wait lets time pass, and returns false if ctx ends before.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// forPeople reports whether all that is left of an emergency are keys that
// nothing explains and that nobody has decided on.
func forPeople(r rotation.Record) bool {
	return r.Offer.Edition > r.Leaked && len(r.Old) == 0 &&
		slices.ContainsFunc(r.Strange, func(k rotation.KeyID) bool { return !slices.Contains(r.Leak.Keep, k) })
}

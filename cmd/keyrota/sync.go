package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/plan"
)

// passView is what sync did for one account.
type passView struct {
	Account string   `json:"account"`
	Result  string   `json:"result"` // unchanged, changed, waiting, parked or failed
	Events  []string `json:"events,omitempty"`
	Why     string   `json:"why,omitempty"`
}

// What a pass came to, in the output of sync.
const (
	resultUnchanged = "unchanged"
	resultChanged   = "changed"
	resultWaiting   = "waiting"
	resultParked    = "parked"
	resultFailed    = "failed"
)

func newSync(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "sync [ACCOUNT...]",
		Short: "Do what is due now, once: for pipelines and CronJobs",
		Long: `Makes one pass over all accounts, or over those named: what plan shows for now
is done. It may run beside the daemon, which does the same on schedule.

Exit code 3 says that some accounts failed, wait for something that is in the
way, or are parked; the others are done.`,
		RunE: func(cmd *cobra.Command, names []string) error { return a.sync(cmd.Context(), names) },
	}
}

func (a *app) sync(ctx context.Context, names []string) error {
	s, err := a.open(ctx, ledgerWrite)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.named(names)
	if err != nil {
		return err
	}
	return a.work(ctx, s, accounts)
}

// verdict turns what came of the accounts into an exit code.
func verdict(views []passView) error {
	bad := 0
	for _, v := range views {
		if v.Result != resultUnchanged && v.Result != resultChanged {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return &exitError{exitPartly, fmt.Errorf("%d of %s: see WHY, and keyrota history ACCOUNT", bad, count(len(views), "account")+" not in order")}
}

// named returns the accounts of these names, and all of them for none.
func (s *system) named(names []string) ([]inventory.Account, error) {
	if len(names) == 0 {
		return s.inventory.Accounts, nil
	}
	var accounts []inventory.Account
	for _, name := range names {
		account, err := s.inventory.Find(name)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

// passes sweeps, and works on the accounts for which there is something to do.
func (a *app) passes(ctx context.Context, s *system, accounts []inventory.Account) ([]passView, error) {
	swept, err := s.sweep(ctx, accounts)
	if err != nil {
		return nil, err
	}
	pending := plan.Pending(swept, a.now())

	var lock sync.Mutex
	events := map[rotation.Ref][]string{}
	s.worker.Saved = func(ref rotation.Ref, e rotation.Event) {
		lock.Lock()
		defer lock.Unlock()
		events[ref] = append(events[ref], string(e.Kind))
		a.progress(ref, e)
	}
	views := make([]passView, len(accounts))
	var g errgroup.Group
	g.SetLimit(s.config.Workers)
	for i, account := range accounts {
		ref := account.Ref()
		// What a person asked for is looked at closely: they may have brought a
		// key that no sweep can see.
		asked := swept[i].Record.Request.Kind != rotation.RequestNone
		if !asked && !slices.Contains(pending, ref) {
			action := rotation.Next(account.Spec, swept[i].Record, swept[i].Observed.AsFresh(), a.now())
			views[i] = view(ref, execute.Report{Wait: action, Record: swept[i].Record}, nil)
			continue
		}
		g.Go(func() error {
			report, err := s.worker.Pass(ctx, account)
			lock.Lock()
			defer lock.Unlock()
			views[i] = view(ref, report, err)
			views[i].Events = events[ref]
			return nil
		})
	}
	_ = g.Wait()
	return views, ctx.Err()
}

func view(ref rotation.Ref, r execute.Report, err error) passView {
	v := passView{Account: string(ref), Why: r.Wait.Why, Result: resultUnchanged}
	switch {
	case err != nil:
		v.Result, v.Why = resultFailed, err.Error()
	case r.Record.Parked != "":
		v.Result, v.Why = resultParked, r.Record.Parked
	case r.Trouble != "":
		v.Result = resultFailed
	case r.Wait.Overdue:
		v.Result = resultWaiting
	case r.Did > 0:
		v.Result = resultChanged
	}
	return v
}

// progress says what was just done: plain lines on standard error.
func (a *app) progress(ref rotation.Ref, e rotation.Event) {
	if a.output != "" && a.output != outputTable {
		return
	}
	a.warn("%s  %s  %s", a.now().Format("15:04:05"), ref, describe(e))
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/plan"
)

// passView is what sync, rotate and adopt did for one account.
type passView struct {
	Account string         `json:"account"`
	Result  execute.Result `json:"result"` // what its pass came to, requested or refused
	Events  []string       `json:"events,omitempty"`
	Why     string         `json:"why,omitempty"`
	Until   *time.Time     `json:"until,omitempty"` // when something happens next by itself
}

// What a request can come to, besides what a pass can.
const (
	resultRequested execute.Result = "requested" // on record, for the daemon to do
	resultRefused   execute.Result = "refused"   // what a person asked for cannot be
)

func newSync(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "sync [ACCOUNT...]",
		Short: "Do what is due now, once: for pipelines and CronJobs",
		Long: `Makes one pass over all accounts, or over those named: what plan shows for now
is done. It may run beside the daemon, which does the same on schedule.

Exit code 3 says that some accounts failed, wait for something that is in the
way, or are parked; the others are done.`,
		ValidArgsFunction: a.accounts,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.sync(cmd.Context(), names) },
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
	if err := a.enroll(ctx, s); err != nil {
		return err
	}
	err = a.work(ctx, s, accounts)
	if len(names) == 0 {
		a.tellAfter(ctx, s)
	}
	return err
}

// verdict turns what came of the accounts into an exit code.
func verdict(views []passView) error {
	counts, bad := map[execute.Result]int{}, 0
	for _, v := range views {
		counts[v.Result]++
		switch v.Result {
		case execute.Unchanged, execute.Changed, resultRequested:
		default:
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	var what []string
	for _, result := range []execute.Result{execute.Failed, resultRefused, execute.Parked, execute.Waiting} {
		if n := counts[result]; n > 0 {
			what = append(what, fmt.Sprintf("%d %s", n, result))
		}
	}
	code, hint := exitPartly, "WHY says what is in the way, keyrota history ACCOUNT what was done"
	if counts[resultRefused] > 0 {
		code, hint = exitFailed, "WHY says the reason"
	}
	return &exitError{code, fmt.Errorf("of %s, %s: %s", count(len(views), "account"), strings.Join(what, ", "), hint)}
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
	progress := newProgress(a, accounts)
	defer progress.end()
	progress.say("looking at " + count(len(accounts), "account"))
	swept, err := s.sweep(ctx, accounts)
	if err != nil {
		return nil, err
	}
	if _, err := execute.Hold(ctx, s.worker.Gate, s.worker.Limit, accounts, swept, a.now()); err != nil {
		return nil, err
	}
	if _, err := execute.TellHeld(ctx, s.worker.Gate, swept); err != nil {
		return nil, err
	}
	pending := map[rotation.Ref]bool{}
	for _, ref := range plan.Pending(swept, a.now()) {
		pending[ref] = true
	}
	for _, account := range swept {
		// What a person asked for is looked at closely: they may have brought a
		// key that no sweep can see.
		if account.Record.Request.Kind != rotation.RequestNone {
			pending[account.Spec.Account.Ref] = true
		}
	}
	progress.start(len(pending))

	s.worker.Saved = progress.saved
	views := make([]passView, len(accounts))
	var g errgroup.Group
	g.SetLimit(s.config.Workers)
	for i, account := range accounts {
		ref := account.Ref()
		if !pending[ref] {
			views[i] = view(ref, execute.Report{Wait: swept[i].Next(a.now()), Record: swept[i].Record}, nil)
			continue
		}
		swept[i].Observed.Holdings = nil // its pass looks afresh
		g.Go(func() error {
			var report execute.Report
			freezes, err := s.ledger.Freezes(ctx) // those of this moment: passes before it took their time
			if err == nil {
				report, err = s.worker.Pass(ctx, account.Frozen(freezes))
			}
			views[i] = view(ref, report, err)
			views[i].events(progress.done(ref))
			return nil
		})
	}
	_ = g.Wait()
	if ctx.Err() == nil {
		a.warnUnlisted(swept, views)
	}
	return views, ctx.Err()
}

// warnUnlisted says why the platform's keys are unknown, once for each reason,
// where no account says so: what is not due now may be in trouble later.
func (a *app) warnUnlisted(swept []plan.Account, views []passView) {
	var told []string
	for i, v := range views {
		words := unlisted(swept[i:i+1], rotation.Ref(v.Account))
		if words != "" && (v.Result == execute.Unchanged || v.Result == resultRequested) && !slices.Contains(told, words) {
			told = append(told, words)
			a.warn("warning: the platform's keys are unknown: %s", words)
		}
	}
}

func view(ref rotation.Ref, r execute.Report, err error) passView {
	v := passView{Account: string(ref), Why: r.Wait.Why, Until: moment(r.Wait.Until), Result: r.Result(err)}
	switch {
	case err != nil:
		v.Why = err.Error()
	case r.Record.Parked != "":
		v.Why = r.Record.Parked
	case v.Result == execute.Unchanged && r.Record.Request.Kind != rotation.RequestNone:
		v.Result = resultRequested // and held back for now, as by a freeze
	}
	return v
}

// events adds what was put on record. A pass that records a request has turned
// it down.
func (v *passView) events(all []rotation.Event) {
	for _, e := range all {
		v.Events = append(v.Events, string(e.Kind))
		if e.Kind == rotation.EventRequested && v.Result != execute.Failed {
			v.Result = resultRefused
			v.Why = e.Words + "; " + v.Why
		}
	}
}

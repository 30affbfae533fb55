package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/plan"
)

// stepView is one step in the output of plan.
type stepView struct {
	When        time.Time `json:"when"`
	Now         bool      `json:"now"`
	Account     string    `json:"account"`
	Step        string    `json:"step"`
	Key         string    `json:"key,omitempty"`
	Edition     uint64    `json:"edition,omitempty"`
	Destination string    `json:"destination,omitempty"`
	Why         string    `json:"why"`
	Assuming    string    `json:"assuming,omitempty"`
}

// waitingView is what an account waits for afterwards.
type waitingView struct {
	Account string     `json:"account"`
	Phase   string     `json:"phase"`
	Until   *time.Time `json:"until,omitempty"`
	Due     *time.Time `json:"due,omitempty"`
	Why     string     `json:"why"`
	Overdue bool       `json:"overdue"`
	Notes   []string   `json:"notes,omitempty"`
}

func newPlan(a *app) *cobra.Command {
	var until, since string
	var detailed bool
	c := &cobra.Command{
		Use:   "plan [ACCOUNT...]",
		Short: "Show what would be done now, and when the next things are due",
		Long: `Looks at the platform and the stores, reads no value, changes nothing, and says
what sync would do now. With --until it folds the future as well. Without a
ledger it plans from labels and marks, and says what is then unknown. Rotations
that max_rotations_per_day holds back today are not planned for later days.

With --since it compares two configurations instead, and says what the change
means: new destinations, changed addresses, shorter overlaps and organization
scope first. It asks no store, no platform and no ledger, so a pipeline needs
no credentials for it; values of environment variables are not shown. With
--output markdown it is a comment for a pull request.`,
		Example: `  keyrota plan --until 30d
  keyrota plan ml-platform/nightly-eval --output json
  git worktree add /tmp/base origin/main
  keyrota plan --since /tmp/base/keyrota.yaml --output markdown`,
		ValidArgsFunction: a.accounts,
		RunE: func(cmd *cobra.Command, names []string) error {
			if since != "" {
				if len(names) > 0 || until != "" {
					return errors.New("--since compares whole configurations: leave out accounts and --until")
				}
				return a.since(since, detailed)
			}
			return a.plan(cmd.Context(), names, until, detailed)
		},
	}
	c.Flags().StringVar(&until, "until", "", "`DURATION` to plan ahead, like 30d")
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 if something would be done now, or differs")
	c.Flags().StringVar(&since, "since", "", "compare with the configuration `FILE` as it was before")
	_ = c.MarkFlagFilename("since", "yaml", "yml")
	return c
}

func (a *app) plan(ctx context.Context, names []string, until string, detailed bool) error {
	var ahead time.Duration
	if until != "" {
		var err error
		if ahead, err = config.ParseDuration(until); err != nil {
			return fmt.Errorf("--until %q: %w: write a duration like 30d", until, err)
		}
	}
	s, err := a.open(ctx, ledgerRead)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.named(names)
	if err != nil {
		return err
	}
	swept, err := s.sweep(ctx, accounts)
	if err != nil {
		return err
	}
	now := a.now()
	if err := s.holdPlanned(ctx, accounts, swept, now); err != nil {
		return err
	}
	p := plan.Make(swept, now, now.Add(ahead))
	steps := make([]stepView, 0, len(p.Steps))
	for _, step := range p.Steps {
		v := stepView{
			When: step.When.UTC(), Now: !step.When.After(now), Account: string(step.Ref), Step: string(step.Kind),
			Key: string(step.Key), Edition: uint64(step.Edition), Why: step.Why, Assuming: step.Assuming,
		}
		if step.Destination != (rotation.Destination{}) {
			v.Destination = step.Destination.String()
		}
		steps = append(steps, v)
	}
	frozen := map[rotation.Ref][]freezeView{}
	for _, account := range accounts {
		frozen[account.Ref()] = s.frozen(account, now)
	}
	waiting := make([]waitingView, 0, len(p.Waiting))
	for _, w := range p.Waiting {
		if words := unlisted(swept, w.Ref); words != "" && !strings.Contains(w.Why, words) {
			w.Notes = append(w.Notes, "the platform's keys are unknown: "+words)
		}
		if from, moves := s.former[w.Ref]; moves {
			w.Notes = append(w.Notes, movesFrom(from))
		}
		for _, f := range frozen[w.Ref] {
			w.Notes = append(w.Notes, f.words())
		}
		waiting = append(waiting, waitingView{
			string(w.Ref), string(w.Phase), moment(w.Until), moment(w.Due), w.Why, w.Overdue, w.Notes,
		})
	}
	err = a.print(struct {
		Steps   []stepView    `json:"steps"`
		Waiting []waitingView `json:"waiting"`
	}{steps, waiting}, func(w io.Writer) { (&planText{app: a, out: w}).write(steps, waiting) })
	if err == nil && detailed && p.Changes() {
		return &exitError{code: exitChanges}
	}
	return err
}

// unlisted says why the platform did not list an account's keys, where it was
// asked to.
func unlisted(swept []plan.Account, ref rotation.Ref) string {
	for _, p := range swept {
		if p.Spec.Account.Ref == ref && p.Spec.Admin && !p.Spec.Policy.Observe {
			return p.Observed.Listing.Words
		}
	}
	return ""
}

// holdPlanned has a plan know which rotations may not begin now.
func (s *system) holdPlanned(ctx context.Context, accounts []inventory.Account, swept []plan.Account, now time.Time) error {
	if s.ledger == nil {
		return nil
	}
	_, err := execute.HoldPlanned(ctx, s.ledger, s.config.RotationLimit(), accounts, swept, now)
	return err
}

// sweep looks at everything once and pairs it with what is on record.
func (s *system) sweep(ctx context.Context, accounts []inventory.Account) ([]plan.Account, error) {
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	return s.paired(accounts, records, s.observer.Sweep(ctx, accounts, records)), nil
}

// paired puts together what is wanted, recorded and seen of each account.
func (s *system) paired(accounts []inventory.Account, records map[rotation.Ref]rotation.Record, seen map[rotation.Ref]rotation.Observed) []plan.Account {
	swept := make([]plan.Account, 0, len(accounts))
	for _, account := range accounts {
		ref := account.Ref()
		swept = append(swept, plan.Account{
			Spec: account.For(records[ref]).Spec, Record: records[ref], Observed: seen[ref], NoLedger: s.ledger == nil,
		})
	}
	return swept
}

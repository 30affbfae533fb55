package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

func newRotate(a *app) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "rotate ACCOUNT...",
		Short: "Create and deliver a new key now; the old one goes after its overlap",
		Long: `Asks for a new key of each account now, whatever the schedule and the window say.
The request is put on record. A running daemon carries it out; where none runs,
this command does. A parked account is taken up again.`,
		Args:              someAccounts,
		ValidArgsFunction: a.accounts,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.rotate(cmd.Context(), names, reason) },
	}
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` for the record")
	return c
}

func (a *app) rotate(ctx context.Context, names []string, reason string) error {
	s, err := a.open(ctx, ledgerWrite)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.named(names)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if err := writable(account); err != nil {
			return err
		}
	}
	for _, account := range accounts {
		q := rotation.Request{Kind: rotation.RequestRotate, At: a.now(), By: actor(), Reason: reason}
		if err := s.request(ctx, account.Ref(), q, nil); err != nil {
			return err
		}
	}
	return a.carryOut(ctx, s, accounts)
}

// writable refuses what keyrota was told to leave alone.
func writable(account inventory.Account) error {
	switch {
	case account.Config.Scope == config.ScopeExternal:
		return fmt.Errorf("%s is an external account, which owns no key: nothing can be rotated or adopted", account.Ref())
	case account.Policy.Observe:
		return fmt.Errorf("%s is under manage: observe: write manage: rotate in the configuration first", account.Ref())
	}
	return nil
}

// request puts a person's wish on record, with the secrets they let us take
// over.
func (s *system) request(ctx context.Context, ref rotation.Ref, q rotation.Request, take []rotation.Destination) error {
	return s.ledger.Update(ctx, ref, func(r rotation.Record) (rotation.Record, []rotation.Event, error) {
		r = r.Clone()
		r.Request = q
		r.Adopt = append(r.Adopt, take...)
		words := string(q.Kind)
		if q.Reason != "" {
			words += ": " + q.Reason
		}
		return r, []rotation.Event{{Kind: rotation.EventRequested, Key: q.Key, Words: words}}, nil
	})
}

// carryOut lets the running engine do what was requested, or does it here.
func (a *app) carryOut(ctx context.Context, s *system, accounts []inventory.Account) error {
	engines, err := s.engines(ctx)
	if err != nil {
		return err
	}
	if len(engines) > 0 {
		views := make([]passView, 0, len(accounts))
		for _, account := range accounts {
			views = append(views, passView{
				Account: string(account.Ref()), Result: resultRequested,
				Why: fmt.Sprintf("the daemon (%s) carries it out: keyrota history %s", named(engines), account.Ref()),
			})
		}
		return a.printPasses(views)
	}
	return a.work(ctx, s, accounts)
}

// work makes one pass over each account, here, and prints what came of it.
func (a *app) work(ctx context.Context, s *system, accounts []inventory.Account) error {
	views, err := a.passes(ctx, s, accounts)
	a.exportNow(ctx, s)
	if err != nil {
		return err
	}
	return errors.Join(a.printPasses(views), verdict(views))
}

func (a *app) printPasses(views []passView) error {
	return a.print(struct {
		Accounts []passView `json:"accounts"`
	}{views}, func(w io.Writer) {
		rows := make([][]string, 0, len(views))
		for _, v := range views {
			rows = append(rows, []string{v.Account, string(v.Result), until(v.Why, v.Until)})
		}
		a.columns(w, []string{"ACCOUNT", "RESULT", "WHY"}, rows)
	})
}

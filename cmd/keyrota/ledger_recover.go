package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
)

func newLedgerRecover(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "recover [ACCOUNT...]",
		Short: "Make the records of a lost ledger again, from labels and marks",
		Long: `Looks at all accounts, or at those named, and puts on record what the labels of
keys and the marks on secrets say of those that nothing is on record of. The
newest key that a destination holds is offered under a new edition; every other
key with a label of ours counts as one that readers may hold. Nothing else is
done: no key is created or deleted, no secret is written. keyrota sync and
keyrota run recover in the same way, and then go on; with recover a person sees
first what was found.

The place under ledger: must be empty, or hold a ledger that lacks accounts.
Move a damaged one away; for PostgreSQL, name another database.

Exit code 3 says that some accounts could not be recovered; WHY says the reason.`,
		ValidArgsFunction: a.accounts,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.recover(cmd.Context(), names) },
	}
}

// What can come of the recovery of an account.
const (
	recovered    = "recovered"     // now on record
	wasOnRecord  = "on record"     // already
	notRecovered = "not recovered" // why says the reason
	notKept      = "not kept"      // manage: observe, or external: there is no record of it
)

// recoveryView is one account in the output of recover.
type recoveryView struct {
	Account      string   `json:"account"`
	Result       string   `json:"result"`
	Edition      uint64   `json:"edition,omitempty"`
	Key          string   `json:"key,omitempty"`
	Old          []string `json:"old,omitempty"`
	Destinations []string `json:"destinations,omitempty"`
	Unexplained  []string `json:"unexplained_keys,omitempty"`
	Why          string   `json:"why,omitempty"`
}

// lost is what labels and marks do not tell.
var lost = []string{
	"what happened before: the events",
	"freezes, and what people asked for and was not done yet",
	"that others may know keys: those of an emergency that was not over are offered again, so say it again, with keyrota rotate --leaked",
	"destinations that left the configuration, with the keys that they hold",
	"keys without a label, adopted or made by hand, that no destination holds any more: they are unexplained now",
	"accounts that are not in the configuration",
}

func (a *app) recover(ctx context.Context, names []string) error {
	s, err := a.open(ctx, ledgerWrite)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.named(names)
	if err != nil {
		return err
	}
	views := make([]recoveryView, len(accounts))
	var g errgroup.Group
	g.SetLimit(s.config.Workers)
	for i, account := range accounts {
		g.Go(func() error {
			r, err := s.worker.Recover(ctx, account)
			views[i] = viewRecovery(account, r, err)
			return nil
		})
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err = a.print(struct {
		Ledger   string         `json:"ledger"`
		Accounts []recoveryView `json:"accounts"`
		Lost     []string       `json:"lost"`
	}{s.ledger.Name(), views, lost}, func(w io.Writer) { a.recoveryTable(w, views) })
	return errors.Join(err, missed(views))
}

// missed says how many accounts are not on record.
func missed(views []recoveryView) error {
	n := 0
	for _, v := range views {
		if v.Result == notRecovered {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return &exitError{exitPartly, fmt.Errorf("of %s, %d could not be recovered: WHY says the reason; run it again once that is mended",
		count(len(views), "account"), n)}
}

func viewRecovery(account inventory.Account, r execute.Recovery, err error) recoveryView {
	v := recoveryView{
		Account: string(account.Ref()), Result: wasOnRecord, Edition: uint64(r.Record.Offer.Edition), Key: string(r.Record.Offer.Key),
	}
	for _, old := range r.Record.Old {
		v.Old = append(v.Old, string(old.Key))
	}
	for _, d := range r.Record.Dests {
		v.Destinations = append(v.Destinations, d.String())
	}
	for _, k := range r.Unexplained {
		v.Unexplained = append(v.Unexplained, string(k.ID))
	}
	switch {
	case err != nil:
		v.Result, v.Why = notRecovered, err.Error()
	case r.Did > 0:
		v.Result = recovered
	case account.Policy.Observe:
		v.Result, v.Why = notKept, r.Wait.Why
	case r.Record.Account == "":
		v.Result, v.Why = notRecovered, needed(r.Wait)
	}
	if v.Why == "" && v.Key == "" {
		v.Why = "no destination holds a key of ours that works: " + r.Wait.Why
	}
	return v
}

// needed says why nothing could be put on record.
func needed(a rotation.Action) string {
	switch {
	case a.Kind == rotation.DoProvision:
		return a.Why + ": keyrota sync creates it"
	case a.Kind == rotation.Save && a.Record.Parked != "":
		return a.Record.Parked
	}
	return a.Why
}

func (a *app) recoveryTable(w io.Writer, views []recoveryView) {
	rows := make([][]string, 0, len(views))
	for _, v := range views {
		edition := ""
		if v.Edition > 0 {
			edition = strconv.FormatUint(v.Edition, 10)
		}
		why := v.Why
		if len(v.Unexplained) > 0 {
			why = strings.TrimPrefix(why+"; unexplained: "+strings.Join(v.Unexplained, ", "), "; ")
		}
		rows = append(rows, []string{v.Account, v.Result, edition, v.Key, strings.Join(v.Old, ", "), why})
	}
	a.columns(w, []string{"ACCOUNT", "RESULT", "EDITION", "KEY", "OLD KEYS", "WHY"}, rows)
	if !slices.ContainsFunc(views, func(v recoveryView) bool { return v.Result != wasOnRecord }) {
		return
	}
	_, _ = fmt.Fprintf(w, "\nLabels and marks do not tell, so it is lost:\n")
	for _, what := range lost {
		_, _ = fmt.Fprintf(w, "  - %s\n", what)
	}
}

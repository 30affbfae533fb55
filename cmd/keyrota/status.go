package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// accountView is one account in the output of status.
type accountView struct {
	Account      string            `json:"account"`
	Manage       string            `json:"manage"`
	Phase        string            `json:"phase"`
	Key          string            `json:"key,omitempty"`
	Edition      uint64            `json:"edition,omitempty"`
	Issued       *time.Time        `json:"issued,omitempty"` // absent: age unknown
	Due          *time.Time        `json:"due,omitempty"`
	Next         string            `json:"next"` // what will be done now, or what is waited for
	Until        *time.Time        `json:"until,omitempty"`
	Overdue      bool              `json:"overdue"`
	Parked       string            `json:"parked,omitempty"`
	Old          []oldView         `json:"old,omitempty"`
	Destinations []destinationView `json:"destinations"`
	Agree        bool              `json:"agree"` // all destinations hold the offered key
}

// oldView is a key that is still to be retired.
type oldView struct {
	Key       string `json:"key"`
	Edition   uint64 `json:"edition"`
	Condemned bool   `json:"condemned"`
}

// destinationView is how one destination stands to the offered key.
type destinationView struct {
	Destination string `json:"destination"`
	Standing    string `json:"standing"` // holds, lacks, not ours or unknown
	Words       string `json:"words,omitempty"`
}

// engineView says whether a daemon runs on this ledger.
type engineView struct {
	Running bool   `json:"running"`
	Holder  string `json:"holder,omitempty"`
}

func newStatus(a *app) *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use:   "status [ACCOUNT...]",
		Short: "Each account: phase, key age, next due, and whether its destinations agree",
		Long: `Shows what is on record, and what a look at the stores and the platform shows now
(no value is read). With --offline only the ledger is read: that works while
everything else is down.`,
		RunE: func(cmd *cobra.Command, names []string) error { return a.status(cmd.Context(), names, offline) },
	}
	c.Flags().BoolVar(&offline, "offline", false, "read the ledger only; how destinations stand is then unknown")
	return c
}

const statusLooksFor = 15 * time.Second

func (a *app) status(ctx context.Context, names []string, offline bool) error {
	s, err := a.open(ctx, ledgerRead)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.named(names)
	if err != nil {
		return err
	}
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	seen := map[rotation.Ref]rotation.Observed{}
	if !offline {
		looking, cancel := context.WithTimeout(ctx, statusLooksFor)
		defer cancel()
		seen = s.observer.Sweep(looking, accounts, records)
	}
	engine := engineView{}
	if holder, running, err := ledger.Locked(s.config.Ledger); err == nil && running {
		engine = engineView{true, holder.String()}
	}
	views := make([]accountView, 0, len(accounts))
	for _, account := range accounts {
		views = append(views, a.accountView(account, records[account.Ref()], seen[account.Ref()].AsFresh(), offline))
	}
	if len(names) == 0 {
		views = append(views, left(accounts, records)...)
	}
	if s.ledger == nil {
		a.warn("there is no ledger yet: keyrota sync, or keyrota run, makes one")
	}
	return a.print(struct {
		Engine   engineView    `json:"engine"`
		Accounts []accountView `json:"accounts"`
	}{engine, views}, func(w io.Writer) { a.statusTable(w, engine, views) })
}

func (a *app) accountView(account inventory.Account, r rotation.Record, seen rotation.Observed, offline bool) accountView {
	v := accountView{
		Account: string(account.Ref()), Manage: string(account.Config.Manage), Phase: string(r.Phase()),
		Key: string(r.Offer.Key), Edition: uint64(r.Offer.Edition), Parked: r.Parked,
		Issued: moment(r.Offer.Issued), Due: moment(account.Due(r)), Destinations: []destinationView{},
	}
	for _, o := range r.Old {
		v.Old = append(v.Old, oldView{string(o.Key), uint64(o.Edition), o.Condemned})
	}
	v.Agree = r.Offer.Key != ""
	for _, d := range account.Destinations(r) {
		h := seen.Holding(d)
		standing := account.Standing(r, h, d)
		v.Agree = v.Agree && standing == rotation.StandsHolds
		words := h.Words
		if offline {
			words = "not looked at"
		}
		v.Destinations = append(v.Destinations, destinationView{d.String(), standing.String(), words})
	}
	if offline {
		v.Next = r.Parked
		return v
	}
	next := rotation.Next(account.Spec, r, seen, a.now())
	v.Overdue, v.Until = next.Overdue, moment(next.Until)
	if v.Next = next.Why; next.Kind != rotation.Wait {
		v.Next = next.Kind.String() + ": " + next.Why
	}
	return v
}

// left returns the accounts on record that are not in the configuration any
// more: their keys keep working.
func left(accounts []inventory.Account, records map[rotation.Ref]rotation.Record) []accountView {
	gone := maps.Clone(records)
	for _, account := range accounts {
		delete(gone, account.Ref())
	}
	var views []accountView
	for _, ref := range slices.Sorted(maps.Keys(gone)) {
		r := gone[ref]
		v := accountView{
			Account: string(ref), Phase: string(r.Phase()), Key: string(r.Offer.Key), Edition: uint64(r.Offer.Edition),
			Issued: moment(r.Offer.Issued), Overdue: true, Destinations: []destinationView{},
			Next: "left the configuration: its keys keep working and are not rotated; put it back, or retire it by hand",
		}
		for _, d := range r.Dests {
			v.Destinations = append(v.Destinations, destinationView{d.String(), rotation.StandsUnknown.String(), "not looked at"})
		}
		views = append(views, v)
	}
	return views
}

// moment returns a time for JSON, absent where there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *app) statusTable(w io.Writer, engine engineView, views []accountView) {
	rows := make([][]string, 0, len(views))
	for _, v := range views {
		age, due := "-", "-"
		switch {
		case v.Issued != nil:
			age = span(a.now().Sub(*v.Issued))
		case v.Key != "":
			age = "unknown"
		}
		if v.Due != nil {
			due = localTime(*v.Due)
		}
		rows = append(rows, []string{v.Account, v.Phase, age, due, agreement(v), v.Next})
	}
	a.columns(w, []string{"ACCOUNT", "PHASE", "KEY AGE", "NEXT DUE", "DESTINATIONS", "NEXT"}, rows)
	if engine.Running {
		_, _ = fmt.Fprintf(w, "\nThe daemon runs: %s.\n", engine.Holder)
	} else {
		_, _ = fmt.Fprintln(w, "\nNo daemon runs on this ledger.")
	}
}

// agreement sums up how the destinations stand.
func agreement(v accountView) string {
	if len(v.Destinations) == 0 {
		return "none"
	}
	counts := map[string]int{}
	for _, d := range v.Destinations {
		counts[d.Standing]++
	}
	text := fmt.Sprintf("%d of %d hold it", counts[rotation.StandsHolds.String()], len(v.Destinations))
	for _, standing := range []rotation.Standing{rotation.StandsForeign, rotation.StandsUnknown} {
		if n := counts[standing.String()]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, standing)
		}
	}
	return text
}

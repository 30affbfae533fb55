package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/plan"
)

// accountView is one account in the output of status.
type accountView struct {
	Account      string            `json:"account"`
	Manage       string            `json:"manage"`
	Phase        string            `json:"phase"`
	Key          string            `json:"key,omitempty"`
	Edition      uint64            `json:"edition,omitempty"`
	Issued       *time.Time        `json:"issued,omitempty"`    // absent: age unknown
	Due          *time.Time        `json:"due,omitempty"`       // absent: on request only, or no key yet
	Next         string            `json:"next"`                // what would be done now, or what is waited for
	Until        *time.Time        `json:"until,omitempty"`     // when something happens next by itself
	Overdue      bool              `json:"overdue"`             // something is in the way of what is due
	Left         *time.Time        `json:"left,omitempty"`      // when it was first seen to be out of the configuration
	Parked       string            `json:"parked,omitempty"`    // what a person must do
	Requested    string            `json:"requested,omitempty"` // what a person asked for and is not done yet
	Emergency    *time.Time        `json:"emergency,omitempty"` // since when others may know its keys
	Frozen       []freezeView      `json:"frozen,omitempty"`    // what holds it back now
	Unlisted     string            `json:"unlisted,omitempty"`  // why the platform did not list its keys
	Old          []oldView         `json:"old,omitempty"`
	Unexplained  []string          `json:"unexplained_keys,omitempty"` // live keys that the record does not explain
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

func newStatus(a *app) *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use:   "status [ACCOUNT...]",
		Short: "Where each account stands, and whether its destinations agree",
		Long: `Shows what is on record, and what a look at the stores and the platform shows
now (no key is read back). With --offline only the ledger is read: that works
while everything else is down.`,
		ValidArgsFunction: a.accounts,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.status(cmd.Context(), names, offline) },
	}
	c.Flags().BoolVar(&offline, "offline", false, "read the ledger only; how destinations stand is then unknown")
	return c
}

// statusLooksFor bounds the look, so that there is an answer while something
// hangs.
const statusLooksFor = 15 * time.Second

func (a *app) status(ctx context.Context, names []string, offline bool) error {
	s, err := a.open(ctx, ledgerRead)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	accounts, gone, err := s.namedOrLeft(names, records)
	if err != nil {
		return err
	}
	seen := map[rotation.Ref]rotation.Observed{}
	looking, cancel := context.WithTimeout(ctx, statusLooksFor)
	defer cancel()
	if !offline {
		s.observer.ForPeople = true
		seen = s.observer.Sweep(looking, accounts, records)
	}
	engine := s.engineView(ctx)
	swept := s.paired(accounts, records, seen)
	if !offline {
		if err := s.holdPlanned(ctx, accounts, swept, a.now()); err != nil {
			return err
		}
	}
	views := make([]accountView, 0, len(accounts))
	for i, account := range accounts {
		v := recorded(account, records[account.Ref()])
		v.Frozen = s.frozen(account, a.now())
		if offline {
			v.Next = notLooked
			v.destinations(swept[i].Spec.Destinations(swept[i].Record))
		} else {
			a.look(&v, swept[i])
		}
		for n, d := range swept[i].Spec.Destinations(swept[i].Record) {
			if words := &v.Destinations[n].Words; account.Former(d) && *words == "" {
				*words = formerPlace
			}
		}
		if from, moves := s.former[account.Ref()]; moves {
			v.Next = movesFrom(from) + "; " + v.Next
		}
		views = append(views, v)
	}
	views = append(views, a.left(looking, s, records, gone, offline)...)
	if s.ledger == nil {
		a.warn("there is no ledger yet: keyrota sync, or keyrota run, makes one")
	}
	var head *headView
	if s.ledger != nil {
		h, err := headOf(ctx, s.ledger)
		if err != nil {
			return err
		}
		head = &h
	}
	freezes := make([]freezeView, 0, len(s.freezes))
	for _, f := range s.freezes {
		freezes = append(freezes, frozenAs(f))
	}
	return a.print(struct {
		Engine   engineView    `json:"engine"`
		Head     *headView     `json:"head,omitempty"` // of the ledger; absent where there is none yet
		Freezes  []freezeView  `json:"freezes,omitempty"`
		Accounts []accountView `json:"accounts"`
	}{engine, head, freezes, views}, func(w io.Writer) { a.statusTable(w, engine, freezes, views, len(names) > 0) })
}

const formerPlace = "the former place: delivered to until keyrota release"

// recorded is what the ledger alone says of an account.
func recorded(account inventory.Account, r rotation.Record) accountView {
	v := accountView{
		Account: string(account.Ref()), Manage: string(account.Config.Manage), Phase: string(r.Phase()),
		Key: string(r.Offer.Key), Edition: uint64(r.Offer.Edition), Issued: moment(r.Offer.Issued), Parked: r.Parked,
	}
	if r.Offer.Key != "" {
		v.Due = moment(account.Due(r))
	}
	if q := r.Request; q.Kind != rotation.RequestNone {
		v.Requested = fmt.Sprintf("%s, by %s", q.Kind, q.By)
	}
	v.Emergency = moment((&stricken{record: r}).underWay())
	for _, o := range r.Old {
		v.Old = append(v.Old, oldView{string(o.Key), uint64(o.Edition), o.Condemned})
	}
	return v
}

const notLooked = "not looked at"

// destinations are those of an account, when nobody looks at them.
func (v *accountView) destinations(all []rotation.Destination) {
	v.Destinations = make([]destinationView, 0, len(all))
	for _, d := range all {
		v.Destinations = append(v.Destinations, destinationView{d.String(), rotation.StandsUnknown.String(), notLooked})
	}
}

// whyStands says why a destination stands as it does: why it could not be
// looked at, or who owns it.
func whyStands(s rotation.Standing, h rotation.Holding) string {
	switch {
	case s != rotation.StandsForeign:
		return h.Words
	case h.Mark.Instance != "":
		return fmt.Sprintf("keyrota %s, account %s", h.Mark.Instance, h.Mark.Account)
	}
	return h.Owner
}

// look adds what was seen, and what plan makes of it.
func (a *app) look(v *accountView, p plan.Account) {
	seen := p.Observed.AsFresh()
	v.Unlisted = unlisted([]plan.Account{p}, p.Spec.Account.Ref)
	for _, k := range rotation.Unexplained(p.Record, seen) {
		v.Unexplained = append(v.Unexplained, string(k.ID))
	}
	v.Agree = p.Record.Offer.Key != ""
	all := p.Spec.Destinations(p.Record)
	v.Destinations = make([]destinationView, 0, len(all))
	for _, d := range all {
		h := seen.Holding(d)
		standing := p.Spec.Standing(p.Record, h, d)
		v.Agree = v.Agree && standing == rotation.StandsHolds
		v.Destinations = append(v.Destinations, destinationView{d.String(), standing.String(), whyStands(standing, h)})
	}
	now := a.now()
	next := plan.Make([]plan.Account{p}, now, now)
	if !next.Changes() {
		w := next.Waiting[0]
		v.Next, v.Until, v.Overdue = w.Why, moment(w.Until), w.Overdue
		return
	}
	first := next.Steps[0]
	v.Next = string(first.Kind) + ": " + first.Why
	if more := len(next.Steps) - 1; more > 0 {
		v.Next += fmt.Sprintf(" (and %s: see keyrota plan %s)", count(more, "more step"), v.Account)
	}
}

// statusTable prints the accounts, and the destinations that need a word; all
// of those of accounts that were named.
func (a *app) statusTable(w io.Writer, engine engineView, freezes []freezeView, views []accountView, named bool) {
	rows := make([][]string, 0, len(views))
	var places [][]string
	var unlisted []string
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
		rows = append(rows, []string{v.Account, v.Phase, age, due, agreement(v), next(v)})
		if v.Unlisted != "" && !strings.Contains(v.Next, v.Unlisted) && !slices.Contains(unlisted, v.Unlisted) {
			unlisted = append(unlisted, v.Unlisted)
		}
		for _, d := range v.Destinations {
			if named || v.Manage == "" || d.Words != notLooked && !strings.Contains(v.Next, d.Words) {
				places = append(places, []string{v.Account, d.Destination, d.Standing, d.Words})
			}
		}
	}
	a.columns(w, []string{"ACCOUNT", "PHASE", "KEY AGE", "NEXT DUE", "DESTINATIONS", "NEXT"}, rows)
	if len(places) > 0 {
		_, _ = fmt.Fprintln(w)
		a.columns(w, []string{"ACCOUNT", "DESTINATION", "STANDING", "WHY"}, places)
	}
	for _, v := range views {
		freezes = append(freezes, slices.DeleteFunc(slices.Clone(v.Frozen), func(f freezeView) bool { return f.By != "" })...)
	}
	if len(freezes) > 0 {
		_, _ = fmt.Fprintln(w)
		a.freezeTable(w, freezes)
	}
	for _, v := range views {
		if n := len(v.Unexplained); n > 0 {
			printLines(w, fmt.Sprintf("\n%s of %s that nothing on record explains, and that you have to judge: %s. Delete it in W&B, hand it in with keyrota adopt, or, if a key has leaked, keyrota rotate --leaked",
				count(n, "live key"), v.Account, strings.Join(v.Unexplained, ", ")), a.width())
		}
	}
	for _, words := range unlisted {
		printLines(w, "\nThe platform's keys are unknown: "+words, a.width())
	}
	_, _ = fmt.Fprintln(w, "\n"+engine.String())
}

// next sums up what is next.
func next(v accountView) string {
	text := v.Next
	if text == notLooked && v.Parked != "" {
		text = v.Parked
	}
	if v.Until != nil && (v.Due == nil || !v.Until.Equal(*v.Due)) {
		text = until(text, v.Until)
	} else {
		text = local(text)
	}
	if v.Emergency != nil {
		text = "EMERGENCY since " + localTime(*v.Emergency) + "; " + text
	}
	if v.Requested != "" {
		text = "requested: " + v.Requested + "; " + text
	}
	return text
}

// agreement sums up how the destinations stand.
func agreement(v accountView) string {
	counts := map[string]int{}
	for _, d := range v.Destinations {
		counts[d.Standing]++
	}
	n := len(v.Destinations)
	switch {
	case n == 0:
		return "none"
	case v.Destinations[0].Words == notLooked:
		return fmt.Sprintf("%d %s", n, notLooked)
	}
	text := fmt.Sprintf("%d of %d hold it", counts[rotation.StandsHolds.String()], n)
	if v.Key == "" {
		text = fmt.Sprintf("%d, no key yet", n)
	}
	for _, standing := range []rotation.Standing{rotation.StandsForeign, rotation.StandsUnknown} {
		if n := counts[standing.String()]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, standing)
		}
	}
	return text
}

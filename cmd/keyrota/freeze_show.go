package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// frozen returns the freezes that hold an account back at a time: those on
// record, and those of the configuration.
func (s *system) frozen(account inventory.Account, now time.Time) []freezeView {
	var views []freezeView
	for _, f := range s.freezes {
		if inventory.Binds(f, account) && !now.Before(f.From) && (f.Until.IsZero() || now.Before(f.Until)) {
			views = append(views, frozenAs(f))
		}
	}
	for _, f := range account.Config.Freezes {
		if !now.Before(f.From) && now.Before(f.Until) {
			views = append(views, freezeView{Account: string(account.Ref()), From: moment(f.From), Until: moment(f.Until), Reason: f.Reason})
		}
	}
	return views
}

// words says until when a freeze holds back, who said so, and why.
func (v freezeView) words() string {
	text := "frozen by the configuration"
	if v.By != "" {
		text = "frozen by " + v.By
	}
	if v.Until == nil {
		text += " until someone lifts it"
	} else {
		text += " until " + localTime(*v.Until)
	}
	if v.Reason != "" {
		text += ": " + v.Reason
	}
	return text
}

// heldBack says, in lines, what holds back what a person asks for.
func (s *system) heldBack(account inventory.Account, now time.Time) []string {
	var lines []string
	for _, f := range s.frozen(account, now) {
		lines = append(lines, "  "+f.words(), "  so it waits until then; keyrota unfreeze lifts a freeze of keyrota freeze, keyrota rotate --leaked overrides any")
	}
	return lines
}

func frozenWords(f ledger.Freeze) string { return frozenWhom(f) + " " + frozenAs(f).words() }

// frozenWhom names what a freeze is about.
func frozenWhom(f ledger.Freeze) string {
	switch {
	case f.Ref != "":
		return string(f.Ref)
	case f.Team != "":
		return "team " + f.Team
	}
	return "every account"
}

func orNothing(all []ledger.Freeze) string {
	var lines []string
	for _, f := range all {
		lines = append(lines, frozenWords(f))
	}
	if len(lines) == 0 {
		return "keyrota freeze said none"
	}
	return "these are: " + strings.Join(lines, "; ")
}

func frozenAs(f ledger.Freeze) freezeView {
	return freezeView{Account: string(f.Ref), Team: f.Team, From: moment(f.From), Until: moment(f.Until), Reason: f.Reason, By: f.By}
}

func (a *app) printFreezes(views []freezeView) error {
	if views == nil {
		views = []freezeView{}
	}
	return a.print(struct {
		Freezes []freezeView `json:"freezes"`
	}{views}, func(w io.Writer) {
		if len(views) == 0 {
			_, _ = fmt.Fprintln(w, "Nothing is frozen by keyrota freeze.")
			return
		}
		a.freezeTable(w, views)
	})
}

// freezeTable prints freezes for people; those of the configuration that several
// accounts share in one line.
func (a *app) freezeTable(w io.Writer, views []freezeView) {
	var rows [][]string
	shared := map[string]int{} // row of a freeze of the configuration
	for _, v := range views {
		until := "someone lifts it"
		if v.Until != nil {
			until = localTime(*v.Until)
		}
		if v.By != "" {
			rows = append(rows, []string{frozenWhom(ledger.Freeze{Team: v.Team, Ref: rotation.Ref(v.Account)}), until, v.Reason + " (" + v.By + ")"})
			continue
		}
		key := until + v.Reason
		if i, ok := shared[key]; ok {
			if names := strings.Split(rows[i][0], ", "); !slices.Contains(names, v.Account) {
				rows[i][0] += ", " + v.Account
			}
			continue
		}
		shared[key] = len(rows)
		rows = append(rows, []string{v.Account, until, v.Reason + " (the configuration)"})
	}
	for i := range rows {
		if names := strings.Split(rows[i][0], ", "); len(names) > 2 {
			rows[i][0] = count(len(names), "account")
		}
	}
	a.columns(w, []string{"FROZEN", "UNTIL", "WHY"}, rows)
}

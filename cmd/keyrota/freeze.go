package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// freezeView is one freeze in the output of freeze, unfreeze and status.
type freezeView struct {
	Account string     `json:"account,omitempty"` // absent, as the team: all
	Team    string     `json:"team,omitempty"`
	From    *time.Time `json:"from,omitempty"`
	Until   *time.Time `json:"until,omitempty"` // absent: until someone lifts it
	Reason  string     `json:"reason,omitempty"`
	By      string     `json:"by,omitempty"` // absent: the configuration
}

// frost is what a freeze is about: all, teams, or accounts.
type frost struct {
	teams []string
	names []string
}

func newFreeze(a *app) *cobra.Command {
	var k consent
	var what frost
	var until string
	c := &cobra.Command{
		Use:   "freeze [ACCOUNT... | --team TEAM] --until TIME --reason TEXT",
		Short: "Create and delete no key for a while: of all, a team, or some",
		Long: `Holds back creating and deleting keys until TIME, a day or time like 2026-12-24
or "2026-12-24 15:00" here, or a duration from now, like 3d. What was begun is
delivered, and what is changed by hand is healed. It holds back keyrota rotate
and keyrota retire too; keyrota rotate --leaked overrides it. Freezes of the
configuration and of this command add up.`,
		Example: `  keyrota freeze --until 4h --reason 'release of 4.2'
  keyrota freeze --team ml-platform --until '2026-12-24 18:00' --reason 'audit'`,
		ValidArgsFunction: a.accounts,
		RunE: func(cmd *cobra.Command, names []string) error {
			what.names = names
			return a.freeze(cmd.Context(), what, until, k)
		},
	}
	c.Flags().StringArrayVar(&what.teams, "team", nil, "`TEAM` whose accounts are frozen; may be repeated")
	c.Flags().StringVar(&until, "until", "", "`TIME` at which it ends, or how long it lasts")
	k.flags(c)
	return c
}

func newUnfreeze(a *app) *cobra.Command {
	var k consent
	var what frost
	c := &cobra.Command{
		Use:   "unfreeze [ACCOUNT... | --team TEAM]",
		Short: "Lift what keyrota freeze said, before its end",
		Long: `Lifts the freezes of all accounts, of a team, or of the accounts that are named:
each is lifted as it was said. What the configuration freezes stays frozen.`,
		ValidArgsFunction: a.accounts,
		RunE: func(cmd *cobra.Command, names []string) error {
			what.names = names
			return a.unfreeze(cmd.Context(), what, k)
		},
	}
	c.Flags().StringArrayVar(&what.teams, "team", nil, "`TEAM` whose freeze is lifted; may be repeated")
	k.flags(c)
	return c
}

func (a *app) freeze(ctx context.Context, what frost, until string, k consent) error {
	end, err := a.ends(until)
	switch {
	case err != nil:
		return err
	case k.reason == "":
		return errors.New("say why, for whoever meets the freeze: --reason TEXT")
	}
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	scopes, err := s.scopes(what)
	if err != nil {
		return err
	}
	lines := []string{"No key is created or deleted until " + localTime(end) + " (for " + span(end.Sub(a.now())) + ") of:"}
	for _, f := range scopes {
		lines = append(lines, "  "+frozenWhom(f)+s.atWork(ctx, f))
	}
	lines = append(lines, "What was begun is delivered, and hand edits are healed; keyrota rotate --leaked overrides it.")
	if err := a.confirm(ctx, k, change{does: strings.Join(lines, "\n")}); err != nil {
		return err
	}
	var views []freezeView
	for _, f := range scopes {
		f.From, f.Until, f.Reason, f.By = a.now(), end, k.reason, actor()
		if f, err = s.ledger.Freeze(ctx, f); err != nil {
			return err
		}
		views = append(views, frozenAs(f))
	}
	return a.printFreezes(views)
}

func (a *app) unfreeze(ctx context.Context, what frost, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	scopes, err := s.scopes(what)
	if err != nil {
		return err
	}
	var lifted, left []ledger.Freeze
	for _, f := range s.freezes {
		if slices.ContainsFunc(scopes, func(w ledger.Freeze) bool { return w.Team == f.Team && w.Ref == f.Ref }) {
			lifted = append(lifted, f)
		} else {
			left = append(left, f)
		}
	}
	if len(lifted) == 0 {
		return fmt.Errorf("there is no such freeze: a freeze is lifted as it was said; %s", orNothing(left))
	}
	lines := []string{"Lifted:"}
	for _, f := range lifted {
		lines = append(lines, "  "+frozenWords(f))
	}
	for i, f := range left {
		if i == 0 {
			lines = append(lines, "Stays:")
		}
		lines = append(lines, "  "+frozenWords(f))
	}
	if err := a.confirm(ctx, k, change{does: strings.Join(lines, "\n")}); err != nil {
		return err
	}
	for _, f := range lifted {
		if err := s.ledger.Unfreeze(ctx, f.ID, k.reason); err != nil {
			return err
		}
	}
	views := make([]freezeView, 0, len(left))
	for _, f := range left {
		views = append(views, frozenAs(f))
	}
	return a.printFreezes(views)
}

// scopes returns an empty freeze for everything that is to be frozen or lifted.
func (s *system) scopes(what frost) ([]ledger.Freeze, error) {
	if len(what.teams) == 0 && len(what.names) == 0 {
		return []ledger.Freeze{{}}, nil
	}
	var all []ledger.Freeze
	for _, team := range what.teams {
		if !slices.ContainsFunc(s.inventory.Accounts, func(a inventory.Account) bool { return a.Config.Team == team }) &&
			!slices.ContainsFunc(s.freezes, func(f ledger.Freeze) bool { return f.Team == team }) { // it may have left since
			return nil, fmt.Errorf("there is no team %q in the configuration: keyrota status lists its accounts, as team/name", team)
		}
		all = append(all, ledger.Freeze{Team: team})
	}
	for _, name := range what.names {
		account, err := s.inventory.Find(name)
		if err != nil {
			return nil, err
		}
		all = append(all, ledger.Freeze{Ref: account.Ref()})
	}
	return all, nil
}

// ends reads when a freeze ends.
func (a *app) ends(text string) (time.Time, error) {
	now := a.now()
	end := time.Time{}
	if d, err := config.ParseDuration(text); err == nil {
		end = now.Add(d)
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			end = t
		}
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		end = t.AddDate(0, 0, 1) // that day is frozen too
	}
	switch {
	case text == "":
		return end, errors.New("say when it ends, so that it is not forgotten: --until 3d, or --until '2026-12-24 18:00'")
	case end.IsZero():
		return end, fmt.Errorf("--until %q is neither a time nor a duration: write 2026-12-24, '2026-12-24 18:00' or 3d", text)
	case !end.After(now):
		return end, fmt.Errorf("--until %q is over already: it is %s", text, localTime(now))
	}
	return end, nil
}

// atWork says what a freeze catches in the middle.
func (s *system) atWork(ctx context.Context, f ledger.Freeze) string {
	records, err := s.records(ctx)
	if err != nil {
		return ""
	}
	n, emergencies := 0, 0
	for _, account := range s.inventory.Accounts {
		if !inventory.Binds(f, account) {
			continue
		}
		r := records[account.Ref()]
		if len(r.Old) > 0 {
			n++
		}
		if emergent(r) {
			emergencies++
		}
	}
	text := ""
	if n > 0 {
		text += fmt.Sprintf("; old keys of %s are kept for as long", count(n, "account"))
	}
	if emergencies > 0 {
		text += fmt.Sprintf("; the emergency of %s goes on", count(emergencies, "account"))
	}
	return text
}

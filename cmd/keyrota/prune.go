package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// pruneView is one destination that left the configuration.
type pruneView struct {
	Account     string     `json:"account"`
	Destination string     `json:"destination"`
	Result      string     `json:"result"` // pruned or refused
	Key         string     `json:"key,omitempty"`
	Edition     uint64     `json:"edition,omitempty"`
	LastRead    *time.Time `json:"last_read,omitempty"`
	Why         string     `json:"why,omitempty"`  // of refused
	Undo        string     `json:"undo,omitempty"` // of pruned: how it is brought back
}

// What pruning can come to.
const (
	pruned       = "pruned"
	pruneRefused = "refused"
)

// pruning is a destination that left the configuration, on its way.
type pruning struct {
	pruneView
	account inventory.Account
	at      rotation.Destination
	state   rotation.State
}

func newPrune(a *app) *cobra.Command {
	var k consent
	c := &cobra.Command{
		Use:   "prune [ACCOUNT [DESTINATION]]",
		Short: "Delete destinations that left the configuration",
		Long: `Shows the destinations that left the configuration, and after a person agreed
deletes them and strikes them from the record. Those of an account that left as
a whole only if the account is named.

Only what bears keyrota's mark for this very account, at a fresh look and
unchanged since, is deleted; in a secret that others use too only its field;
nothing that another tool keeps; and never the last place that a live key of the
account can be read back from: delete the account or its keys at the platform
first. Where a store keeps what is deleted for a while, it can be brought back:
AWS for 30 days, Azure within the vault's retention, Vault as long as it keeps
the version. Nothing is purged. A directory keeps nothing.

What nobody reads any more, and is to be left as it is, release takes off the
record.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) <= 2 {
				return nil
			}
			return fmt.Errorf("name an account, and perhaps one of its destinations, or nothing: see %s --help", c.CommandPath())
		},
		ValidArgsFunction: a.onRecord,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.prune(cmd.Context(), args, k) },
	}
	k.flags(c)
	return c
}

func (a *app) prune(ctx context.Context, args []string, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if s.ledger == nil {
		return errNothingOnRecord
	}
	found, err := a.leftPlaces(ctx, s, args)
	if err != nil {
		return err
	}
	if err := s.examine(ctx, found); err != nil {
		return err
	}
	removable := func(c pruning) bool { return c.Result == pruned }
	if slices.ContainsFunc(found, removable) {
		word := pruneWord
		if len(args) > 0 {
			word = found[0].Account
		}
		does := whatPruneDoes(found)
		if engines, err := s.engines(ctx); err == nil && len(engines) > 0 {
			does += fmt.Sprintf("\na daemon runs (%s): if it has not loaded this configuration yet, it delivers there again", named(engines))
		}
		if err := a.confirm(ctx, k, change{does: does, word: word}); err != nil {
			return err
		}
	}
	for i := range found {
		if c := &found[i]; removable(*c) {
			trouble, err := s.worker.Prune(ctx, c.account, c.at, k.reason)
			if err != nil {
				return err
			}
			if trouble != "" {
				c.refuse(trouble)
			}
		}
	}
	return errors.Join(a.printPruned(found), prunedAll(found))
}

// pruneWord is typed where several accounts lose secrets.
const pruneWord = "prune"

// leftPlaces are the destinations that a person means.
func (a *app) leftPlaces(ctx context.Context, s *system, args []string) ([]pruning, error) {
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	var refs []rotation.Ref
	if len(args) > 0 {
		ref, err := recordedRef(ctx, s.config, s.ledger, args[0])
		if err != nil {
			return nil, err
		}
		if err := s.unseen(ctx, ref, records[ref]); err != nil {
			return nil, err
		}
		refs = []rotation.Ref{ref}
	} else {
		for _, account := range s.inventory.Accounts {
			refs = append(refs, account.Ref())
		}
	}
	var found []pruning
	for _, ref := range refs {
		account, _ := s.wantedOrFormer(ref)
		for _, d := range account.LeftDestinations(records[ref]) {
			if len(args) < 2 || args[1] == d.String() {
				found = append(found, pruning{
					pruneView: pruneView{Account: string(ref), Destination: d.String(), Result: pruned}, account: account, at: d,
				})
			}
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	hint := ""
	if gone := departed(s.config, records); len(gone) > 0 {
		hint = fmt.Sprintf("; %s left as a whole, whose secrets are pruned where it is named: %s", count(len(gone), "account"), joinRefs(gone))
	}
	if len(args) == 2 {
		d, err := s.releasable(refs[0], records[refs[0]], args[1])
		if err == nil {
			err = fmt.Errorf("%s is not on record", d)
		}
		return nil, err
	}
	return nil, errors.New("no destination has left the configuration: there is nothing to prune" + hint)
}

func joinRefs(refs []rotation.Ref) string {
	names := make([]string, 0, len(refs))
	for _, ref := range refs {
		names = append(names, string(ref))
	}
	return strings.Join(names, ", ")
}

// examine goes as far with each as pruning does before it changes anything.
func (s *system) examine(ctx context.Context, found []pruning) error {
	var g errgroup.Group
	g.SetLimit(s.config.Workers)
	for i := range found {
		c := &found[i]
		g.Go(func() (err error) {
			defer providers.Guard(&err)
			if by, used := deliversTo(s.config, c.at); used {
				c.refuse(fmt.Sprintf("%s delivers to this place: release it, with --strip-mark to hand it over", by))
				return nil
			}
			seen, trouble, err := s.worker.Prunable(ctx, c.account, c.at)
			if err != nil {
				return err
			}
			c.state, c.Key, c.Edition = seen.State, string(seen.Mark.Key), uint64(seen.Mark.Edition)
			remover, able := s.worker.Stores[c.at.Store].(providers.Remover)
			switch {
			case trouble != "":
				c.refuse(trouble)
				return nil
			case !able:
				c.refuse("its store cannot delete: remove it by hand, then release it")
				return nil
			case seen.State != rotation.StateAbsent:
				c.Undo = remover.Undo(c.at)
				c.LastRead = moment(s.lastRead(ctx, c.at))
			}
			return nil
		})
	}
	return g.Wait()
}

func (c *pruning) refuse(why string) { c.Result, c.Why, c.Undo = pruneRefused, why, "" }

// whatPruneDoes says what a person is asked to agree to.
func whatPruneDoes(found []pruning) string {
	var b strings.Builder
	for _, c := range found {
		switch {
		case c.Result == pruneRefused:
			fmt.Fprintf(&b, "leave, of %s: %s\n  %s\n", c.Account, c.Destination, c.Why)
			continue
		case c.state == rotation.StateAbsent:
			fmt.Fprintf(&b, "strike from the record, of %s: %s\n  nothing is there any more\n", c.Account, c.Destination)
			continue
		}
		var last time.Time
		if c.LastRead != nil {
			last = *c.LastRead
		}
		fmt.Fprintf(&b, "delete, of %s: %s\n  key %s of edition %d; %s; %s\n  %s\n",
			c.Account, c.Destination, c.Key, c.Edition, whenRead(last), whoUses(c.account), c.Undo)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// whoUses says who is known to use an account.
func whoUses(account inventory.Account) string {
	if account.Config == nil {
		return "who uses the account went with it from the configuration"
	}
	words := "the account's owner is " + account.Config.Owner
	if len(account.Config.UsedBy) > 0 {
		words += ", used by " + strings.Join(account.Config.UsedBy, ", ")
	}
	return words
}

func (a *app) printPruned(found []pruning) error {
	views := make([]pruneView, 0, len(found))
	for _, c := range found {
		views = append(views, c.pruneView)
	}
	return a.print(struct {
		Destinations []pruneView `json:"destinations"`
	}{views}, func(w io.Writer) {
		rows := make([][]string, 0, len(views))
		for _, v := range views {
			words := v.Why
			if v.Result == pruned && v.Undo != "" {
				words = v.Undo
			} else if v.Result == pruned {
				words = "it was gone already"
			}
			rows = append(rows, []string{v.Account, v.Destination, v.Result, words})
		}
		a.columns(w, []string{"ACCOUNT", "DESTINATION", "RESULT", "WHY"}, rows)
	})
}

// prunedAll turns what was left into an exit code.
func prunedAll(found []pruning) error {
	kept := 0
	for _, c := range found {
		if c.Result != pruned {
			kept++
		}
	}
	if kept == 0 {
		return nil
	}
	code := exitPartly
	if kept == len(found) {
		code = exitFailed
	}
	return &exitError{code, fmt.Errorf("of %s, %d left as they are: WHY says the reason", count(len(found), "destination"), kept)}
}

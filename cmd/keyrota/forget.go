package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// forgetOptions are what of keyrota is given up.
type forgetOptions struct {
	all, strip bool
}

func newForget(a *app) *cobra.Command {
	var k consent
	var o forgetOptions
	c := &cobra.Command{
		Use:   "forget (ACCOUNT... | --all)",
		Short: "Give up the record of an account, and say what lives where without keyrota",
		Long: `Prints what a person needs to go on without keyrota: which keys each account has,
under which labels, in which secrets, and who owns it. Then, after a person
agreed, gives the record up. All keys keep working, and every secret stays as it
is; the history stays too.

An account that is forgotten has left the configuration, or is under
manage: observe. --all forgets all, for whoever leaves keyrota; no daemon may run.

With --strip-marks keyrota's marks are removed from the secrets, never a value,
so that another tool can own them. Without it, an account that comes back into
the configuration is recovered from its marks. The labels of keys at the platform
stay: W&B changes none.`,
		Example: `  keyrota forget ml/nightly-eval
  keyrota forget --all --strip-marks --output json --yes > what-lives-where.json`,
		Args: func(c *cobra.Command, args []string) error {
			if (len(args) > 0) != o.all {
				return nil
			}
			return fmt.Errorf("name accounts, like %s ml/nightly-eval, or write --all: keyrota status lists them", c.CommandPath())
		},
		ValidArgsFunction: a.onRecord,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.forget(cmd.Context(), names, o, k) },
	}
	c.Flags().BoolVar(&o.all, "all", false, "forget every account on record")
	c.Flags().BoolVar(&o.strip, "strip-marks", false, "remove keyrota's marks from the secrets too")
	k.flags(c)
	return c
}

func (a *app) forget(ctx context.Context, names []string, o forgetOptions, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if s.ledger == nil {
		return errNothingOnRecord
	}
	if o.all {
		engines, err := s.engines(ctx)
		if err == nil && len(engines) > 0 {
			err = fmt.Errorf("a daemon runs (%s) and would begin anew at once: stop it first", named(engines))
		}
		if err != nil {
			return err
		}
	}
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	refs, err := s.forgettable(ctx, names, records)
	if err != nil {
		return err
	}
	views, err := s.whatLivesWhere(ctx, refs, records)
	if err != nil {
		return err
	}
	if err := a.printEstate(views); err != nil {
		return err
	}
	does := fmt.Sprintf("forget: %s\n  the record is given up; every key keeps working, and every secret stays as it is", joinRefs(refs))
	if o.strip {
		does += ", without keyrota's mark"
	}
	if err := a.confirm(ctx, k, change{does: does}); err != nil {
		return err
	}
	kept := 0
	for _, ref := range refs {
		trouble, err := s.giveUp(ctx, ref, o.strip, k.reason)
		switch {
		case err != nil:
			return err
		case trouble != "":
			kept++
			a.warn("%s is still on record: %s", ref, trouble)
		default:
			a.warn("%s is forgotten", ref)
		}
	}
	if kept > 0 {
		return &exitError{exitPartly, fmt.Errorf("of %s, %d still on record: put right what is in the way and run it again, or leave --strip-marks out", count(len(refs), "account"), kept)}
	}
	return nil
}

// forgettable returns the accounts that a person named, or all on record, if they
// may be forgotten.
func (s *system) forgettable(ctx context.Context, names []string, records map[rotation.Ref]rotation.Record) ([]rotation.Ref, error) {
	var refs []rotation.Ref
	if len(names) == 0 {
		for ref, r := range records {
			if !r.Blank() {
				refs = append(refs, ref)
			}
		}
		if slices.Sort(refs); len(refs) == 0 {
			return nil, errors.New("nothing is on record: there is nothing to forget")
		}
		return refs, nil
	}
	for _, name := range names {
		ref, err := recordedRef(ctx, s.config, s.ledger, name)
		if err != nil {
			return nil, err
		}
		account, wanted := s.wantedOrFormer(ref)
		switch {
		case records[ref].Blank():
			return nil, fmt.Errorf("nothing is on record of %s: there is nothing to forget", ref)
		case wanted && !account.Policy.Observe:
			return nil, fmt.Errorf("%s is in the configuration and would be taken up again at once: remove it there, or write manage: observe, and then forget it", ref)
		}
		if err := s.unseen(ctx, ref, records[ref]); err != nil {
			return nil, err
		}
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// giveUp forgets one account: its marks, if they are to go, and then its record.
// The record of one whose marks could not all be removed stays, so that it can
// be done again.
func (s *system) giveUp(ctx context.Context, ref rotation.Ref, strip bool, reason string) (trouble string, err error) {
	if strip {
		account, _ := s.wantedOrFormer(ref)
		r, _, err := s.ledger.Load(ctx, ref)
		if err != nil {
			return "", err
		}
		var left []string
		for _, d := range account.Destinations(r) {
			words, err := s.worker.Unmark(ctx, account, d)
			if err != nil {
				return "", err
			}
			if words != "" {
				left = append(left, d.String()+": "+words)
			}
		}
		if len(left) > 0 {
			return strings.Join(left, "; "), nil
		}
	}
	return "", s.ledger.Update(ctx, ref, func(r rotation.Record) (rotation.Record, []rotation.Event, error) {
		if r.Blank() {
			return r, nil, nil // somebody else was quicker
		}
		return rotation.Record{}, []rotation.Event{{
			Kind: rotation.EventForgotten, Key: r.Offer.Key, Edition: r.Offer.Edition, Words: reason,
		}}, nil
	})
}

// estateView is what a person needs to run an account without keyrota.
type estateView struct {
	Account      string            `json:"account"`
	ID           string            `json:"id,omitempty"` // the platform's
	Owner        string            `json:"owner,omitempty"`
	Purpose      string            `json:"purpose,omitempty"`
	UsedBy       []string          `json:"used_by,omitempty"`
	Keys         []estateKeyView   `json:"keys"`
	Unlisted     string            `json:"unlisted,omitempty"` // why the platform did not list its keys
	Destinations []estatePlaceView `json:"destinations"`
}

// estateKeyView is one key of an account.
type estateKeyView struct {
	Key   string `json:"key"`
	Label string `json:"label,omitempty"`
	Is    string `json:"is"` // what it is
}

// estatePlaceView is one secret, and the key in it.
type estatePlaceView struct {
	Destination string `json:"destination"`
	Key         string `json:"key,omitempty"` // which is in it, by its mark
	Seen        string `json:"seen"`          // delivered, edited, absent, not ours or unknown
	Words       string `json:"words,omitempty"`
}

// whatLivesWhere looks at everything that belongs to some accounts.
func (s *system) whatLivesWhere(ctx context.Context, refs []rotation.Ref, records map[rotation.Ref]rotation.Record) ([]estateView, error) {
	views := make([]estateView, len(refs))
	var g errgroup.Group
	g.SetLimit(s.config.Workers)
	for i, ref := range refs {
		g.Go(func() (err error) {
			defer providers.Guard(&err)
			account, _ := s.wantedOrFormer(ref)
			views[i] = s.estate(ctx, account, records[ref])
			return nil
		})
	}
	return views, g.Wait()
}

func (s *system) estate(ctx context.Context, account inventory.Account, r rotation.Record) estateView {
	v := estateView{Account: string(account.Ref()), ID: string(r.Account), Keys: []estateKeyView{}, Destinations: []estatePlaceView{}}
	if c := account.Config; c != nil {
		v.Owner, v.Purpose, v.UsedBy = c.Owner, c.Purpose, c.UsedBy
	}
	listing := rotation.Listing{Words: "the account was never found at the platform"}
	if r.Account != "" {
		listing = s.observer.List(ctx, account, r, providers.Secret{})
	}
	v.Unlisted = listing.Words
	labels := map[rotation.KeyID]string{}
	for _, k := range listing.Keys {
		labels[k.ID] = string(k.Label)
	}
	add := func(key rotation.KeyID, is string) {
		if key == "" {
			return
		}
		label, listed := labels[key]
		if listing.Complete && !listed {
			is += "; the platform does not list it, so it is deleted"
		}
		delete(labels, key)
		v.Keys = append(v.Keys, estateKeyView{string(key), label, is})
	}
	add(r.Offer.Key, "what readers should have")
	for _, o := range r.Old {
		is := "an old one, kept for its overlap: delete it when no reader has it any more"
		if o.Condemned {
			is = "an old one that was about to be deleted: delete it"
		}
		add(o.Key, is)
	}
	for _, k := range listing.Keys {
		if _, left := labels[k.ID]; left {
			add(k.ID, "not keyrota's, or made and never given to readers: for you to judge")
		}
	}
	for _, held := range s.observer.Look(ctx, account, r) {
		h := held.Holding
		p := estatePlaceView{Destination: held.Destination.String(), Seen: h.State.String(), Words: h.Words}
		if h.Mark.Account == r.Account && h.Mark.Instance == s.config.Instance {
			p.Key = string(h.Mark.Key)
		} else if standing := account.Standing(r, h, held.Destination); standing == rotation.StandsForeign {
			p.Seen, p.Words = standing.String(), whyStands(standing, h)
		}
		v.Destinations = append(v.Destinations, p)
	}
	return v
}

func (a *app) printEstate(views []estateView) error {
	return a.print(struct {
		Accounts []estateView `json:"accounts"`
	}{views}, func(w io.Writer) {
		for _, v := range views {
			_, _ = fmt.Fprintf(w, "%s\n", v.Account)
			facts := [][2]string{{"id", v.ID}, {"owner", v.Owner}, {"purpose", v.Purpose}, {"used by", strings.Join(v.UsedBy, ", ")}, {"keys not listed", v.Unlisted}}
			if v.Owner == "" {
				facts[1][1] = "not known: it went with the account from the configuration"
			}
			for _, f := range facts {
				if f[1] != "" {
					_, _ = fmt.Fprintf(w, "  %s: %s\n", f[0], f[1])
				}
			}
			var keys, places [][]string
			for _, k := range v.Keys {
				keys = append(keys, []string{k.Key, orDash(k.Label), k.Is})
			}
			for _, p := range v.Destinations {
				places = append(places, []string{p.Destination, orDash(p.Key), strings.TrimSuffix(p.Seen+": "+p.Words, ": ")})
			}
			if len(keys) > 0 {
				table{indent: 2, header: []string{"KEY", "LABEL", "WHAT"}, rows: keys}.write(w, a.width())
			}
			if len(places) > 0 {
				table{indent: 2, header: []string{"DESTINATION", "KEY", "SEEN"}, rows: places}.write(w, a.width())
			}
			_, _ = fmt.Fprintln(w)
		}
	})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
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
		Short: "Give up the record of an account, and say what lives where",
		Long: `Prints what a person needs to go on without keyrota: which keys each account
has, under which labels, in which secrets, and who owns it. Then, after a person
agreed, gives the record up. All keys keep working, and every secret stays as it
is; the history stays too.

An account that is forgotten has left the configuration, or is under manage:
observe. --all forgets all, for whoever leaves keyrota; no daemon may run.

With --strip-marks keyrota's marks are removed from the secrets, never a value,
so that another tool can own them. Without it, an account that comes back into
the configuration is recovered from its marks. The labels of keys at the
platform stay: W&B changes none.`,
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

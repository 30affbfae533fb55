package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
)

// releaseView is what came of a destination that nobody reads any more.
type releaseView struct {
	Account     string `json:"account"`
	Destination string `json:"destination"`
	Result      string `json:"result"` // released
}

func newRelease(a *app) *cobra.Command {
	var k consent
	var strip bool
	c := &cobra.Command{
		Use:   "release ACCOUNT DESTINATION",
		Short: "Say that nobody reads a destination any more that left",
		Long: `A destination that left the configuration counts on: as long as it may still be
read, no key is deleted that it may hold, and none is due. This says that nobody
reads it any more. It is struck from the record; the secret itself is left as it
is, with keyrota's mark unless --strip-mark removes that, so that another
account or another tool can own it. Its store need not be there any more.

DESTINATION is STORE:PATH or STORE:PATH#FIELD, as keyrota status shows it.`,
		Example: `  keyrota release ml/nightly-eval vault:secret/old/wandb#key --reason "job gone"`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return fmt.Errorf("name an account and one of its destinations, like %s ml/nightly-eval vault:secret/old/wandb#key: keyrota status ACCOUNT lists them", c.CommandPath())
		},
		ValidArgsFunction: a.onRecord,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.release(cmd.Context(), args[0], args[1], strip, k)
		},
	}
	c.Flags().BoolVar(&strip, "strip-mark", false, "remove keyrota's mark from the secret too")
	k.flags(c)
	return c
}

func (a *app) release(ctx context.Context, name, at string, strip bool, k consent) error {
	s, opened, err := a.openToRelease(ctx, k)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	ref, err := recordedRef(ctx, s.config, s.ledger, name)
	if err != nil {
		return err
	}
	r, _, err := s.ledger.Load(ctx, ref)
	if err != nil {
		return err
	}
	d, err := s.releasable(ref, r, at)
	if err != nil {
		return err
	}
	if strip && !opened {
		return errors.New("--strip-mark needs the stores, and they cannot be opened: release it without, or put the configuration right")
	}
	if err := a.confirm(ctx, k, change{does: s.releases(ctx, ref, r, d, opened, strip)}); err != nil {
		return err
	}
	if strip {
		account, _ := s.wantedOrFormer(ref)
		trouble, err := s.worker.Unmark(ctx, account, d)
		if err == nil && trouble != "" {
			err = fmt.Errorf("%s is not released: %s", d, trouble)
		}
		if err != nil {
			return err
		}
	}
	if err := s.ledger.Update(ctx, ref, func(r rotation.Record) (rotation.Record, []rotation.Event, error) {
		if !slices.Contains(r.Dests, d) {
			return r, nil, nil // somebody else was quicker
		}
		return r.Without(d), []rotation.Event{{Kind: rotation.EventReleased, Destination: d, Words: k.reason}}, nil
	}); err != nil {
		return err
	}
	v := releaseView{string(ref), d.String(), "released"}
	return a.print(v, func(w io.Writer) { _, _ = fmt.Fprintf(w, "%s: %s released\n", v.Account, v.Destination) })
}

// openToRelease is open, where it matters not whether the stores can be opened:
// what is released may be in one that is gone.
func (a *app) openToRelease(ctx context.Context, k consent) (s *system, opened bool, err error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, false, err
	}
	s = &system{config: c, warn: a.warn}
	if err := a.assemble(s, actor()); err != nil {
		a.warn("warning: the stores cannot be opened, so nobody looks at what is released: %s", err)
	} else {
		opened = true
	}
	l, err := a.openLedger(ctx, c, actor(), a.ledgerFor(k))
	switch {
	case err != nil:
		return nil, false, err
	case l == nil:
		return nil, false, errNothingOnRecord
	case opened:
		if err := a.use(ctx, s, l, a.ledgerFor(k), false); err != nil {
			return nil, false, errors.Join(err, l.Close())
		}
	}
	s.ledger = l
	return s, opened, nil
}

var errNothingOnRecord = errors.New("there is no ledger yet, so nothing was ever delivered: keyrota sync, or keyrota run, makes one")

// releasable returns the destination that a person named, if it is one that was
// delivered to and is in the configuration no more.
func (s *system) releasable(ref rotation.Ref, r rotation.Record, at string) (rotation.Destination, error) {
	d, ok := rotation.ParseDestination(at)
	wanted := map[string]bool{}
	for _, account := range s.config.Accounts {
		for _, to := range account.Deliver {
			wanted[to.String()] = wanted[to.String()] || account.Ref == string(ref)
		}
	}
	var gone []string
	for _, dest := range r.Dests {
		if !wanted[dest.String()] {
			gone = append(gone, dest.String())
		}
	}
	switch {
	case ok && wanted[d.String()]:
		return d, fmt.Errorf("%s is a destination of %s in the configuration: remove it under deliver: first, then release it", d, ref)
	case ok && slices.Contains(r.Dests, d):
		return d, nil
	case len(gone) == 0:
		return d, fmt.Errorf("no destination of %s has left the configuration: there is nothing to release", ref)
	}
	return d, fmt.Errorf("%q is not a destination of %s that left the configuration: these are %s", at, ref, strings.Join(gone, ", "))
}

// releases says what releasing a destination means.
func (s *system) releases(ctx context.Context, ref rotation.Ref, r rotation.Record, d rotation.Destination, opened, strip bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "release, of %s: %s\n", ref, d)
	if opened {
		h, err := s.observer.LookAt(ctx, d)
		switch {
		case err != nil:
			fmt.Fprintf(&b, "  warning: it cannot be looked at: %s\n", err)
		case h.State == rotation.StateMarked || h.State == rotation.StateEdited:
			fmt.Fprintf(&b, "  it is seen as %s, with key %s of edition %d; %s\n", h.State, h.Mark.Key, h.Mark.Edition, whenRead(s.lastRead(ctx, d)))
		default:
			fmt.Fprintf(&b, "  it is seen as %s\n", h.State)
		}
	}
	left := "the secret is left as it is"
	if strip {
		left = "keyrota's mark is removed from the secret, its value stays"
	}
	fmt.Fprintf(&b, "  %s, and is looked at no more; whoever reads it all the same is not waited for\n", left)
	if len(r.Old) > 0 {
		var old []string
		for _, o := range r.Old {
			old = append(old, string(o.Key))
		}
		fmt.Fprintf(&b, "  no longer kept for its sake: key %s\n", strings.Join(old, ", "))
	}
	if r.Offer.Key != "" && r.Agreed.IsZero() {
		fmt.Fprintf(&b, "  warning: key %s, which readers should have, is not known to be in every other destination: if it is nowhere else, it is lost with this one, and the next is created or asked for\n", r.Offer.Key)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

func newRollback(a *app) *cobra.Command {
	var k consent
	var to string
	c := &cobra.Command{
		Use:   "rollback ACCOUNT [--to KEY]",
		Short: "Give readers the key before again, while it still works",
		Long: `Offers an earlier key again, under a new edition: it is delivered to every
destination, and the key that readers have now becomes an old one, which works
for its overlap. Only a key that still works can come back: one that is being
deleted cannot, and one that has leaked should not.`,
		Args:              oneAccount,
		ValidArgsFunction: a.account,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.rollback(cmd.Context(), names[0], to, k) },
	}
	c.Flags().StringVar(&to, "to", "", "`KEY` by id, of several; without it, the newest")
	k.flags(c)
	return c
}

func (a *app) rollback(ctx context.Context, name, to string, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	account, r, seen, err := a.closer(ctx, s, name)
	if err != nil {
		return err
	}
	old, err := returning(account, r, seen, rotation.KeyID(to))
	if err != nil {
		return err
	}
	w := a.newWish(account, rotation.RequestRollback, k)
	w.request.Key = old.Key
	lines := []string{
		fmt.Sprintf("%s goes back to an earlier key:", account.Ref()),
		fmt.Sprintf("  %s (%s) is offered again, as edition %d, to %s", old.Key, dated(old.Edition, old.Issued), r.Seq+1, places(account.Destinations(r))),
		fmt.Sprintf("  %s (%s), which readers have now, becomes an old one", r.Offer.Key, dated(r.Offer.Edition, r.Offer.Issued)),
	}
	if !readable(seen, old.Key) {
		lines = append(lines, "  no destination keeps earlier values, so its own may be lost: a new key is created then")
	}
	if !seen.Listing.Complete {
		lines = append(lines, "  whether it still works is not known: "+seen.Listing.Words)
	}
	lines = append(lines, displaces(r, rotation.RequestRollback)...)
	if err := a.confirm(ctx, k, change{does: strings.Join(lines, "\n")}); err != nil {
		return err
	}
	return a.grant(ctx, s, w)
}

// readable reports whether the value of an earlier key may still be read
// somewhere.
func readable(seen rotation.Observed, key rotation.KeyID) bool {
	return slices.ContainsFunc(seen.Holdings, func(h rotation.Held) bool {
		return h.Holding.State == rotation.StateUnknown || h.Holding.Mark.Key == key || len(h.Holding.Older) > 0
	})
}

// returning picks the key to go back to, or says why there is none.
func returning(account inventory.Account, r rotation.Record, seen rotation.Observed, to rotation.KeyID) (rotation.Old, error) {
	var can []rotation.Old
	why := "there is no earlier key"
	for _, old := range r.Old {
		words := ""
		switch {
		case old.Condemned:
			words = "is being deleted"
		case r.Leaked > 0 && old.Edition <= r.Leaked:
			words = "has leaked"
		case seen.Listing.Complete && !slices.ContainsFunc(seen.Listing.Keys, func(k rotation.Key) bool { return k.ID == old.Key }):
			words = "was deleted at the platform"
		default:
			can = append(can, old)
			continue
		}
		if why = "key " + string(old.Key) + " " + words; old.Key == to {
			break
		}
	}
	i := len(can) - 1
	if to != "" {
		i = slices.IndexFunc(can, func(o rotation.Old) bool { return o.Key == to })
	}
	switch {
	case i >= 0:
		return can[i], nil
	case to == r.Offer.Key && to != "":
		return rotation.Old{}, fmt.Errorf("%s: key %s is the one that readers have", account.Ref(), to)
	case len(can) > 0:
		return rotation.Old{}, fmt.Errorf("%s: key %s cannot come back: name one of %s", account.Ref(), to, keysOf(can))
	}
	return rotation.Old{}, fmt.Errorf("%s has no key to go back to: %s; keyrota rotate %[1]s makes a new one", account.Ref(), why)
}

func keysOf(all []rotation.Old) string {
	names := make([]string, 0, len(all))
	for _, old := range all {
		names = append(names, string(old.Key))
	}
	return strings.Join(names, ", ")
}

// closer looks closely at one account that may be changed. What hangs does not
// keep a person waiting: it is unknown then.
func (a *app) closer(ctx context.Context, s *system, name string) (inventory.Account, rotation.Record, rotation.Observed, error) {
	accounts, err := s.rotated(ctx, []string{name})
	if err != nil {
		return inventory.Account{}, rotation.Record{}, rotation.Observed{}, err
	}
	account := accounts[0]
	if s.ledger == nil {
		return account, rotation.Record{}, rotation.Observed{}, nil
	}
	looking, cancel := context.WithTimeout(ctx, statusLooksFor)
	defer cancel()
	r, seen, err := s.worker.Look(looking, account)
	if looking.Err() != nil && ctx.Err() == nil && r.Account != "" {
		err = nil
	}
	return account, r, seen, err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

func newRotate(a *app) *cobra.Command {
	var k consent
	var leaked bool
	var l leak
	c := &cobra.Command{
		Use:   "rotate ACCOUNT... | rotate --leaked (ACCOUNT... | --all)",
		Short: "Create and deliver a new key now; --leaked: delete every other",
		Long: `Asks for a new key of each account now, whatever the schedule and the window
say; a freeze holds it back. The request is put on record. A running daemon
carries it out; where none runs, this command does. A parked account is taken up
again.

With --leaked others may know the account's keys. All of them are listed by id,
replaced, and deleted 10 minutes after every destination holds the new one (the
time that a write may take), or after --overlap. It overtakes a rotation that is
under way, and no window or freeze holds it back. A key that keyrota did not
make goes or stays only by name: --delete KEY, --keep KEY, or when asked on a
terminal; until you have said so of each, the emergency is not over.

  --now  the old keys go as soon as one destination that can be read back holds
         the new one. The destinations that this breaks are named beforehand.
  --all  every account, as fast as the quotas allow. It is put on record first:
         stopped with Ctrl-C, the same command, the daemon or keyrota sync goes
         on with it, and accounts that are done are not begun again.

An emergency under way goes on when it is asked for again, with what is said
then; --anew says that the keys made since have leaked too.`,
		Example: `  keyrota rotate ml-platform/nightly-eval --reason 'laptop lost'
  keyrota rotate --leaked ml-platform/nightly-eval --now --wait`,
		ValidArgsFunction: a.accounts,
		Args: func(c *cobra.Command, names []string) error {
			if leaked {
				return l.check(names)
			}
			if l.all {
				return errors.New("--all belongs to --leaked: keyrota sync rotates whatever is due")
			}
			return someAccounts(c, names)
		},
		RunE: func(cmd *cobra.Command, names []string) error {
			if leaked {
				return a.rotateLeaked(cmd.Context(), names, l, k)
			}
			for _, name := range []string{"now", "overlap", "delete", "keep", "anew", "wait"} {
				if cmd.Flags().Changed(name) {
					return fmt.Errorf("--%s belongs to --leaked: write both, or leave it out", name)
				}
			}
			return a.rotate(cmd.Context(), names, k)
		},
	}
	f := c.Flags()
	f.BoolVar(&leaked, "leaked", false, "others may know the keys: replace and delete all")
	f.BoolVar(&l.all, "all", false, "of --leaked: every account")
	f.BoolVar(&l.now, "now", false, "of --leaked: do not wait for every destination")
	f.StringVar(&l.overlap, "overlap", "", "of --leaked: `DURATION` of the overlap, 10m at least")
	f.StringArrayVar(&l.remove, "delete", nil, "of --leaked: `KEY`, by id, of others' making, goes too")
	f.StringArrayVar(&l.keep, "keep", nil, "of --leaked: `KEY`, by id, of others' making, stays")
	f.BoolVar(&l.anew, "anew", false, "of --leaked: the keys made since have leaked too")
	f.BoolVar(&l.wait, "wait", false, "of --leaked: return when it is over, or needs you")
	k.flags(c)
	return c
}

func (a *app) rotate(ctx context.Context, names []string, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.rotated(ctx, names)
	if err != nil {
		return err
	}
	var lines []string
	var wishes []wish
	for _, account := range accounts {
		r, err := s.record(ctx, account.Ref())
		if err != nil {
			return err
		}
		lines = append(lines, rotates(account, r))
		lines = append(lines, displaces(r, rotation.RequestRotate)...)
		lines = append(lines, s.heldBack(account, a.now())...)
		wishes = append(wishes, a.newWish(account, rotation.RequestRotate, k))
	}
	does := "A new key is created and delivered now:\n" + strings.Join(lines, "\n")
	if err := a.confirm(ctx, k, change{does: does}); err != nil {
		return err
	}
	return a.grant(ctx, s, wishes...)
}

// rotates says what a rotation does for one account.
func rotates(account inventory.Account, r rotation.Record) string {
	text := fmt.Sprintf("  %s to %s", account.Ref(), places(account.Destinations(r)))
	switch p := account.Policy; {
	case r.Offer.Key == "":
	case p.Forever:
		text += "; the key it has works until keyrota retire"
	default:
		text += "; the key it has works for another " + span(max(p.Overlap, p.WriteDeadline))
	}
	return text
}

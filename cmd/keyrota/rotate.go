package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

func newRotate(a *app) *cobra.Command {
	var k consent
	c := &cobra.Command{
		Use:   "rotate ACCOUNT...",
		Short: "Create and deliver a new key now; the old one goes after its overlap",
		Long: `Asks for a new key of each account now, whatever the schedule and the window say.
The request is put on record. A running daemon carries it out; where none runs,
this command does. A parked account is taken up again.`,
		Args:              someAccounts,
		ValidArgsFunction: a.accounts,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.rotate(cmd.Context(), names, k) },
	}
	k.flags(c)
	return c
}

func (a *app) rotate(ctx context.Context, names []string, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.rotated(names)
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

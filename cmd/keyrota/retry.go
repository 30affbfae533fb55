package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
)

func newRetry(a *app) *cobra.Command {
	var k consent
	c := &cobra.Command{
		Use:   "retry ACCOUNT...",
		Short: "Take up an account again that is parked, once its reason is gone",
		Long: `A parked account waits for a person, with the words of what to do. Once that is
done, retry has it worked on again. Where the reason is still there, it is
parked again, and nothing else happens.`,
		Args:              someAccounts,
		ValidArgsFunction: a.accounts,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.retry(cmd.Context(), names, k) },
	}
	k.flags(c)
	return c
}

func (a *app) retry(ctx context.Context, names []string, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	accounts, err := s.rotated(ctx, names)
	if err != nil {
		return err
	}
	lines := []string{"Parked, and taken up again now:"}
	var wishes []wish
	for _, account := range accounts {
		r, err := s.record(ctx, account.Ref())
		if err != nil {
			return err
		}
		why := r.Parked
		if why == "" && r.Tries > 0 {
			why = fmt.Sprintf("its last %s to create a key failed; the next waits until %s", count(r.Tries, "attempt"), localTime(r.NotBefore))
		}
		if why == "" {
			return fmt.Errorf("%s is not parked: there is nothing to try again; keyrota status %[1]s says what it waits for", account.Ref())
		}
		lines = append(lines, "  "+string(account.Ref())+": "+local(why))
		lines = append(lines, displaces(r, rotation.RequestRetry)...)
		wishes = append(wishes, a.newWish(account, rotation.RequestRetry, k))
	}
	if err := a.confirm(ctx, k, change{does: strings.Join(lines, "\n")}); err != nil {
		return err
	}
	return a.grant(ctx, s, wishes...)
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

func newRetire(a *app) *cobra.Command {
	var k consent
	var key string
	c := &cobra.Command{
		Use:   "retire ACCOUNT [--key KEY]",
		Short: "End the overlap now: delete the old key before its time",
		Long: `Ends the overlap of an account's old keys, or of the one that is named, whatever
the window says, also where longest_job: forever keeps it until you say so. Jobs
that still hold the old key break. It is deleted as always only once every
destination is seen to hold its successor and the time that a write may take
has passed. To be rid of a key that others know: keyrota rotate --leaked.`,
		Args:              oneAccount,
		ValidArgsFunction: a.account,
		RunE:              func(cmd *cobra.Command, names []string) error { return a.retire(cmd.Context(), names[0], key, k) },
	}
	c.Flags().StringVar(&key, "key", "", "`KEY` by id; without it, every old key of the account")
	k.flags(c)
	return c
}

func (a *app) retire(ctx context.Context, name, key string, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	account, r, seen, err := a.closer(ctx, s, name)
	if err != nil {
		return err
	}
	old := r.Old
	if i := slices.IndexFunc(old, func(o rotation.Old) bool { return string(o.Key) == key }); i >= 0 {
		old = old[i : i+1]
	} else if key != "" && len(old) > 0 {
		return fmt.Errorf("%s has no old key %s: name one of %s", account.Ref(), key, keysOf(old))
	}
	if len(old) == 0 {
		return fmt.Errorf("%s has no old key: there is nothing to retire; for the key that readers have: keyrota rotate %[1]s", account.Ref())
	}
	w := a.newWish(account, rotation.RequestRetire, k)
	w.request.Key = rotation.KeyID(key)
	for _, o := range old {
		w.request.Keys = append(w.request.Keys, o.Key)
	}
	lines := append(a.retires(account, r, seen, old), displaces(r, rotation.RequestRetire)...)
	lines = append(lines, s.heldBack(account, a.now())...)
	if err := a.confirm(ctx, k, change{does: strings.Join(lines, "\n"), word: string(account.Ref())}); err != nil {
		return err
	}
	return a.grant(ctx, s, w)
}

// retires says what the end of an overlap breaks.
func (a *app) retires(account inventory.Account, r rotation.Record, seen rotation.Observed, old []rotation.Old) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	say("The overlap of %s ends now:", account.Ref())
	for _, o := range old {
		say("  key %s (%s) is deleted", o.Key, dated(o.Edition, o.Issued))
	}
	switch over := r.Agreed.Add(max(account.Policy.Overlap, account.Policy.WriteDeadline)); {
	case account.Policy.Forever:
		say("  its jobs never end (longest_job: forever), so it was kept until you say so")
	case !r.Agreed.IsZero():
		say("  it would have been kept until %s", localTime(over))
	}
	say("Jobs that read it before and still run break: used by %s; longest job %s.", usedBy(account), longestJob(account))
	missing := 0
	for _, d := range account.Destinations(r) {
		h := seen.AsFresh().Holding(d)
		standing := account.Standing(r, h, d)
		words := "holds its successor"
		if standing != rotation.StandsHolds {
			missing++
			words = "is not seen to hold its successor: " + standing.String()
			if why := whyStands(standing, h); why != "" {
				words += ", " + why
			}
		}
		say("  %s %s", d, words)
	}
	if missing > 0 {
		say("Nothing is deleted until those destinations hold the successor.")
	}
	return lines
}

// dated names a key's edition and age, for people.
func dated(edition rotation.Edition, issued time.Time) string {
	text := "not made by keyrota"
	if edition > 0 {
		text = fmt.Sprintf("edition %d", edition)
	}
	if issued.IsZero() {
		return text + ", created at an unknown time"
	}
	return text + ", created " + localTime(issued)
}

func usedBy(account inventory.Account) string {
	text := strings.Join(account.Config.UsedBy, ", ")
	if text == "" {
		text = "unknown (used_by is empty)"
	}
	if account.Config.Owner != "" {
		text += "; owner " + account.Config.Owner
	}
	return text
}

func longestJob(account inventory.Account) string {
	switch j := account.Config.LongestJob; {
	case j.Forever:
		return "forever"
	case j.Duration > 0:
		return span(j.Duration)
	}
	return "not written"
}

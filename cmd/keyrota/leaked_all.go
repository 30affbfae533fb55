package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// everyAccount begins the words with which an emergency of all accounts is on
// record.
const everyAccount = "leaked, every account"

// goOn makes an emergency of all accounts go on where an earlier one was
// stopped: accounts whose key was replaced since are left out. Such an emergency
// bears one time on every record, and is under way as long as one account still
// is.
func (e *emergency) goOn(ctx context.Context) error {
	var keyed []*stricken
	var without int
	for _, one := range e.accounts {
		if one.record.Offer.Key == "" && one.seen.Listing.Complete && len(one.keys) == 0 {
			without++
			continue
		}
		keyed = append(keyed, one)
	}
	if len(keyed) == 0 {
		return fmt.Errorf("none of %s has a key: there is nothing to replace", count(len(e.accounts), "account"))
	}
	e.accounts = keyed
	if without > 0 {
		e.skipped = append(e.skipped, fmt.Sprintf("Left out, since they have no key yet: %s.", count(without, "account")))
	}
	if err := e.uncovered(ctx); err != nil {
		return err
	}
	if e.leak.anew {
		return nil
	}
	began, err := e.began(ctx)
	if err != nil || began.IsZero() {
		return err
	}
	e.at = began
	var left []*stricken
	for _, one := range e.accounts {
		over, err := e.over(ctx, one, began)
		switch {
		case err != nil:
			return err
		case over:
			continue
		case !one.at.Equal(began):
			one.at = time.Time{}
		}
		left = append(left, one)
	}
	e.skipped = append(e.skipped, fmt.Sprintf("This goes on with the emergency that began at %s: %d of %s are done; --anew has all of them begin again.",
		localTime(began), len(e.accounts)-len(left), count(len(e.accounts), "account")))
	e.accounts = left
	return nil
}

// began returns when the latest emergency of all accounts began that is not over
// everywhere; zero: there is none.
func (e *emergency) began(ctx context.Context) (time.Time, error) {
	if e.s.ledger == nil {
		return time.Time{}, nil
	}
	byTime := map[int64]rotation.Ref{}
	var times []int64
	for _, one := range e.accounts {
		if at := one.at; !at.IsZero() && byTime[at.UnixNano()] == "" {
			byTime[at.UnixNano()] = one.account.Ref()
			times = append(times, at.UnixNano())
		}
	}
	slices.Sort(times)
	for _, at := range slices.Backward(times) {
		events, err := e.s.ledger.Events(ctx, 0, 0, byTime[at])
		if err != nil {
			return time.Time{}, err
		}
		for _, stored := range slices.Backward(events) {
			if stored.Event.Kind == rotation.EventRequested && strings.HasPrefix(stored.Event.Words, string(rotation.RequestLeaked)) {
				if strings.HasPrefix(stored.Event.Words, everyAccount) {
					return time.Unix(0, at).UTC(), nil
				}
				break
			}
		}
	}
	return time.Time{}, nil
}

// over reports whether the emergency that began then is over for an account.
func (e *emergency) over(ctx context.Context, one *stricken, began time.Time) (bool, error) {
	if !one.at.IsZero() || one.record.Offer.Issued.Before(began) {
		return false, nil
	}
	events, err := e.s.ledger.Events(ctx, 0, 0, one.account.Ref())
	return slices.ContainsFunc(events, func(stored ledger.StoredEvent) bool {
		return stored.Event.Kind == rotation.EventLeakOver && !stored.Time.Before(began)
	}), err
}

// uncovered says which accounts with keys an emergency of all accounts does not
// reach.
func (e *emergency) uncovered(ctx context.Context) error {
	var observed []string
	known := map[rotation.Ref]bool{}
	for _, account := range e.s.inventory.Accounts {
		known[account.Ref()] = true
		if account.Policy.Observe && account.Account.Scope != rotation.ScopeExternal {
			observed = append(observed, string(account.Ref()))
		}
	}
	records, err := e.s.records(ctx)
	if err != nil {
		return err
	}
	var left []string
	for ref, r := range records {
		if !known[ref] && r.Offer.Key != "" {
			left = append(left, string(ref))
		}
	}
	slices.Sort(left)
	if len(observed) > 0 {
		e.skipped = append(e.skipped, "NOT COVERED, under manage: observe: "+strings.Join(observed, ", ")+".")
	}
	if len(left) > 0 {
		e.skipped = append(e.skipped, "NOT COVERED, no longer in the configuration: "+strings.Join(left, ", ")+".")
	}
	return nil
}

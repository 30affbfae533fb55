package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// search looks for a value in the destinations themselves: the way to know whose
// a key is while the platform does not answer.
func (q *question) search(ctx context.Context, value providers.Secret, unanswered error) (whoseView, error) {
	q.app.warn("the platform cannot be asked; searching the destinations of %s for this value", count(len(q.s.inventory.Accounts), "account"))
	var mu sync.Mutex
	var found []inventory.Account
	unread, first := 0, ""
	var g errgroup.Group
	g.SetLimit(readsAtOnce)
	for _, account := range q.s.inventory.Accounts {
		for _, w := range account.Wants {
			if !w.Readable {
				continue
			}
			g.Go(func() error {
				holds, err := q.holds(ctx, account, w.Destination, value)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil && providers.KindOf(err) != providers.NotFound:
					if unread++; first == "" {
						first = err.Error()
					}
				case holds:
					found = append(found, account)
				}
				return nil
			})
		}
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return whoseView{}, ctx.Err()
	}
	if len(found) == 0 {
		words := "no destination that can be read back holds it"
		if unread > 0 {
			words = fmt.Sprintf("no destination that could be read holds it, and %d could not be (%s)", unread, first)
		}
		return whoseView{}, fmt.Errorf("%s, and the platform cannot be asked: %w: ask again when it answers", words, unanswered)
	}
	slices.SortFunc(found, func(x, y inventory.Account) int { return slices.Compare([]byte(x.Ref()), []byte(y.Ref())) })
	account := found[0]
	r := q.records[account.Ref()]
	v := whoseView{
		Result: whoseUnverified, Account: string(account.Ref()), Owner: account.Config.Owner, Purpose: account.Config.Purpose, UsedBy: account.Config.UsedBy,
		Next: "keyrota rotate --leaked " + string(account.Ref()),
	}
	for _, d := range account.Destinations(r) {
		reader := readerView{Destination: d.String(), Holds: "no"}
		switch holds, err := q.holds(ctx, account, d, value); {
		case err != nil && providers.KindOf(err) != providers.NotFound:
			reader.Holds, reader.Words = "unknown", err.Error()
		case holds:
			reader.Holds = "yes"
		}
		v.Readers = append(v.Readers, reader)
	}
	v.Why = "the platform cannot be asked whether it works: " + unanswered.Error()
	return v, nil
}

// holds reports whether a destination holds a value as its key.
func (q *question) holds(ctx context.Context, account inventory.Account, d rotation.Destination, value providers.Secret) (bool, error) {
	reader, ok := q.s.worker.Stores[d.Store].(providers.Reader)
	if !ok {
		return false, fmt.Errorf("the store %s gives no values back", d.Store)
	}
	var text providers.Secret
	err := q.s.observer.Call.Read(ctx, d.Store, "read", func(ctx context.Context) (err error) {
		text, err = reader.Read(ctx, d, "")
		return err
	})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(account.Format(d).Keys(text), value.Equal), nil
}

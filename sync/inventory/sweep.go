package inventory

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Sweep looks at everything at once, in pages: one listing for each team and
// one observation for each store. What it returns may lag and is not fresh. Of
// accounts for which nothing is done whatever is seen, what pages do not settle
// stays unknown: a call for each of them, at each sweep, would be for nothing.
// Stores that do not answer are waited for as Late says.
func (o Observer) Sweep(ctx context.Context, accounts []Account, records map[rotation.Ref]rotation.Record) map[rotation.Ref]rotation.Observed {
	begun := o.now()
	var holdings map[string]map[rotation.Destination]rotation.Holding // by store
	var listings map[string]*teamListing
	var both sync.WaitGroup
	both.Go(func() { holdings = o.sweepStores(ctx, accounts, records) })
	both.Go(func() { listings = o.sweepIssuer(ctx, accounts) })
	both.Wait()
	seen := make(map[rotation.Ref]rotation.Observed, len(accounts))
	for _, a := range accounts {
		r := records[a.Ref()]
		var obs rotation.Observed
		for _, d := range a.Destinations(r) {
			obs.Holdings = append(obs.Holdings, rotation.Held{Destination: d, Holding: holdings[d.Store][d]})
		}
		switch {
		case a.Admin:
			obs.Listing = listings[listingOf(a)].of(a, r)
		case r.Account != "":
			obs.Listing = onRecord(r)
		}
		obs.Listing.At = begun
		obs.LastUse = o.LastUsed(ctx, a)
		seen[a.Ref()] = obs
	}
	return seen
}

// onRecord is the listing that is assumed where accounts cannot be listed
// without reading a key back: a sweep only decides whether to look closer.
func onRecord(r rotation.Record) rotation.Listing {
	l := rotation.Listing{Complete: true, Offered: r.Offer.Edition, Account: r.Account}
	if r.Offer.Key != "" {
		l.Keys = append(l.Keys, rotation.Key{ID: r.Offer.Key})
	}
	for _, old := range r.Old {
		l.Keys = append(l.Keys, rotation.Key{ID: old.Key})
	}
	for _, abandoned := range r.Abandoned {
		l.Keys = append(l.Keys, rotation.Key{ID: rotation.KeyID(abandoned.Label), Label: abandoned.Label})
	}
	return l
}

// sweepStores observes every store, each beside the others.
func (o Observer) sweepStores(ctx context.Context, accounts []Account, records map[rotation.Ref]rotation.Record) map[string]map[rotation.Destination]rotation.Holding {
	wanted, closely := map[string][]rotation.Destination{}, map[rotation.Destination]bool{}
	for _, a := range accounts {
		r := records[a.Ref()]
		for _, d := range a.Destinations(r) {
			wanted[d.Store] = append(wanted[d.Store], d)
			if o.ForPeople || !a.Idle(r) {
				closely[d] = true
			}
		}
	}
	var lock sync.Mutex
	holdings := map[string]map[rotation.Destination]rotation.Holding{}
	var g errgroup.Group
	for name, dests := range wanted {
		g.Go(func() error {
			seen, err := o.Late.observe(name, func() (map[rotation.Destination]rotation.Holding, error) {
				return o.observe(ctx, name, dests, closely)
			})
			if err != nil {
				for _, d := range dests {
					if _, ok := seen[d]; !ok {
						seen[d] = rotation.Holding{Words: err.Error()}
					}
				}
			}
			lock.Lock()
			defer lock.Unlock()
			holdings[name] = seen
			return nil
		})
	}
	_ = g.Wait()
	return holdings
}

// unwell is how many looks may fail in a row, as if the store were down or
// wanted fewer calls, before the rest is left out.
const unwell = 16

// observe looks at many destinations of one store, in pages; the few that
// pages do not settle, such as fields that were never delivered, are looked at
// one by one, where that may lead to something. With an error, what was not
// seen is unknown for its sake.
func (o Observer) observe(ctx context.Context, name string, dests []rotation.Destination, closely map[rotation.Destination]bool) (map[rotation.Destination]rotation.Holding, error) {
	store, ok := o.Stores[name]
	seen := make(map[rotation.Destination]rotation.Holding, len(dests))
	if !ok {
		return seen, noStore(dests[0])
	}
	var lock sync.Mutex
	note := func(d rotation.Destination, h rotation.Holding) error {
		lock.Lock()
		defer lock.Unlock()
		h.Fresh = false
		seen[d] = h
		return nil
	}
	err := o.Pages().Read(ctx, name, "observe", func(ctx context.Context) error {
		return store.Observe(ctx, dests, note)
	})
	if err != nil && passing(err) {
		return seen, err // each of them would fail as well
	}
	unsettled := slices.DeleteFunc(slices.Clone(dests), func(d rotation.Destination) bool {
		_, settled := seen[d]
		return settled || !closely[d]
	})
	failed := 0 // looks in a row
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for _, d := range unsettled {
		lock.Lock()
		enough := failed >= unwell
		lock.Unlock()
		if enough {
			break
		}
		g.Go(func() error {
			h, lookErr := o.LookAt(ctx, d)
			lock.Lock()
			defer lock.Unlock()
			if lookErr != nil {
				h = rotation.Holding{Words: lookErr.Error()}
			}
			h.Fresh = false
			seen[d] = h
			if lookErr == nil || !passing(lookErr) {
				failed = 0
			} else if failed++; failed == unwell {
				err = lookErr
			}
			return nil
		})
	}
	_ = g.Wait()
	return seen, err
}

// passing reports whether a failure says something of the service, and nothing
// of what was asked for.
func passing(err error) bool {
	kind := providers.KindOf(err)
	return kind == providers.Transient || kind == providers.Limited
}

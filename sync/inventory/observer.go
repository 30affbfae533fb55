package inventory

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
)

// Observer looks at the platform and the stores. It may be used from several
// goroutines.
type Observer struct {
	Issuer providers.Issuer
	Stores map[string]providers.SecretStore
	Call   attempt.Caller
	Now    func() time.Time // when a listing was begun is part of it; nil: time.Now
}

func (o Observer) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// IssuerService is the name under which calls to the issuer are counted.
const IssuerService = "issuer"

const looksAtOnce = 8

// pages makes calls that go through many pages: ten times as long as one call.
func (o Observer) pages() attempt.Caller {
	c := o.Call
	c.Timeout *= 10
	return c
}

// Look takes a fresh holding of every destination that counts for r.
func (o Observer) Look(ctx context.Context, a Account, r rotation.Record) []rotation.Held {
	dests := a.Destinations(r)
	held := make([]rotation.Held, len(dests))
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for i, d := range dests {
		g.Go(func() error {
			h, err := o.LookAt(ctx, d)
			if err != nil {
				h = rotation.Holding{Words: err.Error()}
			}
			held[i] = rotation.Held{Destination: d, Holding: h}
			return nil
		})
	}
	_ = g.Wait()
	return held
}

// LookAt takes one fresh holding.
func (o Observer) LookAt(ctx context.Context, d rotation.Destination) (rotation.Holding, error) {
	store, ok := o.Stores[d.Store]
	if !ok {
		return rotation.Holding{}, noStore(d)
	}
	var h rotation.Holding
	err := o.Call.Read(ctx, d.Store, "look", func(ctx context.Context) (err error) {
		h, err = store.Look(ctx, d)
		return err
	})
	return h, err
}

func noStore(d rotation.Destination) error {
	return &providers.Error{
		Provider: d.Store, Op: "look", Name: d.Path, Kind: providers.Invalid,
		Hint: "the store is no longer in the configuration: put it back under this name",
	}
}

// List lists the keys of one account: with auth, a live key of it, or with the
// admin credential where auth is empty. r is the record as it was before.
func (o Observer) List(ctx context.Context, a Account, r rotation.Record, auth providers.Secret) rotation.Listing {
	l := rotation.Listing{Fresh: true, At: o.now(), Offered: r.Offer.Edition, Account: r.Account}
	account := a.Account
	account.ID = r.Account
	var err error
	if account.ID == "" && auth.Empty() {
		var found []rotation.Account
		var keys [][]rotation.Key
		err = o.keys(ctx, listingOf(a), func(b rotation.Account, k []rotation.Key) {
			if same(account, b) {
				found, keys = append(found, b), append(keys, k)
			}
		}, func() { found, keys = nil, nil })
		l.AccountsKnown = err == nil
		for i, b := range found {
			l.Accounts = append(l.Accounts, b.ID)
			l.Keys = append(l.Keys, keys[i]...)
		}
	} else {
		err = o.Call.Read(ctx, IssuerService, "list", func(ctx context.Context) (err error) {
			l.Keys, err = o.Issuer.KeysOf(ctx, account, auth)
			return err
		})
		if err != nil && providers.KindOf(err) == providers.NotFound {
			err, l.AccountsKnown = nil, true
		}
	}
	l.Complete = err == nil
	if err != nil {
		l.Words, l.Keys, l.Accounts = err.Error(), nil, nil
	}
	return l
}

// keys lists a team's accounts and keys; restart is called before each attempt.
func (o Observer) keys(ctx context.Context, team string, add func(rotation.Account, []rotation.Key), restart func()) error {
	return o.pages().Read(ctx, IssuerService, "list", func(ctx context.Context) error {
		restart()
		return o.Issuer.Keys(ctx, team, func(b rotation.Account, k []rotation.Key) error {
			add(b, k)
			return nil
		})
	})
}

// listingOf returns the team under which an account is listed: none for
// organization scope.
func listingOf(a Account) string {
	if a.Account.Scope == rotation.ScopeOrganization {
		return ""
	}
	return a.Account.Team
}

func same(wanted, listed rotation.Account) bool {
	return wanted.Name == listed.Name &&
		(listed.Scope == "" || wanted.Scope == listed.Scope) &&
		(wanted.Scope == rotation.ScopeOrganization || listed.Team == "" || wanted.Team == listed.Team)
}

// Sweep looks at everything at once, in pages: one listing for each team and
// one observation for each store. What it returns may lag and is not fresh.
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
	wanted := map[string][]rotation.Destination{}
	for _, a := range accounts {
		for _, d := range a.Destinations(records[a.Ref()]) {
			wanted[d.Store] = append(wanted[d.Store], d)
		}
	}
	var lock sync.Mutex
	holdings := map[string]map[rotation.Destination]rotation.Holding{}
	var g errgroup.Group
	for name, dests := range wanted {
		g.Go(func() error {
			seen, err := o.observe(ctx, name, dests)
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

// observe looks at many destinations of one store, in pages; the few that
// pages do not settle, such as fields that were never delivered, are looked at
// one by one.
func (o Observer) observe(ctx context.Context, name string, dests []rotation.Destination) (map[rotation.Destination]rotation.Holding, error) {
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
	err := o.pages().Read(ctx, name, "observe", func(ctx context.Context) error {
		return store.Observe(ctx, dests, note)
	})
	if kind := providers.KindOf(err); err != nil && (kind == providers.Transient || kind == providers.Limited) {
		return seen, err // each of them would fail as well
	}
	unsettled := slices.DeleteFunc(slices.Clone(dests), func(d rotation.Destination) bool {
		_, settled := seen[d]
		return settled
	})
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for _, d := range unsettled {
		g.Go(func() error {
			h, err := o.LookAt(ctx, d)
			if err != nil {
				h = rotation.Holding{Words: err.Error()}
			}
			return note(d, h)
		})
	}
	return seen, g.Wait()
}

// teamListing is one team's accounts with their keys.
type teamListing struct {
	accounts []listedAccount
	places   map[string][]int // in accounts, by id and by name
	words    string
}

type listedAccount struct {
	rotation.Account
	keys []rotation.Key
}

func (t *teamListing) add(a rotation.Account, keys []rotation.Key) {
	if t.places == nil {
		t.places = map[string][]int{}
	}
	for _, name := range []string{byID + string(a.ID), byName + a.Name} {
		t.places[name] = append(t.places[name], len(t.accounts))
	}
	t.accounts = append(t.accounts, listedAccount{a, keys})
}

const (
	byID   = "id "
	byName = "name "
)

func (t *teamListing) of(a Account, r rotation.Record) rotation.Listing {
	l := rotation.Listing{Offered: r.Offer.Edition, Account: r.Account, Words: t.words}
	if t.words != "" {
		return l
	}
	l.Complete, l.AccountsKnown = true, true
	found := slices.Concat(t.places[byName+a.Account.Name], t.places[byID+string(r.Account)])
	slices.Sort(found)
	for _, i := range slices.Compact(found) {
		if b := t.accounts[i]; same(a.Account, b.Account) || b.ID == r.Account {
			l.Accounts = append(l.Accounts, b.ID)
			if r.Account == "" || b.ID == r.Account {
				l.Keys = append(l.Keys, b.keys...)
			}
		}
	}
	return l
}

func (o Observer) sweepIssuer(ctx context.Context, accounts []Account) map[string]*teamListing {
	var teams []string
	for _, a := range accounts {
		if t := listingOf(a); a.Admin && a.Account.Scope != rotation.ScopeExternal && !slices.Contains(teams, t) {
			teams = append(teams, t)
		}
	}
	listings := o.listTeams(ctx, teams)
	var lock sync.Mutex
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for _, team := range teams {
		lock.Lock()
		_, listed := listings[team]
		lock.Unlock()
		if listed {
			continue
		}
		g.Go(func() error {
			t := &teamListing{}
			if err := o.keys(ctx, team, t.add, func() { *t = teamListing{} }); err != nil {
				t = &teamListing{words: err.Error()}
			}
			lock.Lock()
			defer lock.Unlock()
			listings[team] = t
			return nil
		})
	}
	_ = g.Wait()
	return listings
}

// listTeams lists all teams at once, where the issuer can. Those that it leaves
// out are listed one by one.
func (o Observer) listTeams(ctx context.Context, teams []string) map[string]*teamListing {
	listings := map[string]*teamListing{}
	lister, ok := o.Issuer.(providers.TeamsLister)
	if !ok || len(teams) == 0 {
		return listings
	}
	err := o.pages().Once(ctx, IssuerService, "list", func(ctx context.Context) error {
		for _, team := range teams {
			listings[team] = &teamListing{}
		}
		return lister.KeysOfTeams(ctx, teams, func(team string, a rotation.Account, k []rotation.Key) error {
			if t, ok := listings[team]; ok {
				t.add(a, k)
			}
			return nil
		}, func(team string, _ error) { delete(listings, team) })
	})
	if err != nil {
		clear(listings)
	}
	return listings
}

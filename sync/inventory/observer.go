package inventory

import (
	"context"
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
	// LastUse returns when an account was last used, zero if never, and whether
	// that is known at all; nil: it never is. It is asked about accounts that are to
	// be switched off.
	LastUse func(ctx context.Context, ref rotation.Ref) (at time.Time, known bool, err error)
	// ForPeople has Sweep look as closely at accounts for which nothing is done
	// whatever is seen (rotation.Spec.Idle) as at all others.
	ForPeople bool
	// Late says how long Sweep waits for a store; nil: until it answers or fails.
	Late *Late
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

// Pages makes calls that go through many pages: ten times as long as one call.
func (o Observer) Pages() attempt.Caller {
	c := o.Call
	c.Timeout *= 10
	c.Calling = nil // that it lasts says nothing of the service
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
		Hint: "the store is no longer in the configuration: put it back under this name, or release what was delivered there",
	}
}

// LastUsed says when an account was last used that is to be switched off. Of any
// other it is not asked.
func (o Observer) LastUsed(ctx context.Context, a Account) rotation.LastUse {
	if a.State == rotation.Active || a.State == "" || a.Force {
		return rotation.LastUse{}
	}
	if o.LastUse == nil {
		return rotation.LastUse{Words: "its use is not observed here"}
	}
	at, known, err := o.LastUse(ctx, a.Ref())
	if err != nil {
		return rotation.LastUse{Words: err.Error()}
	}
	return rotation.LastUse{Known: known, At: at}
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
		err = o.Keys(ctx, listingOf(a), func(b rotation.Account, k []rotation.Key) {
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

// Keys lists a team's accounts and keys, of the organization's own for an empty
// team; restart is called before each attempt. It returns nil only if the listing
// is complete.
func (o Observer) Keys(ctx context.Context, team string, add func(rotation.Account, []rotation.Key), restart func()) error {
	return o.Pages().Read(ctx, IssuerService, "list", func(ctx context.Context) error {
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

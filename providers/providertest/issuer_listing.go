package providertest

import (
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// listingCases: what there is, never a value.
func listingCases() []issuerCase {
	return []issuerCase{
		{
			name: "list", story: "A team's accounts and keys are listed with ids and descriptions as they are, and no value.",
			run: func(r *issuerRun) {
				a, _, value := r.live("first")
				key, _ := r.issue(a, value, r.label(a, 1))
				b := r.Account(r.T, "second")
				accounts, keys := r.listing(a.Team)
				for _, want := range []rotation.Account{a, b} {
					got := accounts[want.ID]
					if got.Name != want.Name || got.Team != want.Team || got.Scope != want.Scope {
						r.Errorf("listed %+v, want %+v", got, want)
					}
					if have := r.Keys(r.T, want); !equal(keys[want.ID], have) {
						r.Errorf("listed %+v of %s, want %+v", keys[want.ID], want.Name, have)
					}
				}
				own, err := r.issuer.KeysOf(r.ctx(), a, value)
				r.must(err, "list with the account's own key")
				admin, err := r.issuer.KeysOf(r.ctx(), a, providers.Secret{})
				r.must(err, "list as admin")
				if !equal(own, admin) || !equal(own, keys[a.ID]) || len(own) < 2 {
					r.Errorf("listings differ: %+v, %+v, %+v", own, admin, keys[a.ID])
				}
				r.hunt("a listing", own)
				if !equal([]rotation.Key{key}, labelled(own, key.Label)) {
					r.Errorf("the issued key is not found by its label: %+v", own)
				}
			},
		},
		{
			name: "list many", story: "A listing of more than a page is whole: each account once.",
			run: func(r *issuerRun) {
				const many = 120
				want := map[rotation.AccountID]bool{}
				var team string
				for n := range many {
					a := r.Account(r.T, fmt.Sprintf("many-%03d", n))
					want[a.ID], team = true, a.Team
				}
				accounts, _ := r.listing(team)
				for id := range accounts {
					delete(want, id)
				}
				if len(want) > 0 {
					r.Errorf("%d of %d accounts are not listed", len(want), many)
				}
			},
		},
		{
			name: "list stopped", story: "An error of whoever takes the listing ends it and comes back as it is.",
			run: func(r *issuerRun) {
				a, _, _ := r.live("stop-1")
				r.live("stop-2")
				full, yields := errors.New("no more"), 0
				err := r.issuer.Keys(r.ctx(), a.Team, func(rotation.Account, []rotation.Key) error {
					yields++
					return full
				})
				if !errors.Is(err, full) || yields != 1 {
					r.Errorf("after %d pages: %v", yields, err)
				}
			},
		},
		{
			name: "list another team", story: "A team that is not there is an error, or has no accounts; those of others are not mixed in.",
			run: func(r *issuerRun) {
				a, _, _ := r.live("elsewhere")
				err := r.issuer.Keys(r.ctx(), a.Team+"-none", func(b rotation.Account, _ []rotation.Key) error {
					r.Errorf("listed %+v", b)
					return nil
				})
				_ = r.check(err)
			},
		},
		{
			name: "without admin", story: "Without an admin credential an account still lists, makes, checks and deletes its own keys; the rest is Denied and says what is missing.",
			run: func(r *issuerRun) {
				a, oldID, old := r.live("alone")
				r.issuer = r.WithoutAdmin(r.T)
				r.hinted(r.issuer.Keys(r.ctx(), a.Team, func(rotation.Account, []rotation.Key) error { return nil }), providers.Denied)
				_, err := r.issuer.KeysOf(r.ctx(), a, providers.Secret{})
				r.hinted(err, providers.Denied)
				r.hinted(r.issuer.Revoke(r.ctx(), a, providers.Secret{}, oldID), providers.Denied)
				if p, ok := r.issuer.(providers.Provisioner); ok {
					_, err := p.Provision(r.ctx(), rotation.Account{Name: "more", Team: a.Team, Scope: rotation.ScopeTeam})
					r.hinted(err, providers.Denied)
				}
				key, value := r.issue(a, old, r.label(a, 1))
				r.works(a, value, key.ID)
				keys, err := r.issuer.KeysOf(r.ctx(), a, value)
				r.must(err, "list with the account's own key")
				if !equal(keys, r.Keys(r.T, a)) {
					r.Errorf("listed %+v", keys)
				}
				r.must(r.issuer.Revoke(r.ctx(), a, value, oldID), "revoke")
				r.dead(a, old)
			},
		},
		{
			name: "admin gone", story: "When our own admin credential is deleted, what needs it is Denied and says so; accounts rotate on by their own keys.",
			run: func(r *issuerRun) {
				people := ability[AdminRevoker](r)
				a, _, value := r.live("orphan")
				people.RevokeAdmin(r.T)
				r.hinted(r.issuer.Keys(r.ctx(), a.Team, func(rotation.Account, []rotation.Key) error { return nil }), providers.Denied)
				_, err := r.issuer.KeysOf(r.ctx(), a, providers.Secret{})
				r.hinted(err, providers.Denied)
				key, next := r.issue(a, value, r.label(a, 1))
				r.works(a, next, key.ID)
			},
		},
	}
}

func labelled(keys []rotation.Key, l rotation.Label) []rotation.Key {
	var found []rotation.Key
	for _, k := range keys {
		if k.Label == l {
			found = append(found, k)
		}
	}
	return found
}

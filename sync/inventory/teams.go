package inventory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

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

// sweepIssuer lists every team that has accounts.
func (o Observer) sweepIssuer(ctx context.Context, accounts []Account) map[string]*teamListing {
	listings := map[string]*teamListing{}
	var teams []string
	for _, a := range accounts {
		t := listingOf(a)
		if _, known := listings[t]; !known && a.Admin && a.Account.Scope != rotation.ScopeExternal {
			listings[t] = &teamListing{}
			teams = append(teams, t)
		}
	}
	if len(teams) == 0 {
		return listings
	}
	if lister, ok := o.Issuer.(providers.TeamsLister); ok {
		o.listTogether(ctx, lister, teams, listings)
		return listings
	}
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for _, team := range teams {
		t := listings[team]
		g.Go(func() error {
			if err := o.Keys(ctx, team, t.add, func() { *t = teamListing{} }); err != nil {
				*t = teamListing{words: err.Error()}
			}
			return nil
		})
	}
	_ = g.Wait()
	return listings
}

// listTogether lists teams in one call, and again those that failed in a way
// that may heal by itself.
func (o Observer) listTogether(ctx context.Context, lister providers.TeamsLister, teams []string, listings map[string]*teamListing) {
	left := teams
	err := o.Pages().Read(ctx, IssuerService, "list", func(ctx context.Context) error {
		round := map[string]*teamListing{}
		for _, team := range left {
			round[team] = &teamListing{}
		}
		var again, refused error // the first of each
		var retry []string
		err := lister.KeysOfTeams(ctx, left, func(team string, a rotation.Account, k []rotation.Key) error {
			round[team].add(a, k)
			return nil
		}, func(team string, err error) {
			*round[team] = teamListing{words: err.Error()}
			switch {
			case passing(err):
				retry, again = append(retry, team), cmp.Or(again, err)
			default:
				refused = cmp.Or(refused, err)
			}
		})
		if err != nil {
			return err
		}
		maps.Copy(listings, round)
		left = retry
		return cmp.Or(again, refused)
	})
	if err == nil {
		return
	}
	for _, team := range left { // of those that had no answer at all
		if t := listings[team]; t.words == "" {
			*t = teamListing{words: err.Error()}
		}
	}
}

package findings

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// look makes what findings are made of: what the configuration says, what is on
// record, what the platform and the store show, and evidence of use.
func (e *estate) look(ctx context.Context, evidence map[rotation.Ref]usage.Evidence) (finding.Input, error) {
	in := finding.Input{Now: e.Now, Listed: map[string]bool{"": true}, NameAllowed: e.config.NameProblem()}
	observer := inventory.Observer{Issuer: e.issuer, Stores: e.inv.Stores, Call: attempt.Default(), Now: e.now, ForPeople: true}
	seen := observer.Sweep(ctx, e.inv.Accounts, e.records)
	people, err := e.members(ctx)
	if err != nil {
		return in, err
	}
	for _, a := range e.inv.Accounts {
		r, o := e.records[a.Ref()], seen[a.Ref()]
		f := finding.Account{
			Spec: a.Spec, Record: r, Observed: o, Action: rotation.Next(a.Spec, r, o, e.Now),
			Purpose: a.Config.Purpose, Owner: a.Config.Owner, Reason: a.Config.Reason, UsedBy: a.Config.UsedBy,
			Reviewed: a.Config.Reviewed, ReviewEvery: a.Config.ReviewEvery, Env: a.Config.Env,
			Rhythm: a.Config.Rhythm, UnusedAfter: a.Config.UnusedAfter, ProposeAfter: a.Config.ProposeAfter,
			Weave: a.Config.Weave, Position: fmt.Sprint(a.Config.Pos),
			Evidence: evidence[a.Ref()], DeliveredAt: r.Agreed,
		}
		if r.Account != "" {
			// The ledger's events go back to the first delivery.
			f.KnownSince = e.truths[a.Ref()].Delivered
		}
		if f.Attribution = a.Config.Env["WANDB_USERNAME"]; f.Attribution != "" {
			f.Attributed = finding.No
			if slices.Contains(people[a.Account.Team], f.Attribution) {
				f.Attributed = finding.Yes
			}
		}
		if f.Access, err = e.access(ctx, a); err != nil {
			return in, err
		}
		in.Accounts = append(in.Accounts, f)
	}
	in.Platform, err = e.platform(ctx, evidence)
	for _, t := range e.Seed.Teams {
		in.Listed[t.Name] = true
	}
	return in, err
}

// members are the user names of who is in each team.
func (e *estate) members(ctx context.Context) (map[string][]string, error) {
	people := map[string][]string{}
	for _, t := range e.Seed.Teams {
		if err := e.issuer.Members(ctx, t.Name, providers.Secret{}, func(m providers.Member) error {
			if !m.Pending {
				people[t.Name] = append(people[t.Name], m.Username)
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return people, nil
}

// access asks with the account's own key.
func (e *estate) access(ctx context.Context, a inventory.Account) (map[usage.Project]finding.Access, error) {
	all := map[usage.Project]finding.Access{}
	for _, name := range a.Config.Projects {
		var p usage.Project
		p.Team, p.Name, _ = strings.Cut(name, "/")
		access, err := e.issuer.Access(ctx, p.Team, p.Name, providers.NewSecret(e.truths[a.Ref()].Key))
		if err != nil {
			return nil, err
		}
		all[p] = finding.Access(access)
	}
	return all, nil
}

// platform is every service account that the platform lists.
func (e *estate) platform(ctx context.Context, evidence map[rotation.Ref]usage.Evidence) ([]finding.PlatformAccount, error) {
	byID := map[rotation.AccountID]finding.PlatformAccount{}
	add := func(a rotation.Account, keys []rotation.Key) {
		if _, listed := byID[a.ID]; listed {
			return
		}
		// Where the scope is not known, it may be a person who is in no team.
		byID[a.ID] = finding.PlatformAccount{Account: a, Keys: keys, Evidence: evidence[rotation.Ref(a.Team+"/"+a.Name)]}
	}
	// The teams first: their listings say which scope an account has.
	for _, t := range append(slices.Clone(e.Seed.Teams), sandbox.Team{}) {
		if err := e.issuer.Keys(ctx, t.Name, func(a rotation.Account, keys []rotation.Key) error {
			add(a, keys)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	all := make([]finding.PlatformAccount, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		all = append(all, byID[id])
	}
	return all, nil
}

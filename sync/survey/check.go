package survey

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// Checks are what takes calls of its own: as of a time, and as far as it could be
// told. There is no key in it.
type Checks struct {
	At       time.Time               `json:"at,omitzero"`
	Platform []Listed                `json:"platform,omitempty"`
	Complete map[string]bool         `json:"complete,omitempty"` // teams that were listed completely
	Accounts map[rotation.Ref]Check  `json:"accounts,omitempty"`
	Admins   []finding.Credential    `json:"admins,omitempty"`
	Sources  map[usage.Source]string `json:"sources,omitempty"` // of evidence: what is in the way; empty: nothing
}

// Listed is one service account that the platform lists.
type Listed struct {
	Account rotation.Account `json:"account"`
	Keys    []rotation.Key   `json:"keys,omitempty"`
}

// Check is what was checked of one account.
type Check struct {
	Access     map[string]finding.Access `json:"access,omitempty"` // by team/project
	Attributed finding.Answer            `json:"attributed,omitempty"`
	Federation finding.Federation        `json:"federation,omitzero"`
}

// Checker checks what takes calls for each account, team or store.
type Checker struct {
	Inventory *inventory.Inventory
	Observer  inventory.Observer
	Config    *config.Config
	Records   map[rotation.Ref]rotation.Record
	// Federation tries the exchange of an external account; nil: it is not tried.
	Federation func(context.Context, inventory.Account) finding.Federation
	// OwnUse notes that keyrota itself uses an account now, so that it is not
	// taken for a use; nil: nobody does.
	OwnUse func(context.Context, rotation.Ref, time.Time) error
	Now    func() time.Time
}

// checksAtOnce bounds how many accounts are checked at a time.
const checksAtOnce = 8

// Check checks everything. What cannot be told is left out; the error is ctx's.
func (c Checker) Check(ctx context.Context) (Checks, error) {
	checks := Checks{At: c.Now(), Complete: map[string]bool{}, Accounts: map[rotation.Ref]Check{}}
	c.platform(ctx, &checks)
	members := c.members(ctx)
	found := make([]Check, len(c.Inventory.Accounts))
	var g errgroup.Group
	g.SetLimit(checksAtOnce)
	for i, a := range c.Inventory.Accounts {
		g.Go(func() (err error) {
			defer providers.Guard(&err)
			found[i] = c.account(ctx, a, members)
			return nil
		})
	}
	fault := g.Wait()
	for i, a := range c.Inventory.Accounts {
		if f := found[i]; f.Access != nil || f.Attributed != finding.Unknown || !f.Federation.At.IsZero() {
			checks.Accounts[a.Ref()] = f
		}
	}
	return checks, errors.Join(fault, ctx.Err())
}

// teams returns the teams of the configuration, the empty one for accounts of
// organization scope, where there is an admin key to list them with.
func (c Checker) teams() []string {
	teams := map[string]bool{}
	if !c.Config.WandB.AdminKey.IsZero() {
		teams[""] = true
	}
	for _, a := range c.Config.Accounts {
		if a.Team != "" && (teams[""] || !c.Config.Teams[a.Team].AdminKey.IsZero()) {
			teams[a.Team] = true
		}
	}
	return slices.Sorted(maps.Keys(teams))
}

// platform lists every service account of the teams, and what that tells of the
// admin keys.
func (c Checker) platform(ctx context.Context, checks *Checks) {
	failures := map[string]error{}
	for _, team := range c.teams() {
		var all []Listed
		err := c.Observer.Keys(ctx, team, func(a rotation.Account, keys []rotation.Key) {
			all = append(all, Listed{a, keys})
		}, func() { all = nil })
		if err != nil {
			failures[team] = err
			continue
		}
		checks.Complete[team] = true
		checks.Platform = append(checks.Platform, all...)
	}
	credential := func(name string, ref config.Reference, teams ...string) {
		if ref.IsZero() {
			return
		}
		works := finding.Credential{Name: name}
		for _, team := range teams {
			switch err := failures[team]; {
			case checks.Complete[team]:
				works.Works = finding.Yes
			case providers.KindOf(err) == providers.Denied && err != nil:
				works.Works, works.Words = finding.No, err.Error()
			}
		}
		checks.Admins = append(checks.Admins, works)
	}
	credential("wandb.admin_key", c.Config.WandB.AdminKey, "")
	for _, name := range slices.Sorted(maps.Keys(c.Config.Teams)) {
		credential("teams."+name+".admin_key", c.Config.Teams[name].AdminKey, name)
	}
}

// members returns who is in the teams that credit runs to a person.
func (c Checker) members(ctx context.Context) map[string][]providers.Member {
	directory, ok := c.Inventory.Issuer.(providers.Directory)
	members := map[string][]providers.Member{}
	if !ok {
		return members
	}
	asked := map[string]bool{}
	for _, a := range c.Config.Accounts {
		if a.Team == "" || asked[a.Team] || Attribution(a) == "" {
			continue
		}
		asked[a.Team] = true
		var all []providers.Member
		err := c.Observer.Call.Read(ctx, inventory.IssuerService, "members", func(ctx context.Context) error {
			all = []providers.Member{}
			return directory.Members(ctx, a.Team, providers.Secret{}, func(m providers.Member) error {
				all = append(all, m)
				return nil
			})
		})
		if err == nil {
			members[a.Team] = all
		}
	}
	return members
}

// Attribution returns the person that an account's environment credits its runs
// to, empty if none.
func Attribution(a config.Account) string {
	if name := a.Env["WANDB_USERNAME"]; name != "" {
		return name
	}
	return a.Env["WANDB_USER_EMAIL"]
}

func (c Checker) account(ctx context.Context, a inventory.Account, members map[string][]providers.Member) Check {
	var check Check
	if person := Attribution(*a.Config); person != "" {
		if all, known := members[a.Config.Team]; known {
			check.Attributed = finding.No
			if slices.ContainsFunc(all, func(m providers.Member) bool {
				return !m.Pending && (strings.EqualFold(m.Username, person) || m.Email != "" && strings.EqualFold(m.Email, person))
			}) {
				check.Attributed = finding.Yes
			}
		}
	}
	if a.Config.Identity != nil && c.Federation != nil {
		check.Federation = c.Federation(ctx, a)
	}
	check.Access = c.access(ctx, a)
	return check
}

// access asks with the account's own key what it may do with the projects that it
// is declared for.
func (c Checker) access(ctx context.Context, a inventory.Account) map[string]finding.Access {
	checker, ok := c.Inventory.Issuer.(providers.AccessChecker)
	projects := Projects(*a.Config)
	if !ok || len(projects) == 0 || a.Config.Scope == config.ScopeExternal {
		return nil
	}
	key, _, err := c.Observer.ReadBack(ctx, a, c.Records[a.Ref()])
	if err != nil {
		return nil
	}
	if c.OwnUse != nil && c.OwnUse(ctx, a.Ref(), c.Now()) != nil {
		return nil // it would be taken for a use
	}
	access := map[string]finding.Access{}
	for _, p := range projects {
		var may providers.Access
		err := c.Observer.Call.Read(ctx, inventory.IssuerService, "access", func(ctx context.Context) (err error) {
			may, err = checker.Access(ctx, p.Team, p.Name, key)
			return err
		})
		if err == nil {
			access[p.Team+"/"+p.Name] = finding.Access(may)
		}
	}
	return access
}

// Projects returns the restricted projects that an account is declared for.
func Projects(a config.Account) []usage.Project {
	var all []usage.Project
	for _, p := range a.Projects {
		team, name, _ := strings.Cut(p, "/")
		all = append(all, usage.Project{Team: team, Name: name})
	}
	return all
}

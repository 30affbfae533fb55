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
	At       time.Time              `json:"at,omitzero"`
	Platform map[string][]Listed    `json:"platform,omitempty"` // by team; a team that is not in it was not listed
	Accounts map[rotation.Ref]Check `json:"accounts,omitempty"`
	Admins   []finding.Credential   `json:"admins,omitempty"`
	Logins   map[string]time.Time   `json:"logins,omitempty"` // by store: when our own login ends for good
}

// Listed is one service account that the platform lists.
type Listed struct {
	Account rotation.Account `json:"account"`
	Keys    []rotation.Key   `json:"keys,omitempty"`
}

// Check is what was checked of one account.
type Check struct {
	Access     map[string]finding.Access `json:"access,omitempty"` // by team/project
	Asked      time.Time                 `json:"asked,omitzero"`   // when it was asked for
	Attributed finding.Answer            `json:"attributed,omitempty"`
	Federation finding.Federation        `json:"federation,omitzero"`
}

// Checker checks what takes calls for each account, team or store.
type Checker struct {
	Inventory *inventory.Inventory
	Observer  inventory.Observer
	Config    *config.Config
	Records   map[rotation.Ref]rotation.Record
	Before    Checks // what was checked the last time
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
	checks := Checks{At: c.Now(), Platform: map[string][]Listed{}, Accounts: map[rotation.Ref]Check{}}
	c.platform(ctx, &checks)
	checks.Logins = c.logins(ctx)
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
// admin keys. Of what cannot be asked now the answer of before stays.
func (c Checker) platform(ctx context.Context, checks *Checks) {
	failures := map[string]error{}
	for _, team := range c.teams() {
		all := []Listed{}
		err := c.Observer.Keys(ctx, team, func(a rotation.Account, keys []rotation.Key) {
			all = append(all, Listed{a, keys})
		}, func() { all = []Listed{} })
		before, known := c.Before.Platform[team]
		switch {
		case err == nil:
			checks.Platform[team] = all
			continue
		case known:
			checks.Platform[team] = before
		}
		failures[team] = err
	}
	credential := func(name string, ref config.Reference, team string) {
		if ref.IsZero() {
			return
		}
		works := finding.Credential{Name: name}
		if i := slices.IndexFunc(c.Before.Admins, func(k finding.Credential) bool { return k.Name == name }); i >= 0 {
			works = c.Before.Admins[i]
		}
		switch err := failures[team]; {
		case err == nil && checks.Platform[team] != nil:
			works.Works, works.Words = finding.Yes, ""
		case err != nil && providers.KindOf(err) == providers.Denied:
			works.Works, works.Words = finding.No, err.Error()
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

// Credited returns the member of a team whom an account's environment credits its
// runs to, and false where the listing shows none.
func Credited(all []providers.Member, a config.Account) (providers.Member, bool) {
	name, email := a.Env["WANDB_USERNAME"], a.Env["WANDB_USER_EMAIL"]
	i := slices.IndexFunc(all, func(m providers.Member) bool {
		return !m.Service && (name != "" && strings.EqualFold(m.Username, name) || name == "" && email != "" && strings.EqualFold(m.Email, email))
	})
	if i < 0 {
		return providers.Member{}, false
	}
	return all[i], true
}

// account checks one account. Of what cannot be asked now the answer of before
// stays.
func (c Checker) account(ctx context.Context, a inventory.Account, members map[string][]providers.Member) Check {
	before := c.Before.Accounts[a.Ref()]
	var check Check
	if Attribution(*a.Config) != "" {
		all, known := members[a.Config.Team]
		switch m, there := Credited(all, *a.Config); {
		case !known:
			check.Attributed = before.Attributed
		case there && !m.Pending:
			check.Attributed = finding.Yes
		default:
			check.Attributed = finding.No
		}
	}
	if a.Config.Identity != nil && c.Federation != nil {
		check.Federation = c.Federation(ctx, a)
		if b := before.Federation; check.Federation.Unclear && b.Works && c.Now().Sub(b.At) < 24*time.Hour {
			check.Federation = b
		}
	}
	check.Access, check.Asked = before.Access, before.Asked
	if c.Now().Sub(before.Asked) >= accessEvery || !covers(before.Access, Projects(*a.Config)) {
		if access := c.access(ctx, a); access != nil {
			check.Access, check.Asked = access, c.Now()
		}
	}
	return check
}

// accessEvery is how often it is asked what accounts may do: each time a key is read
// back, which hides what others read on that day.
const accessEvery = 7 * 24 * time.Hour

func covers(access map[string]finding.Access, projects []usage.Project) bool {
	return !slices.ContainsFunc(projects, func(p usage.Project) bool {
		_, known := access[p.Team+"/"+p.Name]
		return !known
	})
}

// access asks with the account's own key what it may do with the projects that it
// is declared for.
func (c Checker) access(ctx context.Context, a inventory.Account) map[string]finding.Access {
	checker, ok := c.Inventory.Issuer.(providers.AccessChecker)
	projects := Projects(*a.Config)
	if !ok || len(projects) == 0 || a.Config.Scope == config.ScopeExternal {
		return nil
	}
	if c.OwnUse != nil && c.OwnUse(ctx, a.Ref(), c.Now()) != nil {
		return nil // it would be taken for a use
	}
	key, _, err := c.Observer.ReadBack(ctx, a, c.Records[a.Ref()])
	if err != nil {
		return nil
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

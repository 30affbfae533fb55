package wandb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

// Keys lists service accounts and their keys with an administrator's key: for
// a team in two requests, the members and the accounts that W&B's user search
// shows (and one for each account that it leaves out).
//
// For an empty team it lists those of the organization, in one request and one
// more for each team. W&B has no public listing of organization-scoped
// accounts, and its search says neither which accounts are people's nor what
// scope one has. So what is left out are the accounts that some team lists as a
// person, and the scope of the others is empty.
//
// An account whose keys the server does not show makes the listing Denied,
// after all others were yielded.
func (i *Issuer) Keys(ctx context.Context, team string, yield func(a rotation.Account, keys []rotation.Key) error) error {
	name := team
	if name == "" {
		name = i.config.Organization
	}
	c, err := i.asAdmin(ctx, opListKeys, name, "", team)
	if err != nil {
		return err
	}
	if team == "" {
		return c.organizationKeys(ctx, yield)
	}
	return c.teamKeys(ctx, team, yield)
}

func (c *call) teamKeys(ctx context.Context, team string, yield func(rotation.Account, []rotation.Key) error) error {
	return c.keysAmong(ctx, team, func() (directory, error) { return c.directory(ctx, "") }, yield)
}

// keysAmong lists a team's accounts among those that a search for all shows,
// and searches alone for each that it leaves out.
func (c *call) keysAmong(ctx context.Context, team string, search func() (directory, error), yield func(rotation.Account, []rotation.Key) error) error {
	members, err := c.services(ctx, team)
	if err != nil || len(members) == 0 {
		return err
	}
	all, err := search()
	if err != nil {
		return err
	}
	out := accounts{yield: yield}
	for _, m := range members {
		found := all.find(m)
		if found == nil {
			few, err := c.directory(ctx, m.query())
			if err != nil {
				return err
			}
			found = few.find(m)
		}
		if found == nil {
			return c.fail(providers.Transient, fmt.Errorf("%q is a member of the team and no account: the team changed while it was read", m.Name), "")
		}
		a := rotation.Account{ID: rotation.AccountID(found.Id), Name: found.Name, Scope: rotation.ScopeTeam, Team: team}
		if graph.IsExternal(m.AccountType) {
			a.Scope = rotation.ScopeExternal
		}
		if err := out.add(a, found); err != nil {
			return err
		}
	}
	return c.hidden(out.hidden)
}

func (c *call) organizationKeys(ctx context.Context, yield func(rotation.Account, []rotation.Key) error) error {
	all, err := c.search(ctx, "")
	if err != nil {
		return err
	}
	memberships, err := c.memberships(ctx, all)
	if err != nil {
		return err
	}
	out := accounts{yield: yield}
	for _, found := range all {
		m, known := memberships[found.Username]
		if found.DeletedAt != "" || known && !graph.IsService(m.AccountType) {
			continue
		}
		a := rotation.Account{ID: rotation.AccountID(found.Id), Name: found.Name, Team: found.Entity}
		if known {
			a.Team = m.team
		}
		if graph.IsExternal(m.AccountType) {
			a.Scope = rotation.ScopeExternal
		}
		if err := out.add(a, found); err != nil {
			return err
		}
	}
	return c.hidden(out.hidden)
}

// memberships returns, by user name, a membership of each account in a team
// that some account says it is in, and that the caller may see.
func (c *call) memberships(ctx context.Context, all []*graph.Account) (map[string]member, error) {
	seen := map[string]bool{}
	memberships := map[string]member{}
	for _, found := range all {
		for _, e := range found.Teams.Edges {
			team := e.Node.Name
			if team == "" || seen[team] {
				continue
			}
			seen[team] = true
			members, _, err := c.members(ctx, team)
			if err != nil {
				return nil, err
			}
			for _, m := range members {
				memberships[m.Username] = m
			}
		}
	}
	return memberships, nil
}

// accounts yields accounts, and keeps the names of those whose keys the server
// does not show.
type accounts struct {
	yield  func(rotation.Account, []rotation.Key) error
	hidden []string
}

func (out *accounts) add(a rotation.Account, found *graph.Account) error {
	keys, shown := listed(found)
	if !shown && a.Scope != rotation.ScopeExternal {
		out.hidden = append(out.hidden, a.Name)
		return nil
	}
	return out.yield(a, keys)
}

// hidden makes the error of a listing that does not show the keys of some.
func (c *call) hidden(names []string) error {
	if len(names) == 0 {
		return nil
	}
	return c.fail(providers.Denied, fmt.Errorf("the server does not show the keys of %s", strings.Join(names, ", ")), hintHidden)
}

// KeysOf lists the keys of one account, with a key of its own or an
// administrator's. Conflict: auth is not this account's. NotFound: there is no
// such account.
func (i *Issuer) KeysOf(ctx context.Context, a rotation.Account, auth providers.Secret) ([]rotation.Key, error) {
	c, err := i.asEither(ctx, "list keys of", a, auth)
	if err != nil {
		return nil, err
	}
	return c.keysOf(ctx, a)
}

func (c *call) keysOf(ctx context.Context, a rotation.Account) ([]rotation.Key, error) {
	find := c.viewer
	if c.admin != "" {
		find = c.account
	}
	found, err := find(ctx, a)
	if err != nil {
		return nil, err
	}
	keys, shown := listed(found)
	if !shown {
		return nil, c.hidden([]string{accountName(a)})
	}
	return keys, nil
}

// whose returns the account that the call's key belongs to.
func (c *call) whose(ctx context.Context) (*graph.Account, error) {
	answer, err := graph.Viewer(ctx, c)
	if err != nil {
		return nil, err
	}
	v := answer.Viewer
	if v == nil || v.Id == "" {
		return nil, c.fail(providers.Denied, &refusal{status: 200, words: "the key belongs to nobody", badKey: true}, "")
	}
	return v, nil
}

// viewer returns whose key the call is made with; it must be a's.
func (c *call) viewer(ctx context.Context, a rotation.Account) (*graph.Account, error) {
	v, err := c.whose(ctx)
	if err != nil {
		return nil, err
	}
	if !belongs(v, a) {
		return nil, c.fail(providers.Conflict, fmt.Errorf("the key works, and is the account %q's (%s)", v.Name, v.Id),
			"a key of another account is never used: put a key of "+accountName(a)+" there, or correct the account's name and team")
	}
	return v, nil
}

// belongs reports whether an account is a: by its id or, where a has none, by
// name and team. An account of organization scope is in every team.
func belongs(v *graph.Account, a rotation.Account) bool {
	if a.ID != "" {
		return v.Id == string(a.ID)
	}
	return v.Name == a.Name && (a.Scope == rotation.ScopeOrganization || a.Team == "" || v.InTeam(a.Team))
}

// account returns one account as an administrator sees it.
func (c *call) account(ctx context.Context, a rotation.Account) (*graph.Account, error) {
	query := a.Name
	for {
		all, err := c.search(ctx, query)
		if err != nil {
			return nil, err
		}
		var found []*graph.Account
		for _, candidate := range all {
			if candidate.DeletedAt == "" && belongs(candidate, a) {
				found = append(found, candidate)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return nil, c.fail(providers.Conflict, fmt.Errorf("%d accounts are named %q", len(found), a.Name), "rename or remove all but one in W&B")
		}
		if query == "" {
			return nil, c.gone(ctx, a, all)
		}
		query = "" // finds an account that a person renamed
	}
}

// gone makes the error of an account that a search for all does not show. It
// is NotFound only if the search shows all service accounts of the account's
// team: otherwise the account may be hidden from this administrator.
func (c *call) gone(ctx context.Context, a rotation.Account, all []*graph.Account) error {
	hidden := c.fail(providers.Denied, fmt.Errorf("%s may see no such account", c.admin),
		"check in W&B whether the account is still there, and whose key "+c.admin+" is")
	if a.Scope == rotation.ScopeOrganization || a.Team == "" {
		return hidden
	}
	members, err := c.services(ctx, a.Team)
	if err != nil {
		return err
	}
	shown := directoryOf(all)
	for _, m := range members {
		if shown.find(m) == nil {
			return hidden
		}
	}
	return c.fail(providers.NotFound, errors.New("there is no such account"), "it was removed from its team, or its team or name is another")
}

// member is one line of a team's member listing.
type member struct {
	graph.Member
	team string
}

// query is what finds the member in a search.
func (m member) query() string {
	if m.Username != "" {
		return m.Username
	}
	return m.Name
}

// members returns a team's members; visible is false where there is no such
// team that the caller may see, or its members are not shown: a team without
// any member does not exist.
func (c *call) members(ctx context.Context, team string) (members []member, visible bool, err error) {
	answer, err := graph.Members(ctx, c, team)
	if err != nil || answer.Entity == nil || len(answer.Entity.Members) == 0 {
		return nil, false, err
	}
	for _, m := range answer.Entity.Members {
		members = append(members, member{m, team})
	}
	return members, true, nil
}

// services returns a team's service accounts.
func (c *call) services(ctx context.Context, team string) ([]member, error) {
	members, visible, err := c.members(ctx, team)
	if err != nil {
		return nil, err
	}
	if !visible {
		return nil, c.noTeam(team)
	}
	var services []member
	for _, m := range members {
		if graph.IsService(m.AccountType) {
			services = append(services, m)
		}
	}
	return services, nil
}

func (c *call) noTeam(team string) error {
	return c.fail(providers.Denied, fmt.Errorf("there is no team %q that %s may see", team, c.who()),
		"check the team's name, and that the key is an admin's of this team or of its organization")
}

func (c *call) search(ctx context.Context, query string) ([]*graph.Account, error) {
	answer, err := graph.Users(ctx, c, query)
	if err != nil {
		return nil, err
	}
	if answer.Users == nil || answer.Users.Edges == nil {
		return nil, c.fail(providers.Denied, errors.New("the server does not show accounts"), hintHidden)
	}
	all := make([]*graph.Account, 0, len(answer.Users.Edges))
	for _, e := range answer.Users.Edges {
		if e.Node == nil || e.Node.Id == "" {
			return nil, c.fail(providers.Transient, errors.New("the server left out accounts of a listing"), "")
		}
		all = append(all, e.Node)
	}
	return all, nil
}

// directory finds accounts by the members of teams. That a member's id is its
// account's is not documented, so the user name, which is unique, goes first.
type directory struct{ byUsername, byID map[string]*graph.Account }

func directoryOf(all []*graph.Account) directory {
	d := directory{make(map[string]*graph.Account, len(all)), make(map[string]*graph.Account, len(all))}
	for _, a := range all {
		if a.DeletedAt == "" {
			d.byUsername[a.Username], d.byID[a.Id] = a, a
		}
	}
	return d
}

func (c *call) directory(ctx context.Context, query string) (directory, error) {
	all, err := c.search(ctx, query)
	return directoryOf(all), err
}

func (d directory) find(m member) *graph.Account {
	if m.Username != "" {
		return d.byUsername[m.Username]
	}
	return d.byID[m.Id]
}

func listed(a *graph.Account) (keys []rotation.Key, shown bool) {
	nodes, shown := a.Keys()
	for _, k := range nodes {
		keys = append(keys, rotation.Key{ID: rotation.KeyID(k.Id), Label: rotation.Label(k.Description)})
	}
	return keys, shown
}

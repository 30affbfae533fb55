package gather

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
)

// directory says which account is meant by a user name or an id of the platform.
type directory struct {
	byUser map[string]rotation.Ref
	byID   map[rotation.AccountID]rotation.Ref
	// named are the accounts whose user name is known; in are their teams, of
	// organization scope the empty one.
	named  map[rotation.Ref]bool
	in     map[rotation.Ref]string
	teams  []string // that accounts are in, or are declared for
	others []string // that there are, as far as accounts of organization scope may use them
	listed []string // those whose members were listed; "" is the organization's own
	lost   bool     // which teams there are could not be told
}

// refs are all accounts that are known, also those in no configuration.
func (d directory) refs() []rotation.Ref {
	var all []rotation.Ref
	for ref := range d.in {
		all = append(all, ref)
	}
	slices.Sort(all)
	return all
}

// meet lists the members of the teams. Accounts that the configuration does not
// have are named as it would name them.
func (l *look) meet(ctx context.Context) error {
	l.met = directory{
		byUser: map[string]rotation.Ref{}, byID: map[rotation.AccountID]rotation.Ref{},
		named: map[rotation.Ref]bool{}, in: map[rotation.Ref]string{},
	}
	wanted := map[rotation.Ref]bool{}
	organization := map[string]rotation.Ref{} // of its scope, by name
	for _, a := range l.accounts {
		ref := a.Ref()
		wanted[ref] = true
		l.met.in[ref] = teamOf(a)
		if id := l.records[ref].Account; id != "" {
			l.met.byID[id] = ref
		}
		if teamOf(a) == "" {
			organization[a.Account.Name] = ref
		} else {
			l.met.teams = append(l.met.teams, a.Account.Team)
		}
		for _, p := range declared(a) {
			l.met.teams = append(l.met.teams, p.Team)
		}
	}
	slices.Sort(l.met.teams)
	l.met.teams = slices.DeleteFunc(slices.Compact(l.met.teams), func(team string) bool { return team == "" })
	people, ok := l.Issuer.(providers.Directory)
	if !ok {
		l.failed(usage.Runs, "", errors.New("the issuer does not show who is in a team"))
		return nil
	}
	asked := slices.Clip(l.met.teams)
	if len(organization) > 0 {
		if err := l.meetOthers(ctx); err != nil {
			return err
		}
		asked = append(append(asked, l.met.others...), "")
	}
	for _, team := range asked {
		members, err := l.members(ctx, people, team)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			l.failed(usage.Runs, "members of "+partOf(team), err)
			continue
		}
		l.met.listed = append(l.met.listed, team)
		for _, m := range members {
			ref, ok := l.met.byID[m.ID]
			inTeam := rotation.Ref(team + "/" + m.Name)
			switch {
			case ok:
			case team != "" && wanted[inTeam]:
				ref = inTeam
			case organization[m.Name] != "" && (team == "" || m.Service):
				ref = organization[m.Name]
			case team == "" || !m.Service:
				continue
			default:
				ref = inTeam
				if !slices.Contains(l.met.others, team) { // of whose past nothing was counted
					l.met.in[ref] = team
				}
			}
			l.met.byID[m.ID], l.met.byUser[m.Username], l.met.named[ref] = ref, ref, true
		}
	}
	delete(l.met.byUser, "")
	delete(l.met.byID, "")
	return nil
}

// meetOthers asks which other teams there are: an account of organization scope
// may be used in each.
func (l *look) meetOthers(ctx context.Context) error {
	l.met.lost = true
	teller, ok := l.Issuer.(providers.TeamTeller)
	if !ok {
		l.failed(usage.Runs, partOf(""), errors.New("the issuer does not tell which teams there are"))
		return nil
	}
	var others []string
	err := l.Call.Read(ctx, inventory.IssuerService, "list teams", func(ctx context.Context) error {
		others = nil
		return teller.Teams(ctx, func(team string) error {
			if !slices.Contains(l.met.teams, team) {
				others = append(others, team)
			}
			return nil
		})
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		l.failed(usage.Runs, partOf(""), err)
		return nil
	}
	slices.Sort(others)
	l.met.others, l.met.lost = others, false
	return nil
}

func (l *look) members(ctx context.Context, people providers.Directory, team string) ([]providers.Member, error) {
	var all []providers.Member
	err := l.withAnyKey(ctx, team, func(auth providers.Secret) error {
		return l.Call.Read(ctx, inventory.IssuerService, "list members", func(ctx context.Context) error {
			all = nil
			return people.Members(ctx, team, auth, func(m providers.Member) error {
				all = append(all, m)
				return nil
			})
		})
	})
	return all, err
}

// teamOf returns the team that an account belongs to; none for organization
// scope, whose team is where its runs go unless they say otherwise.
func teamOf(a inventory.Account) string {
	if a.Account.Scope == rotation.ScopeOrganization {
		return ""
	}
	return a.Account.Team
}

func partOf(team string) string {
	if team == "" {
		return "the organization"
	}
	return "team " + team
}

// declared returns the projects that an account is declared for: where its
// environment sends runs, and those that it is said to need.
func declared(a inventory.Account) []usage.Project {
	var all []usage.Project
	if a.Config == nil {
		return nil
	}
	if p, ok := environment(a); ok {
		all = append(all, p)
	}
	return append(all, needed(a)...)
}

// environment returns where the environment of its jobs sends runs.
func environment(a inventory.Account) (usage.Project, bool) {
	p := usage.Project{Team: a.Config.Env["WANDB_ENTITY"], Name: a.Config.Env["WANDB_PROJECT"]}
	if p.Team == "" {
		p.Team = a.Account.Team
	}
	return p, p.Name != "" && p.Team != ""
}

// needed returns the restricted projects that it is said to need.
func needed(a inventory.Account) []usage.Project {
	var all []usage.Project
	for _, written := range a.Config.Projects {
		team, name, ok := strings.Cut(written, "/")
		if !ok {
			team, name = a.Account.Team, written
		}
		all = append(all, usage.Project{Team: team, Name: name})
	}
	return all
}

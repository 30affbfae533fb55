package wandb

import (
	"context"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.Directory  = (*Issuer)(nil)
	_ providers.TeamTeller = (*Issuer)(nil)
)

// Members yields the members of a team, in one request. Denied: the credential
// sees no such team. Without a team it yields the accounts that are members of no
// team: those of organization scope, and people, which W&B does not tell apart.
func (i *Issuer) Members(ctx context.Context, team string, auth providers.Secret, yield func(providers.Member) error) error {
	if team == "" {
		return i.outsideTeams(ctx, yield)
	}
	c, err := i.inTeam(ctx, "list members of", team, team, auth)
	if err != nil {
		return err
	}
	answer, err := graph.People(ctx, c, team)
	switch {
	case err != nil:
		return err
	case answer.Entity == nil || len(answer.Entity.Members) == 0: // a team without any member does not exist
		return c.noTeam(team)
	}
	for _, m := range answer.Entity.Members {
		if err := yield(providers.Member{
			ID: rotation.AccountID(m.Id), Username: m.Username, Name: m.Name, Email: m.Email,
			Service: graph.IsService(m.AccountType), Pending: m.Pending,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (i *Issuer) outsideTeams(ctx context.Context, yield func(providers.Member) error) error {
	c, all, err := i.everybody(ctx, "list members of")
	if err != nil {
		return err
	}
	memberships, err := c.memberships(ctx, all)
	if err != nil {
		return err
	}
	for _, a := range all {
		if _, inside := memberships[a.Username]; inside || a.DeletedAt != "" {
			continue
		}
		if err := yield(providers.Member{ID: rotation.AccountID(a.Id), Username: a.Username, Name: a.Name}); err != nil {
			return err
		}
	}
	return nil
}

// everybody searches all accounts that the administrator of the organization
// sees.
func (i *Issuer) everybody(ctx context.Context, op string) (*call, []*graph.Account, error) {
	c, err := i.asAdmin(ctx, op, i.config.Organization, rotation.ScopeOrganization, "")
	if err != nil {
		return nil, nil, err
	}
	all, err := c.search(ctx, "")
	return c, all, err
}

// Teams yields the teams that somebody is in, each once.
func (i *Issuer) Teams(ctx context.Context, yield func(team string) error) error {
	_, all, err := i.everybody(ctx, "list teams of")
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, a := range all {
		for _, e := range a.Teams.Edges {
			team := e.Node.Name
			if team == "" || told[team] {
				continue
			}
			told[team] = true
			if err := yield(team); err != nil {
				return err
			}
		}
	}
	return nil
}

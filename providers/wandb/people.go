package wandb

import (
	"context"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.Directory = (*Issuer)(nil)

// Members yields the members of a team, in one request. Denied: the credential
// sees no such team.
func (i *Issuer) Members(ctx context.Context, team string, auth providers.Secret, yield func(providers.Member) error) error {
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
			Service: graph.IsService(m.AccountType), Admin: m.Admin, Pending: m.Pending,
		}); err != nil {
			return err
		}
	}
	return nil
}

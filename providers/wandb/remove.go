package wandb

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.AccountRemover = (*Issuer)(nil)

// RemoveAccount removes a service account from its team, with an
// administrator's key. It is known by its id alone; a person is never removed.
// Conflict: there is the account, and it is no service account of its team.
func (i *Issuer) RemoveAccount(ctx context.Context, a rotation.Account) error {
	const op = "remove account"
	refuse := (&call{issuer: i, op: op, name: accountName(a)}).fail
	switch {
	case a.ID == "":
		return refuse(providers.Invalid, errors.New("an account is removed by its id, and none is known"), "run `keyrota sync`, which looks it up")
	case a.Team == "" || a.Scope == rotation.ScopeOrganization:
		return refuse(providers.Invalid, fmt.Errorf("W&B has no public API to remove an account of %s scope", a.Scope),
			"an organization admin removes it in W&B: "+whereAccountsAre(a))
	}
	c, err := i.asAdmin(ctx, op, accountName(a), a.Scope, a.Team)
	if err != nil {
		return err
	}
	m, err := c.removable(ctx, a)
	if err != nil || m == nil {
		return err
	}
	answer, err := graph.DeleteInvite(ctx, c, m.Id, a.Team)
	switch {
	case err == nil && answer.DeleteInvite.Success:
		return nil
	case err == nil:
		err = c.fail(providers.Transient, errors.New("the server answered that it did not remove the account"), "")
	case !ambiguous(err):
		return err
	}
	if m, lookErr := c.removable(ctx, a); lookErr == nil && m == nil {
		return nil
	}
	return err
}

// removable returns how its team lists an account; nil where there is no such
// account any more.
func (c *call) removable(ctx context.Context, a rotation.Account) (*member, error) {
	found, err := c.account(ctx, a)
	switch {
	case providers.KindOf(err) == providers.NotFound && err != nil:
		return nil, nil
	case err != nil:
		return nil, err
	}
	services, err := c.services(ctx, a.Team)
	if err != nil {
		return nil, err
	}
	for _, m := range services {
		if m.Username != "" && m.Username == found.Username || m.Username == "" && m.Id == found.Id {
			return &m, nil
		}
	}
	return nil, c.fail(providers.Conflict, fmt.Errorf("the account %q is there, and is no service account of team %q", found.Name, a.Team),
		"correct its team in the configuration, or remove it in W&B")
}

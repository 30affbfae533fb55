package wandb

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

// Provision creates a team-scoped account, in one request that is never
// repeated: asked twice, W&B makes two. How accounts of other scopes are
// created by API is not public; the error says what a person does instead.
func (i *Issuer) Provision(ctx context.Context, a rotation.Account) (rotation.AccountID, error) {
	const op = "create account"
	refuse := (&call{issuer: i, op: op, name: accountName(a)}).fail
	switch {
	case a.Scope != rotation.ScopeTeam:
		return "", refuse(providers.Invalid, fmt.Errorf("W&B has no public API to create an account of %s scope", a.Scope), i.howToCreate(a))
	case a.Team == "" || a.Name == "":
		return "", refuse(providers.Invalid, errors.New("a team-scoped account needs a name and a team"), "write team: for it in the configuration")
	}
	c, err := i.asAdmin(ctx, op, accountName(a), a.Scope, a.Team)
	if err != nil {
		return "", err
	}
	answer, err := graph.CreateServiceAccount(ctx, c, a.Name, a.Team)
	var id string
	if answer != nil {
		id = answer.CreateServiceAccount.User.Id
	}
	switch {
	case err == nil && id == "":
		return "", c.fail(providers.Transient, errors.New("the server answered without an account: whether there is one is not known"), "")
	case err != nil && id != "":
		return "", c.fail(providers.Transient, fmt.Errorf("an account was created, and the answer tells of errors: %w", errors.Unwrap(err)), "")
	case err != nil:
		return "", c.notProvisioned(err, a)
	}
	return rotation.AccountID(id), nil
}

func (c *call) notProvisioned(err error, a rotation.Account) error {
	var e *providers.Error
	var r *refusal
	if errors.As(err, &e) && e.Kind == providers.Denied && errors.As(err, &r) && !r.badKey {
		e.Hint = c.admin + " must be a key of an admin of team " + a.Team +
			", and the server must allow new service accounts (GORILLA_DISABLE_TEAM_SERVICE_ACCOUNT_CREATION unset); or create it by hand: " + c.issuer.howToCreate(a)
	}
	if errors.As(err, &e) && e.Kind == providers.NotFound {
		// Nothing was created, and the same request will not work.
		e.Kind, e.Hint = providers.Invalid, "check the team's name, and that "+c.admin+" is an admin's of this team or of its organization"
	}
	return err
}

// FirstKey returns the key that older servers show for a new account in its
// team's member listing; Verify says whether it is this account's. Servers that
// hash keys show none: NotFound, with what a person does instead.
func (i *Issuer) FirstKey(ctx context.Context, a rotation.Account) (providers.Secret, error) {
	const op = "fetch the first key of"
	refuse := (&call{issuer: i, op: op, name: accountName(a)}).fail
	if a.Scope != rotation.ScopeTeam {
		return providers.Secret{}, refuse(providers.NotFound, fmt.Errorf("W&B shows no key of an account of %s scope", a.Scope), i.howToCreate(a))
	}
	c, err := i.asAdmin(ctx, op, accountName(a), a.Scope, a.Team)
	if err != nil {
		return providers.Secret{}, err
	}
	answer, err := graph.MemberKeys(ctx, c, a.Team)
	if err != nil {
		return providers.Secret{}, err
	}
	if answer.Entity == nil {
		return providers.Secret{}, c.noTeam(a.Team)
	}
	m := firstKeyOf(answer.Entity.Members, a)
	switch {
	case m == nil:
		return providers.Secret{}, c.fail(providers.NotFound, errors.New("the account is not a member of team "+a.Team), "check in W&B whether it was removed")
	case m.Key.Empty():
		return providers.Secret{}, c.fail(providers.NotFound, errors.New("this server shows no keys in listings"),
			"a person creates the first key, once: in W&B, "+whereAccountsAre(a)+", the menu of "+a.Name+", Create API key; then: "+howToAdopt(a))
	}
	return m.Key, nil
}

// firstKeyOf finds the account among the members: by id or, since it is not
// documented that a member's id is its account's, by a name that only one
// service account bears.
func firstKeyOf(members []graph.MemberKey, a rotation.Account) *graph.MemberKey {
	var named []*graph.MemberKey
	for n := range members {
		m := &members[n]
		if !m.Service {
			continue
		}
		if m.ID == string(a.ID) {
			return m
		}
		if m.Name == a.Name {
			named = append(named, m)
		}
	}
	if len(named) == 1 {
		return named[0]
	}
	return nil
}

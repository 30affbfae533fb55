package wandb

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Abilities is what can be done for an account with the administrators' keys
// that are configured.
type Abilities struct {
	Admin     bool // list its keys, and delete them, without a key of the account
	Provision bool // create it
	FirstKey  bool // fetch its first key, where the server shows it
	// Missing says, for people, what cannot be done and what to configure for it.
	Missing []string
}

// Abilities says what can be done for an account, without any call: whether
// the configured key really is an administrator's shows when it is used.
func (i *Issuer) Abilities(a rotation.Account) Abilities {
	source, name := i.adminKey(a.Scope, a.Team)
	able := Abilities{Admin: source != nil}
	able.Provision = able.Admin && a.Scope == rotation.ScopeTeam
	able.FirstKey = able.Provision
	if source == nil {
		able.Missing = append(able.Missing, fmt.Sprintf(
			"without %s: %s rotates by its own key only; it cannot be created, its keys can be listed and deleted "+
				"only while one of them is readable, and accounts that the configuration does not name stay unseen", name, accountName(a)))
	}
	if a.Scope == rotation.ScopeOrganization || a.Scope == rotation.ScopeExternal {
		able.Missing = append(able.Missing, fmt.Sprintf("%s cannot be created by API: %s", accountName(a), i.howToCreate(a)))
	}
	return able
}

// adminKey chooses the administrator's key for a team, or for the organization
// where the team is empty or the account is the organization's.
func (i *Issuer) adminKey(scope rotation.Scope, team string) (source KeySource, name string) {
	if scope != rotation.ScopeOrganization && team != "" {
		if source = i.config.TeamAdminKeys[team]; source != nil {
			return source, "the admin key of team " + team
		}
	}
	return i.config.AdminKey, "wandb.admin_key"
}

// asAdmin prepares a call with the administrator's key.
func (i *Issuer) asAdmin(ctx context.Context, op, name string, scope rotation.Scope, team string) (*call, error) {
	source, which := i.adminKey(scope, team)
	c := &call{issuer: i, op: op, name: name, admin: which}
	if source == nil {
		return nil, c.fail(providers.Denied, errors.New("this needs an administrator's key, and none is configured"), hintNoAdmin)
	}
	key, err := source(ctx)
	if err != nil {
		e := c.fail(providers.KindOf(err), fmt.Errorf("reading %s: %w", which, err), "")
		e.RetryAfter = providers.RetryAfterOf(err)
		return nil, e
	}
	if key.Empty() {
		return nil, c.fail(providers.Denied, fmt.Errorf("%s leads to an empty value", which), hintNoAdmin)
	}
	c.key = key
	return c, nil
}

// asOwner prepares a call with a key of the account itself.
func (i *Issuer) asOwner(op, name string, key providers.Secret) *call {
	return &call{issuer: i, op: op, name: name, key: key}
}

// asEither prepares a call with auth or, where it is empty, as administrator.
func (i *Issuer) asEither(ctx context.Context, op string, a rotation.Account, auth providers.Secret) (*call, error) {
	return i.with(ctx, op, accountName(a), a.Scope, a.Team, auth)
}

// inTeam prepares a call about something of a team with auth or, where it is
// empty, as administrator.
func (i *Issuer) inTeam(ctx context.Context, op, name, team string, auth providers.Secret) (*call, error) {
	return i.with(ctx, op, name, rotation.ScopeTeam, team, auth)
}

func (i *Issuer) with(ctx context.Context, op, name string, scope rotation.Scope, team string, auth providers.Secret) (*call, error) {
	if auth.Empty() {
		return i.asAdmin(ctx, op, name, scope, team)
	}
	return i.asOwner(op, name, auth), nil
}

// who is how errors name the one who calls.
func (c *call) who() string {
	switch {
	case c.admin != "":
		return c.admin
	case c.bearer:
		return "the access token"
	}
	return "the account's key"
}

// accountName is how errors name an account.
func accountName(a rotation.Account) string {
	switch {
	case a.Ref != "":
		return string(a.Ref)
	case a.Name != "":
		return a.Name
	}
	return string(a.ID)
}

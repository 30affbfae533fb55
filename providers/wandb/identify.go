package wandb

import (
	"context"
	"errors"
	"slices"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.Identifier = (*Issuer)(nil)

// mostTeams is of how many teams the members are read to find out what an
// account is.
const mostTeams = 10

// Identify asks the server whose key s is, with the key alone: one request, and
// one more for each team until a team lists the account. Errors are those of
// Verify, but where the server does not show which key of the account it is:
// then Key is empty.
//
// Whether an account is a service account or a person stands in a team's list
// of members. W&B has no public way to tell for an account that no team lists, as
// service accounts of organization scope may be; nor where its own key may not
// read the list. Then neither Service nor Person is set, and the scope is empty.
// So it is for a service account that is in several teams: one of a team's
// scope belongs to one.
func (i *Issuer) Identify(ctx context.Context, s providers.Secret) (providers.Identity, error) {
	c := i.asOwner("identify a key", "", s)
	if s.Empty() {
		return providers.Identity{}, c.fail(providers.Denied, errors.New("the value is empty"), "")
	}
	return c.identity(ctx)
}

// identity asks the server whom the call's credential belongs to.
func (c *call) identity(ctx context.Context) (providers.Identity, error) {
	v, err := c.whose(ctx)
	if err != nil {
		return providers.Identity{}, unlessBadKey(err)
	}
	id := providers.Identity{Owner: rotation.Account{ID: rotation.AccountID(v.Id), Name: v.Name, Team: v.Entity}}
	if id.Verified, err = c.which(v, c.key); err != nil {
		id.Verified = providers.Verified{Account: id.Owner.ID, At: c.date}
	}
	for _, e := range v.Teams.Edges {
		if e.Node.Name != "" {
			id.Teams = append(id.Teams, e.Node.Name)
		}
	}
	m, err := c.membership(ctx, v, id.Teams)
	switch {
	case err != nil:
		return providers.Identity{}, err
	case m == nil:
	case !graph.IsService(m.AccountType):
		id.Person = m.AccountType != ""
	default:
		id.Service = true
		if len(id.Teams) == 0 || len(id.Teams) == 1 && id.Teams[0] == m.team {
			id.Owner.Scope, id.Owner.Team = rotation.ScopeTeam, m.team
			if graph.IsExternal(m.AccountType) {
				id.Owner.Scope = rotation.ScopeExternal
			}
		}
	}
	if id.Owner.Scope == "" && (id.Person || !slices.Contains(id.Teams, id.Owner.Team)) {
		id.Owner.Team = "" // where its runs land, and no team
	}
	return id, nil
}

// membership returns how one of an account's teams lists it; nil where none of
// them does that the key may read. The one in which its runs land goes first.
func (c *call) membership(ctx context.Context, v *graph.Account, teams []string) (*member, error) {
	ordered := slices.Clone(teams)
	if n := slices.Index(ordered, v.Entity); n >= 0 {
		ordered[0], ordered[n] = ordered[n], ordered[0]
	} else if v.Entity != "" {
		ordered = append(ordered, v.Entity)
	}
	for _, team := range ordered[:min(len(ordered), mostTeams)] {
		members, _, err := c.members(ctx, team)
		var r *refusal
		switch kind := providers.KindOf(err); {
		case err == nil:
		case kind == providers.Transient, kind == providers.Limited, errors.As(err, &r) && r.badKey:
			return nil, err
		default:
			continue // this key may not see it
		}
		for _, m := range members {
			if v.Username != "" && m.Username == v.Username || m.Username == "" && m.Id == v.Id {
				return &m, nil
			}
		}
	}
	return nil, nil
}

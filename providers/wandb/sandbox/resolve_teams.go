package sandbox

import (
	"context"

	"github.com/graph-gophers/graphql-go"
)

// Entity is a team with its members; null where there is none that the caller may see.
func (*resolver) Entity(ctx context.Context, args struct{ Name *string }) *entityNode {
	q := requestFrom(ctx)
	t := q.world.team(text(args.Name))
	if t == nil || !q.seesTeam(t) {
		return nil
	}
	return &entityNode{q, t}
}

type entityConnection struct{ edges []entityEdge }

func (c *entityConnection) Edges() []entityEdge { return c.edges }

type entityEdge struct{ node *entityNode }

func (e entityEdge) Node() *entityNode { return e.node }

type entityNode struct {
	q *request
	t *team
}

func (e *entityNode) ID() graphql.ID             { return graphql.ID(e.t.id) }
func (e *entityNode) Name() string               { return e.t.name }
func (e *entityNode) Available() *bool           { return new(false) }
func (e *entityNode) PhotoUrl() *string          { return nil }
func (e *entityNode) ReadOnly() *bool            { return new(!e.q.inTeam(e.t)) }
func (e *entityNode) ReadOnlyAdmin() *bool       { return new(!e.q.managesTeam(e.t)) }
func (e *entityNode) IsTeam() bool               { return true }
func (e *entityNode) EntityType() *string        { return new("TEAM") }
func (e *entityNode) PrivateOnly() *bool         { return new(false) }
func (e *entityNode) StorageBytes() *int64String { return new(int64String("0")) }
func (e *entityNode) CodeSavingEnabled() *bool   { return new(false) }
func (e *entityNode) DefaultAccess() *string     { return nil }
func (e *entityNode) IsPaid() *bool              { return new(true) }

func (e *entityNode) Organization() *organizationNode {
	return &organizationNode{e.q.world.organization}
}

// Members are for those who see the team; one that is reached through a public project shows none.
func (e *entityNode) Members() []*memberNode {
	members := []*memberNode{}
	if !e.q.seesTeam(e.t) {
		return members
	}
	for _, a := range e.t.members {
		members = append(members, &memberNode{e.q, e.t, a})
	}
	return members
}

func (e *entityNode) Project(args struct{ Name *string }) *projectNode {
	return e.q.projectNode(e.t, text(args.Name))
}

type organizationNode struct{ name string }

func (o *organizationNode) ID() graphql.ID { return graphql.ID("organization:" + o.name) }
func (o *organizationNode) Name() string   { return o.name }

type memberNode struct {
	q *request
	t *team
	a *account
}

func (m *memberNode) ID() graphql.ID    { return graphql.ID(m.a.id) }
func (m *memberNode) Admin() *bool      { return new(m.a.roles[m.t] == RoleAdmin) }
func (m *memberNode) Pending() *bool    { return new(m.a.roles[m.t] == RoleInvited) }
func (m *memberNode) Email() *string    { return optional(m.a.email) }
func (m *memberNode) Username() *string { return &m.a.username }
func (m *memberNode) Name() string      { return m.a.name }
func (m *memberNode) PhotoUrl() *string { return nil }

// AccountType has values of ours: W&B's are not public for every server.
func (m *memberNode) AccountType() *string {
	switch m.a.scope {
	case "":
		return new("MEMBER")
	case ScopeExternal:
		return new("EXTERNAL_SERVICE")
	}
	return new("SERVICE")
}

// ApiKey is the first whole key that the server still knows.
func (m *memberNode) ApiKey() *string {
	if !m.q.managesKeysOf(m.a) {
		return nil
	}
	for _, k := range m.a.keys {
		if k.value != "" {
			return &k.value
		}
	}
	return nil
}

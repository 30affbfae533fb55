package sandbox

import (
	"context"
	"strings"

	"github.com/graph-gophers/graphql-go"
)

// resolver answers the fields at the root of the schema.
type resolver struct{}

// Viewer is who asks.
func (*resolver) Viewer(ctx context.Context) *userNode {
	q := requestFrom(ctx)
	if q.account == nil {
		return nil
	}
	q.record(AuditEntry{Action: "user:read"}.about(q.account))
	return &userNode{q, q.account}
}

// Users searches the accounts that the caller may see.
func (*resolver) Users(ctx context.Context, args struct{ Query *string }) *userConnection {
	q := requestFrom(ctx)
	if q.account == nil {
		return nil
	}
	wanted := strings.ToLower(text(args.Query))
	found := &userConnection{}
	for _, a := range q.world.accounts {
		if a.deleted() || !q.seesAccount(a) || !a.matches(wanted) {
			continue
		}
		found.edges = append(found.edges, userEdge{&userNode{q, a}})
	}
	entry := AuditEntry{Action: "user:read"}
	if len(found.edges) == 1 {
		entry = entry.about(found.edges[0].node.a)
	}
	q.record(entry)
	return found
}

func (a *account) matches(lowered string) bool {
	return strings.Contains(strings.ToLower(a.username), lowered) ||
		strings.Contains(strings.ToLower(a.name), lowered) ||
		strings.Contains(strings.ToLower(a.email), lowered)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type userConnection struct{ edges []userEdge }

func (c *userConnection) Edges() []userEdge { return c.edges }

type userEdge struct{ node *userNode }

func (e userEdge) Node() *userNode { return e.node }

type userNode struct {
	q *request
	a *account
}

func (u *userNode) ID() graphql.ID     { return graphql.ID(u.a.id) }
func (u *userNode) Name() string       { return u.a.name }
func (u *userNode) Username() *string  { return &u.a.username }
func (u *userNode) Email() *string     { return optional(u.a.email) }
func (u *userNode) Admin() *bool       { return &u.a.admin }
func (u *userNode) Entity() *string    { return optional(u.a.defaultEntity()) }
func (u *userNode) Flags() *jsonString { return new(jsonString("{}")) }

func (u *userNode) DeletedAt() *dateTime {
	if !u.a.deleted() {
		return nil
	}
	return &dateTime{u.a.deletedAt}
}

// ApiKeys lists ids and names, for recognised clients only.
func (u *userNode) ApiKeys() *keyConnection {
	if !u.q.knownClient || !u.q.managesKeysOf(u.a) {
		return nil
	}
	list := &keyConnection{}
	for _, k := range u.a.keys {
		list.edges = append(list.edges, keyEdge{&keyNode{k, k.listedName()}})
	}
	return list
}

// Teams are the account's teams: all of them for an organization-scoped service account, which may enter every one.
// Whether W&B lists them so is not public.
func (u *userNode) Teams() *entityConnection {
	list := &entityConnection{}
	for _, t := range u.q.world.teams {
		if u.a.memberOf(t) || u.a.scope == ScopeOrganization {
			list.edges = append(list.edges, entityEdge{&entityNode{u.q, t}})
		}
	}
	return list
}

type keyConnection struct{ edges []keyEdge }

func (c *keyConnection) Edges() []keyEdge { return c.edges }

type keyEdge struct{ node *keyNode }

func (e keyEdge) Node() *keyNode { return e.node }

type keyNode struct {
	k    *apiKey
	name string
}

func (k *keyNode) ID() graphql.ID       { return graphql.ID(k.k.id) }
func (k *keyNode) Name() string         { return k.name }
func (k *keyNode) Description() *string { return optional(k.k.description) }

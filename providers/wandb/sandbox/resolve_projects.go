package sandbox

import (
	"context"

	"github.com/graph-gophers/graphql-go"
)

// Models are the projects of an entity that the caller may see.
func (*resolver) Models(ctx context.Context, args struct {
	EntityName *string
	After      *string
	First      *int32
}) *projectConnection {
	q := requestFrom(ctx)
	if q.account == nil {
		return nil
	}
	name := text(args.EntityName)
	if name == "" {
		name = q.account.defaultEntity()
	}
	t := q.world.team(name)
	if t == nil {
		return nil
	}
	var visible []*projectNode
	for _, p := range q.world.projects {
		if p.team == t && q.mayRead(p) {
			visible = append(visible, &projectNode{q, p})
		}
	}
	nodes, more := page(visible, func(p *projectNode) string { return p.p.id }, text(args.After), args.First)
	return &projectConnection{nodes, more}
}

// page cuts one page out of a list: at most first items after the one whose id is the cursor.
func page[T any](items []T, id func(T) string, after string, first *int32) (nodes []T, more bool) {
	if after != "" {
		rest := items[len(items):]
		for i := range items {
			if id(items[i]) == after {
				rest = items[i+1:]
				break
			}
		}
		items = rest
	}
	if first != nil && int(*first) >= 0 && int(*first) < len(items) {
		return items[:*first], true
	}
	return items, false
}

type pageInfo struct {
	endCursor string
	more      bool
}

func (p *pageInfo) EndCursor() *string { return optional(p.endCursor) }
func (p *pageInfo) HasNextPage() bool  { return p.more }

type projectConnection struct {
	nodes []*projectNode
	more  bool
}

func (c *projectConnection) Edges() []projectEdge {
	edges := make([]projectEdge, 0, len(c.nodes))
	for _, n := range c.nodes {
		edges = append(edges, projectEdge{n})
	}
	return edges
}

func (c *projectConnection) PageInfo() *pageInfo {
	if len(c.nodes) == 0 {
		return &pageInfo{}
	}
	return &pageInfo{c.nodes[len(c.nodes)-1].p.id, c.more}
}

type projectEdge struct{ node *projectNode }

func (e projectEdge) Node() *projectNode { return e.node }
func (e projectEdge) Cursor() string     { return e.node.p.id }

// Project is null where there is none that the caller may see.
func (*resolver) Project(ctx context.Context, args struct{ Name, EntityName *string }) *projectNode {
	q := requestFrom(ctx)
	if q.account == nil {
		return nil
	}
	entity := text(args.EntityName)
	if entity == "" {
		entity = q.account.defaultEntity()
	}
	return q.projectNode(q.world.team(entity), text(args.Name))
}

func (q *request) projectNode(t *team, name string) *projectNode {
	p := q.world.project(t, name)
	if p == nil {
		return nil
	}
	entry := AuditEntry{Action: "project:read"}.in(p)
	if !q.mayRead(p) {
		entry.ResponseCode = 403
	}
	q.record(entry)
	if !q.mayRead(p) {
		return nil
	}
	return &projectNode{q, p}
}

type projectNode struct {
	q *request
	p *project
}

func (p *projectNode) ID() graphql.ID         { return graphql.ID(p.p.id) }
func (p *projectNode) InternalId() graphql.ID { return graphql.ID(p.p.id) }
func (p *projectNode) Name() string           { return p.p.name }
func (p *projectNode) EntityName() string     { return p.p.team.name }
func (p *projectNode) Entity() *entityNode    { return &entityNode{p.q, p.p.team} }
func (p *projectNode) Description() *string   { return nil }
func (p *projectNode) CreatedAt() dateTime    { return dateTime{p.p.createdAt} }
func (p *projectNode) IsBenchmark() bool      { return false }
func (p *projectNode) ReadOnly() *bool        { return new(!p.q.mayWrite(p.p)) }

func (p *projectNode) Run(args struct{ Name string }) *runNode {
	for _, r := range p.p.runs {
		if r.name == args.Name {
			return &runNode{p.q, r}
		}
	}
	return nil
}

// ServerInfo tells the version of the server that the sandbox plays.
func (*resolver) ServerInfo(ctx context.Context) *serverInfo {
	return &serverInfo{requestFrom(ctx).world.settings.Version}
}

type serverInfo struct{ version string }

func (i *serverInfo) CliVersionInfo() *jsonString { return new(jsonString("{}")) }

func (i *serverInfo) LatestLocalVersionInfo() *localVersion { return &localVersion{i.version} }

type localVersion struct{ version string }

func (v *localVersion) OutOfDate() *bool                     { return new(false) }
func (v *localVersion) LatestVersionString() *string         { return &v.version }
func (v *localVersion) VersionOnThisInstanceString() *string { return &v.version }

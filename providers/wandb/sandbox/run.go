package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/graph-gophers/graphql-go"
)

// Run is a run as a state holds it.
type Run struct {
	Name        string    `yaml:"name"`
	Team        string    `yaml:"team"`
	Project     string    `yaml:"project"`
	Account     string    `yaml:"account"`           // who logs it: a user name
	CreditedTo  string    `yaml:"credited_to"`       // whom it shows as its user
	KeyID       string    `yaml:"key_id,omitempty"`  // with which key it was last logged; empty with an access token
	State       string    `yaml:"state"`             // running, finished, failed, killed
	CreatedAt   time.Time `yaml:"created_at"`        //
	HeartbeatAt time.Time `yaml:"heartbeat_at"`      //
	ID          string    `yaml:"id,omitempty"`      //
	DisplayName string    `yaml:"display,omitempty"` //
}

// run is one run. What is logged to it is not kept.
type run struct {
	id          string
	name        string
	displayName string
	project     *project
	owner       *account // whose credential created it
	user        *account // whom it is credited to
	keyID       string
	state       string
	createdAt   time.Time
	heartbeatAt time.Time
}

// heartbeatTimeout is after how long without a sign of life a running run counts as crashed.
const heartbeatTimeout = 5 * time.Minute

func (r *run) currentState(now time.Time) string {
	if r.state == "running" && now.Sub(r.heartbeatAt) > heartbeatTimeout {
		return "crashed"
	}
	return r.state
}

type upsertBucketInput struct {
	ID               *string
	Name             *string
	ModelName        *string
	EntityName       *string
	GroupName        *string
	JobType          *string
	Description      *string
	DisplayName      *string
	Notes            *string
	Commit           *string
	Config           *jsonString
	Host             *string
	Debug            *bool
	JobProgram       *string
	JobRepo          *string
	State            *string
	Sweep            *string
	Tags             *[]string
	SummaryMetrics   *jsonString
	ClientMutationId *string
}

type runPayload struct {
	payload
	run      *runNode
	inserted bool
}

func (p *runPayload) Bucket() *runNode { return p.run }
func (p *runPayload) Inserted() *bool  { return &p.inserted }

// UpsertBucket starts a run, or beats its heart.
func (*resolver) UpsertBucket(ctx context.Context, args struct{ Input upsertBucketInput }) (*runPayload, error) {
	q := requestFrom(ctx)
	if q.account == nil {
		return nil, errNotLoggedIn
	}
	in := args.Input
	r, inserted, err := q.upsertRun(in)
	if err != nil {
		return nil, err
	}
	if in.DisplayName != nil {
		r.displayName = *in.DisplayName
	}
	state := text(in.State)
	if state == "" {
		state = "running"
	}
	q.beat(r, state)
	return &runPayload{payload{in.ClientMutationId}, &runNode{q, r}, inserted}, nil
}

func (q *request) upsertRun(in upsertBucketInput) (r *run, inserted bool, err error) {
	if id := text(in.ID); id != "" {
		r := q.world.runsByID[id]
		if r == nil || !q.mayWrite(r.project) {
			return nil, false, errors.New("there is no such run that you may write to")
		}
		return r, false, nil
	}
	p, err := q.writableProject(text(in.EntityName), text(in.ModelName))
	if err != nil {
		return nil, false, err
	}
	name := text(in.Name)
	if name == "" {
		if name, err = randomText(q.server.options.Rand, 8); err != nil {
			return nil, false, err
		}
	}
	for _, r := range p.runs {
		if r.name == name {
			return r, false, nil
		}
	}
	r = &run{
		id: q.world.newNodeID("Run"), name: name, project: p, owner: q.account, user: q.creditedTo(), createdAt: q.now,
	}
	q.world.addRun(r)
	return r, true, nil
}

func (w *world) addRun(r *run) {
	w.runs = append(w.runs, r)
	w.runsByID[r.id] = r
	r.project.runs = append(r.project.runs, r)
}

// writableProject finds the project of a run, or makes it: with team visibility, as new projects of a team are here.
func (q *request) writableProject(entity, name string) (*project, error) {
	if entity == "" {
		entity = q.account.defaultEntity()
	}
	if name == "" {
		name = "uncategorized"
	}
	t := q.world.team(entity)
	if p := q.world.project(t, name); p != nil {
		if !q.mayWrite(p) {
			return nil, errPermission
		}
		return p, nil
	}
	if t == nil || !q.inTeam(t) && !q.orgAdmin() {
		return nil, fmt.Errorf("permission denied: there is no entity %q that you may write to", entity)
	}
	p := &project{
		id: q.world.newNodeID("Project"), name: name, team: t, visibility: VisibilityTeam,
		added: map[*account]bool{}, createdAt: q.now,
	}
	q.world.addProject(p)
	return p, nil
}

// creditedTo is whom a new run shows as its user: the person a service account names, where that counts, which for
// team-scoped accounts it does only for members of the parent team (W&B docs, service accounts).
func (q *request) creditedTo() *account {
	if !q.account.isService() || q.onBehalf == "" {
		return q.account
	}
	for _, a := range q.world.accounts {
		if a.isService() || a.username != q.onBehalf && a.email != q.onBehalf {
			continue
		}
		if a.memberOf(q.account.team) || q.account.scope == ScopeOrganization {
			return a
		}
	}
	return q.account
}

// beat records a sign of life, and with which key it came.
func (q *request) beat(r *run, state string) {
	r.state = state
	r.heartbeatAt = q.now
	r.keyID = ""
	if q.key != nil {
		r.keyID = q.key.id
	}
	q.server.uses = append(q.server.uses, Use{
		At: q.now, Account: q.account.username, KeyID: r.keyID, Run: r.name, Project: r.project.team.name + "/" + r.project.name,
	})
	q.server.uses = q.server.uses[max(0, len(q.server.uses)-maxUses):]
}

type runNode struct {
	q *request
	r *run
}

func (n *runNode) ID() graphql.ID           { return graphql.ID(n.r.id) }
func (n *runNode) Name() string             { return n.r.name }
func (n *runNode) DisplayName() *string     { return optional(n.r.displayName) }
func (n *runNode) State() *string           { return new(n.r.currentState(n.q.now)) }
func (n *runNode) Tags() *[]string          { return &[]string{} }
func (n *runNode) Group() *string           { return nil }
func (n *runNode) JobType() *string         { return nil }
func (n *runNode) Description() *string     { return nil }
func (n *runNode) Notes() *string           { return nil }
func (n *runNode) Commit() *string          { return nil }
func (n *runNode) SweepName() *string       { return nil }
func (n *runNode) ReadOnly() *bool          { return new(!n.q.mayWrite(n.r.project)) }
func (n *runNode) HistoryLineCount() *int32 { return new(int32(0)) }
func (n *runNode) ProjectId() *graphql.ID   { return new(graphql.ID(n.r.project.id)) }
func (n *runNode) CreatedAt() dateTime      { return dateTime{n.r.createdAt} }
func (n *runNode) HeartbeatAt() *dateTime   { return &dateTime{n.r.heartbeatAt} }
func (n *runNode) User() *userNode          { return &userNode{n.q, n.r.user} }
func (n *runNode) Project() *projectNode    { return &projectNode{n.q, n.r.project} }

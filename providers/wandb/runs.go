package wandb

import (
	"context"
	"errors"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/internal/graph"
	"github.com/keyrota/keyrota/rotation"
)

var _ providers.RunReporter = (*Issuer)(nil)

// The orders and the filter in which runs are listed (W&B SDK, Api.runs).
const (
	newestFirst   = "-created_at"
	lastBeatFirst = "-heartbeat_at"
	allRuns       = "{}"
	runningRuns   = `{"state": "running"}`
)

// pageSize is how many projects or runs are asked for at a time. The SDK asks
// for 50 and more; what a server allows at most is not public.
const pageSize = 100

// Projects yields the projects of a team that the credential sees: restricted
// ones only where it was added to them. Denied: it sees no such team.
func (i *Issuer) Projects(ctx context.Context, team string, auth providers.Secret, yield func(project string) error) error {
	c, err := i.inTeam(ctx, "list projects of", team, team, auth)
	if err != nil {
		return err
	}
	return c.projects(ctx, team, yield)
}

func (c *call) projects(ctx context.Context, team string, yield func(project string) error) error {
	return c.pages(func(after string) (graph.Page, error) {
		answer, err := graph.Projects(ctx, c, team, after, pageSize)
		if err != nil {
			return graph.Page{}, err
		}
		if answer.Models == nil {
			return graph.Page{}, c.noTeam(team)
		}
		for _, e := range answer.Models.Edges {
			if e.Node == nil || e.Node.Name == "" {
				return graph.Page{}, c.fail(providers.Transient, errors.New("the server left out projects of a listing"), "")
			}
			if err := yield(e.Node.Name); err != nil {
				return graph.Page{}, err
			}
		}
		return answer.Models.PageInfo, nil
	})
}

// pages asks for page after page, from the one after a cursor.
func (c *call) pages(next func(after string) (graph.Page, error)) error {
	after := ""
	for {
		page, err := next(after)
		if err != nil || !page.HasNextPage {
			return err
		}
		if page.EndCursor == "" || page.EndCursor == after {
			return c.fail(providers.Transient, errors.New("the server says that there are more pages, and not where"), "")
		}
		after = page.EndCursor
	}
}

// Runs yields a project's runs. How W&B compares times in filters is not public, so
// only its orders and the filter of the state are relied on, in three listings:
// the newest runs until one was created before since; the older ones that run
// now, whose place in the order of heartbeats changes while it is read; and the
// older ones that ended, the last that beat first.
func (i *Issuer) Runs(ctx context.Context, team, project string, auth providers.Secret, since time.Time, yield func(providers.Run) error) error {
	c, err := i.inTeam(ctx, "list runs of", team+"/"+project, team, auth)
	if err != nil {
		return err
	}
	l := listing{c, team, project}
	if err := l.runs(ctx, allRuns, newestFirst, func(r providers.Run) (bool, error) {
		if r.Created.Before(since) {
			return false, nil
		}
		return true, yield(r)
	}); err != nil || since.IsZero() {
		return err
	}
	yielded := map[string]bool{}
	older := func(r providers.Run) error {
		if yielded[r.Name] || !r.Created.Before(since) || r.Heartbeat.Before(since) {
			return nil
		}
		yielded[r.Name] = true
		return yield(r)
	}
	if err := l.runs(ctx, runningRuns, newestFirst, func(r providers.Run) (bool, error) { return true, older(r) }); err != nil {
		return err
	}
	return l.runs(ctx, allRuns, lastBeatFirst, func(r providers.Run) (bool, error) {
		// Where a server puts runs that never beat is not public: they end nothing.
		return r.Heartbeat.IsZero() || !r.Heartbeat.Before(since), older(r)
	})
}

// Beating returns an account's runs that run now and were created before a
// time, in the projects that the credential sees. A run that is credited to a
// person is not the account's here, and stays unseen. Denied: it sees none of the
// teams.
func (i *Issuer) Beating(ctx context.Context, a rotation.Account, teams []string, auth providers.Secret, before time.Time) ([]providers.Run, error) {
	c, err := i.asEither(ctx, "look for runs of", a, auth)
	if err != nil {
		return nil, err
	}
	find := c.viewer
	if c.admin != "" {
		find = c.account
	}
	account, err := find(ctx, a)
	if err != nil {
		return nil, err
	}
	if account.Username == "" {
		return nil, c.fail(providers.Invalid, errors.New("the server does not show the account's user name, by which its runs are known"), hintSchema)
	}
	var beating []providers.Run
	var hidden error
	seen := 0
	for _, team := range teams {
		runs, err := i.runningIn(ctx, c, team, auth)
		switch {
		case providers.KindOf(err) == providers.Denied && err != nil:
			hidden = err // this credential does not see the team
			continue
		case err != nil:
			return nil, err
		}
		seen++
		for _, r := range runs {
			if r.User == account.Username && r.Created.Before(before) {
				beating = append(beating, r)
			}
		}
	}
	if seen == 0 && hidden != nil {
		return nil, hidden
	}
	return beating, nil
}

// runningIn returns the runs that run now in a team.
func (i *Issuer) runningIn(ctx context.Context, of *call, team string, auth providers.Secret) ([]providers.Run, error) {
	// The administrator's key of another team may be another.
	c, err := i.inTeam(ctx, of.op, of.name, team, auth)
	if err != nil {
		return nil, err
	}
	var running []providers.Run
	err = c.projects(ctx, team, func(project string) error {
		err := listing{c, team, project}.runs(ctx, runningRuns, newestFirst, func(r providers.Run) (bool, error) {
			if r.State == "running" {
				running = append(running, r)
			}
			return true, nil
		})
		if err != nil && providers.KindOf(err) == providers.NotFound {
			return nil // it was deleted meanwhile
		}
		return err
	})
	return running, err
}

// listing is a listing of one project's runs.
type listing struct {
	*call
	team, project string
}

// runs yields runs in an order until yield wants no more of them, which is
// heard only as long as they are in that order: a server that does not know it
// is read to the end.
func (l listing) runs(ctx context.Context, filters, order string, yield func(providers.Run) (more bool, err error)) error {
	var last time.Time
	ordered, enough := true, false
	return l.pages(func(after string) (graph.Page, error) {
		answer, err := graph.Runs(ctx, l.call, l.team, l.project, filters, after, pageSize, order)
		switch {
		case unseen(err), err == nil && (answer.Project == nil || answer.Project.Runs == nil):
			return graph.Page{}, l.fail(providers.NotFound, errors.New("there is no such project, or "+l.who()+" may not see it"),
				"a restricted project is seen by the accounts that were added to it")
		case err != nil:
			return graph.Page{}, err
		}
		for _, e := range answer.Project.Runs.Edges {
			r, err := l.run(e.Node)
			if err != nil {
				return graph.Page{}, err
			}
			at := r.Created
			if order == lastBeatFirst {
				at = r.Heartbeat
			}
			if !at.IsZero() {
				ordered = ordered && (last.IsZero() || !at.After(last))
				last = at
			}
			more, err := yield(r)
			if err != nil {
				return graph.Page{}, err
			}
			enough = enough || !more
		}
		page := answer.Project.Runs.PageInfo
		page.HasNextPage = page.HasNextPage && !(enough && ordered)
		return page, nil
	})
}

func (l listing) run(r *graph.Run) (providers.Run, error) {
	if r == nil {
		return providers.Run{}, l.fail(providers.Transient, errors.New("the server left out runs of a listing"), "")
	}
	created, err := time.Parse(time.RFC3339, r.CreatedAt)
	if err != nil {
		return providers.Run{}, l.fail(providers.Invalid, errors.New("the server does not say when a run was created"), hintSchema)
	}
	// One that never beat is as good as one of which it is not known.
	beat, _ := time.Parse(time.RFC3339, r.HeartbeatAt)
	return providers.Run{
		Team: l.team, Project: l.project, Name: r.Name, State: r.State,
		Created: created.UTC(), Heartbeat: beat.UTC(), User: r.User.Username,
	}, nil
}

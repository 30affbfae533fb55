package gather

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
)

// runsState is how far the runs were read.
type runsState struct {
	// Projects are those whose runs were read, by team/name, and up to when.
	Projects map[string]time.Time `json:"projects"`
	// Credited is when runs showed people as their users, by team/name: the runs
	// are not read again for an account that is covered later.
	Credited map[string]calendar `json:"credited,omitempty"`
	// Guests are up to when runs were counted, by team, of accounts from outside it.
	Guests map[string]map[rotation.Ref]time.Time `json:"guests,omitempty"`
	// Covered is up to when all that can be seen of an account was.
	Covered map[rotation.Ref]time.Time `json:"covered"`
	// Probed are the projects that only an account itself may see, by ref and
	// project, and what it saw.
	Probed map[string]probe `json:"probed,omitempty"`
}

const runsName = "usage/runs"

// runs is one reading of the runs.
type runs struct {
	*look
	reporter providers.RunReporter
	state    runsState
	listed   map[usage.Project]bool // by the admin credential
	broken   map[string]bool        // teams of which not all was read
}

func (l *look) askRuns(ctx context.Context) error {
	reporter, ok := l.Issuer.(providers.RunReporter)
	if !ok {
		l.failed(usage.Runs, "", errors.New("the issuer does not tell of runs"))
		return nil
	}
	r := &runs{look: l, reporter: reporter, listed: map[usage.Project]bool{}, broken: map[string]bool{}}
	if err := resume(ctx, l, runsName, &r.state); err != nil {
		return err
	}
	if r.state.Projects == nil || r.state.Covered == nil {
		r.state = runsState{Projects: map[string]time.Time{}, Covered: map[rotation.Ref]time.Time{}}
	}
	if r.state.Credited == nil {
		r.state.Credited = map[string]calendar{}
	}
	if r.state.Guests == nil {
		r.state.Guests = map[string]map[rotation.Ref]time.Time{}
	}
	if r.state.Probed == nil {
		r.state.Probed = map[string]probe{}
	}
	r.age()
	for _, team := range slices.Concat(l.met.teams, l.met.others) {
		if err := r.team(ctx, team); err != nil {
			return err
		}
	}
	return r.cover(ctx)
}

// resume reads how far a source was read. What cannot be read is begun anew.
func resume[S any](ctx context.Context, l *look, name string, state *S) error {
	body, err := l.Ledger.State(ctx, name)
	if err != nil || len(body) == 0 {
		return err
	}
	if json.Unmarshal(body, state) != nil {
		*state = *new(S)
		return l.Ledger.SetState(ctx, name, nil)
	}
	return nil
}

// team reads the runs of one team's projects and saves what they show.
func (r *runs) team(ctx context.Context, team string) error {
	if !slices.Contains(r.met.listed, team) {
		r.broken[team] = true // whose run is whose is not known
		return nil
	}
	shown := tally{}
	err := r.withAnyKey(ctx, team, func(auth providers.Secret) error {
		var projects []string
		err := r.long().Read(ctx, inventory.IssuerService, "list projects", func(ctx context.Context) error {
			projects = nil
			return r.reporter.Projects(ctx, team, auth, func(project string) error {
				projects = append(projects, project)
				return nil
			})
		})
		if err != nil {
			return err
		}
		r.welcome(team)
		for _, name := range projects {
			p := usage.Project{Team: team, Name: name}
			r.listed[p] = true
			if err := r.project(ctx, p, auth, shown); err != nil && providers.KindOf(err) != providers.NotFound {
				r.broken[team] = true
				r.failed(usage.Runs, "project "+id(p), err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.broken[team] = true
		r.failed(usage.Runs, partOf(team), err)
		return nil
	}
	r.looked(usage.Runs)
	maps.DeleteFunc(r.state.Projects, func(id string, _ time.Time) bool {
		p := projectOf(id)
		return p.Team == team && !r.listed[p]
	})
	return r.save(ctx, shown.updates())
}

func id(p usage.Project) string { return p.Team + "/" + p.Name }

// projectOf returns the project that id names.
func projectOf(id string) usage.Project {
	team, name, _ := strings.Cut(id, "/")
	return usage.Project{Team: team, Name: name}
}

// project reads the runs of one project, from where the last look ended.
func (r *runs) project(ctx context.Context, p usage.Project, auth providers.Secret, shown tally) error {
	from := since(r.state.Projects[id(p)])
	var seen tally
	var people *calendar
	err := r.long().Read(ctx, inventory.IssuerService, "list runs", func(ctx context.Context) error {
		seen, people = tally{}, &calendar{Today: usage.DayOf(r.now)}
		return r.reporter.Runs(ctx, p.Team, p.Name, auth, from, func(run providers.Run) error {
			if ref, ok := r.met.byUser[run.User]; ok {
				note(seen.of(ref), run)
			} else {
				people.note(run)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	shown.add(seen)
	r.credit(p, people, from)
	r.state.Projects[id(p)] = r.now
	return nil
}

// note counts a run once on each day on which it shows that it was there.
func note(t *usage.Trace, run providers.Run) {
	p := usage.Project{Team: run.Team, Name: run.Project}
	t.Use(run.Created, p)
	if run.Heartbeat.After(run.Created) {
		t.Use(run.Heartbeat, p)
		if day := usage.DayOf(run.Heartbeat); day == usage.DayOf(run.Created) {
			t.Days[day]--
		}
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (r *runs) save(ctx context.Context, shown map[rotation.Ref]usage.Update) error {
	body, err := json.Marshal(r.state)
	if err != nil {
		return fmt.Errorf("note how far the runs were read: %w", err)
	}
	return r.Ledger.SaveUsage(ctx, usage.Runs, shown, runsName, body)
}

// cover says of each account how much of its use the runs show.
func (r *runs) cover(ctx context.Context) error {
	covered := map[rotation.Ref]usage.Update{}
	configured := map[rotation.Ref]inventory.Account{}
	for _, a := range r.accounts {
		configured[a.Ref()] = a
	}
	for _, ref := range r.met.refs() {
		if !r.complete(ref) {
			continue
		}
		from := since(r.state.Covered[ref])
		if from.IsZero() {
			from = usage.Beginning()
		}
		u := usage.Update{Coverage: usage.Coverage{From: from, Until: r.now}}
		a, ok := configured[ref]
		if ok {
			var err error
			if u, err = r.declaredFor(ctx, a, u); err != nil {
				return err
			}
		}
		e, err := r.Ledger.UsageOf(ctx, ref)
		if err != nil && !errors.Is(err, ledger.ErrNewer) {
			return err
		}
		u.Coverage.Gaps = r.gaps(r.met.in[ref], placesOf(a, e, u), u.Coverage)
		r.state.Covered[ref] = u.Coverage.Until
		covered[ref] = u
	}
	return r.save(ctx, covered)
}

// complete reports whether the runs of all projects were read in which an
// account's are expected: of its team, or of all teams that there are.
func (r *runs) complete(ref rotation.Ref) bool {
	team, known := r.met.in[ref]
	switch {
	case !known || !r.met.named[ref]:
		return false
	case team != "":
		return !r.broken[team]
	}
	return len(r.broken) == 0 && !r.met.lost && slices.Contains(r.met.listed, "")
}

// declaredFor adds what its declaration says of where an account's use is, and
// is not, to be seen.
func (r *runs) declaredFor(ctx context.Context, a inventory.Account, u usage.Update) (usage.Update, error) {
	if a.Config == nil {
		return u, nil
	}
	if a.Config.Env["WANDB_USERNAME"] != "" || a.Config.Env["WANDB_USER_EMAIL"] != "" {
		u.Coverage.Blind = append(u.Coverage.Blind, usage.CreditedToPerson)
	}
	if a.Config.Weave {
		u.Coverage.Blind = append(u.Coverage.Blind, usage.WeaveOnly)
	}
	key := sync.OnceValues(func() (providers.Secret, error) { return r.ownKey(ctx, a) })
	for _, p := range declared(a) {
		if !r.listed[p] {
			seen, last, err := r.askItself(ctx, a, p, key)
			if err != nil {
				return u, err
			}
			u.Trace = usage.Merge(u, usage.Update{Trace: seen}).Trace
			if last.Seen && last.At.Before(u.Coverage.Until) {
				u.Coverage.Until = last.At // the key is not read back at every look
			}
			if last.Hidden && !slices.Contains(u.Coverage.Blind, usage.Restricted) {
				u.Coverage.Blind = append(u.Coverage.Blind, usage.Restricted)
			}
		}
	}
	slices.Sort(u.Coverage.Blind)
	return u, nil
}

package gather

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

// The actions of the audit log that are looked at closely (W&B docs, audit
// logs).
const (
	readUser    = "user:read"
	createKey   = "user:create_api_key"
	deleteKey   = "user:delete_api_key"
	readProject = "project:read"
	makeAccount = "team:create_service_account"
	makeUser    = "user:create"

	deleteProject = "project:delete"
	deleteRun     = "run:delete"
	deleteRuns    = "run:delete_many"
)

// entry counts one entry of the audit log. What keyrota does with an account's
// key is not the account's use: reading whose key it is, making and deleting
// keys, and on days on which it used the key otherwise, reading projects.
func (l *look) entry(ctx context.Context, shown tally, e providers.AuditEntry) error {
	if e.Action == makeAccount || e.Action == makeUser {
		if ref, ok := l.met.byID[e.Target]; ok && e.Status < http.StatusBadRequest {
			if t := shown.of(ref); t.Made.IsZero() || e.At.Before(t.Made) {
				t.Made = e.At
			}
		}
	}
	if (e.Action == deleteProject || e.Action == deleteRun || e.Action == deleteRuns) && e.Status < http.StatusBadRequest {
		p := usage.Project{Team: e.Team, Name: e.Project}
		l.deleted[p] = latest(l.deleted[p], e.At)
	}
	ref, ok := l.met.byID[e.Actor]
	if !ok || e.At.IsZero() {
		return nil
	}
	if e.Action == readProject {
		days, err := l.ownDays(ctx, ref)
		if err != nil || days[usage.DayOf(e.At)] {
			return err
		}
	}
	switch {
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		shown.of(ref).Deny(e.At)
	case e.Action == readUser || e.Action == createKey || e.Action == deleteKey:
	case e.Project != "":
		shown.of(ref).Use(e.At, usage.Project{Team: e.Team, Name: e.Project})
	default:
		shown.of(ref).Use(e.At, usage.Project{})
	}
	return nil
}

// kept is a trace as it is noted while a stretch of the log is being read.
type kept struct {
	usage.Trace
	Projects []keptProject `json:"projects,omitempty"`
}

type keptProject struct {
	usage.Project
	Last time.Time `json:"last"`
}

func keep(shown tally) map[rotation.Ref]kept {
	all := make(map[rotation.Ref]kept, len(shown))
	for ref, trace := range shown {
		k := kept{Trace: *trace}
		for p, last := range trace.Projects {
			k.Projects = append(k.Projects, keptProject{p, last})
		}
		all[ref] = k
	}
	return all
}

func unkeep(all map[rotation.Ref]kept) tally {
	shown := tally{}
	for ref, k := range all {
		trace := k.Trace
		if len(k.Projects) > 0 {
			trace.Projects = map[usage.Project]time.Time{}
		}
		for _, p := range k.Projects {
			trace.Projects[p.Project] = p.Last
		}
		shown[ref] = &trace
	}
	return shown
}

// add counts what more was seen of the same stretch.
func (t tally) add(more tally) {
	for ref, trace := range more {
		old := *t.of(ref)
		sum := usage.Merge(usage.Update{Trace: old}, usage.Update{Trace: *trace}).Trace
		for day, n := range trace.Days {
			sum.Days[day] = old.Days[day] + n
		}
		for day, n := range trace.Denied {
			sum.Denied[day] = old.Denied[day] + n
		}
		*t[ref] = sum
	}
}

// deletions are what deletions of runs and projects the log tells of, the last
// in each project, as they are noted.
func (l *look) deletions() []keptProject {
	var all []keptProject
	for p, at := range l.deleted {
		if l.now.Sub(at) < usage.KeepDays*24*time.Hour {
			all = append(all, keptProject{p, at})
		}
	}
	slices.SortFunc(all, func(a, b keptProject) int { return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(a.Name, b.Name)) })
	return all
}

// recall takes up what was noted of deletions.
func (l *look) recall(noted []keptProject) {
	for _, d := range noted {
		l.deleted[d.Project] = latest(l.deleted[d.Project], d.Last)
	}
}

// unread is a gap for entries that could not be read.
func unread(n int, from, until time.Time) []usage.Gap {
	if n == 0 {
		return nil
	}
	return []usage.Gap{{From: from, Until: until, Why: fmt.Sprintf("%d entries of the log could not be read", n)}}
}

// everyone has the log's coverage be that of every account that is known: an
// entry would have been found whosever it is.
func (l *look) everyone(log usage.Coverage) map[rotation.Ref]usage.Update {
	log.Blind = slices.Clip(log.Blind)
	all := map[rotation.Ref]usage.Update{}
	for _, ref := range l.met.refs() {
		if l.identified(ref) {
			all[ref] = usage.Update{Coverage: log}
		}
	}
	return all
}

// identified reports whether the platform's id of an account is known.
func (l *look) identified(ref rotation.Ref) bool {
	return l.met.named[ref] || l.records[ref].Account != ""
}

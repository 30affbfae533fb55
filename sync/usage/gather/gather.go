// Package gather asks every source of evidence what it shows of the use of
// accounts, and puts that into the ledger: the platform for runs, its audit log,
// files that the log is synced to, and the stores that know when a secret was
// last read. It changes nothing but the ledger.
//
// Each source is read on from where the last look ended, with a day of overlap.
// How far that is stands in the ledger beside what was found, so a look that is
// cut short goes on the next time; what is read twice counts once. A source, a
// team, a store or a file that fails does so alone: what it would have shown is
// then missing from the coverage of those accounts that it may show, and
// usage.Judge takes that for what it is.
//
// However long the log or the history, what is kept at a time is one stretch of
// the log, or the runs of one team, counted by account and day.
package gather

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
)

// Ledger is what a Gatherer needs of a ledger.
type Ledger interface {
	UsageOf(ctx context.Context, ref rotation.Ref) (usage.Evidence, error)
	SaveUsage(ctx context.Context, source usage.Source, shown map[rotation.Ref]usage.Update, name string, state []byte) error
	NoteOwn(ctx context.Context, ref rotation.Ref, at time.Time) error
	State(ctx context.Context, name string) ([]byte, error)
	SetState(ctx context.Context, name string, body []byte) error
	Events(ctx context.Context, after int64, limit int, ref rotation.Ref) ([]ledger.StoredEvent, error)
}

// Gatherer asks the sources.
type Gatherer struct {
	Issuer providers.Issuer
	Stores map[string]providers.SecretStore
	Call   attempt.Caller
	Ledger Ledger
	Use    config.Use // which sources are asked
	Now    func() time.Time
}

// Report says what a look came to.
type Report struct {
	Looked []usage.Source // those that showed something, or showed that there is nothing
	Failed []Failure
}

// Failure is a part of a source that could not be read.
type Failure struct {
	Source usage.Source
	Part   string // a team, a project, a store, a file; empty: all of it
	Err    error
}

// Error says what could not be read, and why.
func (f Failure) Error() string {
	if f.Part == "" {
		return fmt.Sprintf("%s: %v", f.Source, f.Err)
	}
	return fmt.Sprintf("%s: %s: %v", f.Source, f.Part, f.Err)
}

// overlap is how much of what was looked at is looked at again: what the
// platform tells late is seen then.
const overlap = 24 * time.Hour

// longer is how much longer than one call a listing of many pages may take.
const longer = 120

// Gather looks at every source that is asked, and returns an error only where the
// ledger fails or ctx ends. records are the accounts' own, by ref.
func (g *Gatherer) Gather(ctx context.Context, accounts []inventory.Account, records map[rotation.Ref]rotation.Record) (Report, error) {
	l := &look{
		Gatherer: g, accounts: accounts, records: records, now: g.Now().UTC(),
		own: map[rotation.Ref]map[usage.Day]bool{}, deleted: map[usage.Project]time.Time{},
	}
	if g.Use.Runs || g.Use.AuditLog || len(g.Use.AuditFiles) > 0 {
		if err := l.meet(ctx); err != nil {
			return l.report, err
		}
	}
	for _, source := range []struct {
		asked bool
		look  func(context.Context) error
	}{
		{g.Use.Stores, l.askStores}, // before keys are read back
		{len(g.Use.AuditFiles) > 0, l.readFiles},
		{g.Use.AuditLog, l.readLog}, // which tells of runs that were deleted
		{g.Use.Runs, l.askRuns},
	} {
		if !source.asked {
			continue
		}
		if err := source.look(ctx); err != nil {
			return l.report, err
		}
		if err := ctx.Err(); err != nil {
			return l.report, err
		}
	}
	return l.report, l.noteFailing(ctx)
}

// look is one look at all sources.
type look struct {
	*Gatherer
	accounts []inventory.Account
	records  map[rotation.Ref]rotation.Record
	now      time.Time
	met      directory
	own      map[rotation.Ref]map[usage.Day]bool // on which days keyrota used it itself, of those that were asked for
	deleted  map[usage.Project]time.Time         // when runs of a project were last deleted, by anybody
	report   Report
}

func (l *look) failed(s usage.Source, part string, err error) {
	l.report.Failed = append(l.report.Failed, Failure{s, part, err})
}

func (l *look) looked(s usage.Source) {
	if !slices.Contains(l.report.Looked, s) {
		l.report.Looked = append(l.report.Looked, s)
	}
}

// long makes calls that go through many pages; that they last says nothing of
// the service.
func (g *Gatherer) long() attempt.Caller {
	c := g.Call
	c.Timeout *= longer
	c.Calling = nil
	return c
}

// since is from when on to look where the last look ended at until.
func since(until time.Time) time.Time {
	if until.IsZero() {
		return time.Time{}
	}
	return usage.DayOf(until.Add(-overlap)).Start()
}

// ownDays returns the days on which keyrota used an account's key or read its
// secrets.
func (l *look) ownDays(ctx context.Context, ref rotation.Ref) (map[usage.Day]bool, error) {
	if days, ok := l.own[ref]; ok {
		return days, nil
	}
	e, err := l.Ledger.UsageOf(ctx, ref)
	if err != nil && !errors.Is(err, ledger.ErrNewer) {
		return nil, err
	}
	days := map[usage.Day]bool{}
	for day := range e.Own {
		days[day] = true
	}
	l.own[ref] = days
	return days, nil
}

// tally counts what a source shows, by account.
type tally map[rotation.Ref]*usage.Trace

func (t tally) of(ref rotation.Ref) *usage.Trace {
	if t[ref] == nil {
		t[ref] = &usage.Trace{}
	}
	return t[ref]
}

func (t tally) updates() map[rotation.Ref]usage.Update {
	all := make(map[rotation.Ref]usage.Update, len(t))
	for ref, trace := range t {
		all[ref] = usage.Update{Trace: *trace}
	}
	return all
}

// Package usage says how much an account was used, and how much of that could be
// seen. It is pure: what was seen comes in, a judgement comes out, and now is an
// argument.
//
// Evidence comes from several sources, none of which sees everything. So a
// judgement is one of used, unused and unknown, and whatever could hide a use
// makes it unknown: a gap in what was read, runs that are credited to a person,
// use through Weave alone, a project that cannot be seen. Evidence is per
// account, never per key.
package usage

import "time"

// Source is where evidence comes from.
type Source string

// The sources.
const (
	Runs     Source = "runs"      // created and heartbeat times of the account's runs
	AuditLog Source = "audit_log" // the platform's audit log
	Stores   Source = "stores"    // when a secret was last read, where the store knows
)

// Sources lists all sources, the most telling first.
func Sources() []Source { return []Source{Runs, AuditLog, Stores} }

// Words names a source to people, in the plural.
func (s Source) Words() string {
	switch s {
	case Runs:
		return "its runs"
	case AuditLog:
		return "entries of the audit log"
	case Stores:
		return "the stores' times of reading"
	}
	return string(s)
}

// Day counts days since 1970-01-01, UTC.
type Day int32

// DayOf returns the day of a time.
func DayOf(t time.Time) Day { return Day(t.Unix() / (24 * 60 * 60)) }

// Start returns midnight UTC at which the day begins.
func (d Day) Start() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

const (
	// KeepDays is for how many days a daily count is kept.
	KeepDays = 400
	// KeepProjects is how many projects of an account are kept: the last used.
	KeepProjects = 200
)

// Project is a project of a team.
type Project struct {
	Team string `json:"team"`
	Name string `json:"name"`
}

// Trace is what one source showed of one account.
type Trace struct {
	First time.Time `json:"first,omitzero"` // zero: never used, as far as was seen
	Last  time.Time `json:"last,omitzero"`
	// Days are how often on each of the last KeepDays days, and on the last day of
	// use before those: so the gap after it is known.
	Days map[Day]int `json:"days,omitempty"`
	// Projects are where it was used, and when last.
	Projects map[Project]time.Time `json:"-"`
	// Denied counts failed authentications by day, of sources that show them.
	Denied map[Day]int `json:"denied,omitempty"`
	// Made is when the account was created, where a source shows it.
	Made time.Time `json:"made,omitzero"`
}

// Use notes one use, in a project where that is known.
func (t *Trace) Use(at time.Time, in Project) {
	t.First, t.Last = earlier(t.First, at), later(t.Last, at)
	count(&t.Days, at)
	if in != (Project{}) {
		if t.Projects == nil {
			t.Projects = map[Project]time.Time{}
		}
		t.Projects[in] = later(t.Projects[in], at)
	}
}

// Deny notes one attempt that was refused.
func (t *Trace) Deny(at time.Time) { count(&t.Denied, at) }

func count(days *map[Day]int, at time.Time) {
	if *days == nil {
		*days = map[Day]int{}
	}
	(*days)[DayOf(at)]++
}

// Gap is a stretch of time of which a source saw nothing.
type Gap struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
}

// Coverage is how complete a source's evidence of an account is.
type Coverage struct {
	From  time.Time `json:"from,omitzero"`  // the earliest time that was looked at; zero: nothing was
	Until time.Time `json:"until,omitzero"` // the latest
	Gaps  []Gap     `json:"gaps,omitempty"` // between the two
	// Blind are the reasons for which uses of the account may leave no trace here.
	Blind []Blindness `json:"blind,omitempty"`
}

// Blindness is a reason for which a use may leave no trace.
type Blindness string

// The reasons.
const (
	CreditedToPerson Blindness = "credited_to_person" // its runs may show a person as their user
	WeaveOnly        Blindness = "weave_only"         // it may log through Weave, which leaves no run
	Restricted       Blindness = "restricted_project" // a project of it cannot be seen
	NoAccess         Blindness = "no_access"          // the source cannot be read with what credentials there are
	NotInLog         Blindness = "not_in_log"         // jobs that only log leave nothing in this source
)

// Evidence is all that is known of one account's use.
type Evidence struct {
	Traces   map[Source]Trace
	Coverage map[Source]Coverage
	// Own are the days on which keyrota itself used a key of the account or read
	// its secrets: what a source shows of them may be our own doing.
	Own map[Day]bool
}

// Beginning is the time from which a source is covered that shows a use however
// long ago it was.
func Beginning() time.Time { return Day(0).Start() }

package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

// What can be said of the use of an account.
const (
	useYes     = "used"
	useNotYet  = "not used yet" // and nobody expects it to be
	useUnused  = "unused"
	useNever   = "never used"
	useUnknown = "unknown"
)

// unusedView is the part of accounts that nobody uses.
type unusedView []useView

// useView is how one account is used. The judgement is that of the findings, so that
// two parts of one document never disagree.
type useView struct {
	Account      string            `json:"account"`
	Team         string            `json:"team,omitempty"`
	Owner        string            `json:"owner,omitempty"`
	Purpose      string            `json:"purpose,omitempty"`
	Managed      bool              `json:"managed"` // it is in the configuration
	Use          string            `json:"use"`     // used, not used yet, unused, never used or unknown
	FirstUsed    *time.Time        `json:"first_used,omitempty"`
	LastUsed     *time.Time        `json:"last_used,omitempty"`
	IdleDays     int               `json:"idle_days,omitempty"` // since the last use
	SeenBy       []string          `json:"seen_by,omitempty"`   // the sources that were looked at
	Evidence     []string          `json:"evidence,omitempty"`
	Do           string            `json:"do,omitempty"`
	Command      string            `json:"command,omitempty"`
	Change       string            `json:"change,omitempty"` // lines of configuration
	Acknowledged *acknowledgedView `json:"acknowledged,omitempty"`

	weeks []week
	after time.Duration // without a use for so long it is called unused; 0: not said
}

// week is what was seen of an account in seven days.
type week struct {
	days int  // on which it was used
	seen bool // some of it was looked at
}

// weeksShown are as many weeks as are kept, the last ending today.
const weeksShown = usage.KeepDays / 7

// used judges all accounts: the longest unused first, then those that were never
// used, those of which it is not known, and those that are used.
func (d Data) used() []useView {
	judged := map[rotation.Ref]finding.Finding{}
	for _, f := range d.Findings {
		if f.Code == finding.Unused || f.Code == finding.NeverUsed || f.Code == finding.UsageUnknown {
			judged[f.Account] = f
		}
	}
	for _, f := range d.Findings {
		if g, ok := judged[f.Account]; ok && f.Code == finding.ProposeOff { // it says what to write
			g.Do, g.Command, g.Change = f.Do, f.Command, f.Change
			judged[f.Account] = g
		}
	}
	var all []useView
	for _, a := range d.Accounts {
		u := d.use(a.Spec.Account, a.Evidence, judged)
		u.Managed, u.Owner, u.Purpose, u.after = true, a.Owner, a.Purpose, a.UnusedAfter
		all = append(all, u)
	}
	for _, p := range d.Unmanaged() {
		all = append(all, d.use(p.Account, p.Evidence, judged))
	}
	slices.SortStableFunc(all, func(a, b useView) int {
		return cmp.Or(
			cmp.Compare(a.rank(), b.rank()),
			cmp.Compare(b.IdleDays, a.IdleDays),
			cmp.Compare(a.active(), b.active()),
			cmp.Compare(a.Account, b.Account))
	})
	return all
}

func (u useView) rank() int {
	return slices.Index([]string{useUnused, useNever, useUnknown, useNotYet, useYes}, u.Use)
}

// active counts the days of use.
func (u useView) active() int {
	n := 0
	for _, w := range u.weeks {
		n += w.days
	}
	return n
}

func (d Data) use(a rotation.Account, e usage.Evidence, judged map[rotation.Ref]finding.Finding) useView {
	first, last := span(e)
	u := useView{
		Account: string(a.Ref), Team: a.Team, FirstUsed: moment(first), LastUsed: moment(last),
		SeenBy: sources(e), weeks: d.weeks(e),
	}
	if !last.IsZero() {
		u.IdleDays = int(d.Now.Sub(last) / day)
	}
	f, ok := judged[a.Ref]
	switch {
	case ok && f.Code == finding.Unused:
		u.Use = useUnused
	case ok && f.Code == finding.NeverUsed:
		u.Use = useNever
	case ok:
		u.Use = useUnknown
	case !last.IsZero():
		u.Use = useYes
	case len(u.SeenBy) == 0:
		u.Use, u.Evidence = useUnknown, []string{"no source of evidence was looked at"}
	default:
		u.Use = useNotYet
	}
	if ok {
		u.Evidence, u.Do, u.Command, u.Change = f.Evidence, f.Do, f.Command, f.Change
		u.Acknowledged = acknowledged(f.Acknowledged)
	}
	return u
}

// span returns the first and the last use that any source shows.
func span(e usage.Evidence) (first, last time.Time) {
	for _, t := range e.Traces {
		if !t.First.IsZero() && (first.IsZero() || t.First.Before(first)) {
			first = t.First
		}
		if t.Last.After(last) {
			last = t.Last
		}
	}
	return first, last
}

// sources names those that were looked at.
func sources(e usage.Evidence) []string {
	var names []string
	for _, s := range usage.Sources() {
		if !e.Coverage[s].From.IsZero() {
			names = append(names, string(s))
		}
	}
	return names
}

// daysShown are the days of the weeks shown.
const daysShown = weeksShown * 7

// weeks folds the days that any source shows into weeks, the last of which ends
// today.
func (d Data) weeks(e usage.Evidence) []week {
	first := usage.DayOf(d.Now) - daysShown + 1
	var used, seen [daysShown]bool
	for _, t := range e.Traces {
		for at, n := range t.Days {
			if i := at - first; i >= 0 && i < daysShown && n > 0 {
				used[i], seen[i] = true, true
			}
		}
	}
	for _, c := range e.Coverage {
		if c.From.IsZero() {
			continue
		}
		var looked [daysShown]bool
		mark := func(from, until time.Time, is bool) {
			for i := max(usage.DayOf(from)-first, 0); i <= min(usage.DayOf(until)-first, daysShown-1); i++ {
				looked[i] = is
			}
		}
		mark(c.From, c.Until, true)
		for _, g := range c.Gaps {
			mark(g.From, g.Until, false)
		}
		for i, is := range looked {
			seen[i] = seen[i] || is
		}
	}
	weeks := make([]week, weeksShown)
	for i := range daysShown {
		w := &weeks[i/7]
		if used[i] {
			w.days++
		}
		w.seen = w.seen || seen[i]
	}
	return weeks
}

// unused are the accounts that a person should look at.
func (doc *document) unused() unusedView {
	v := unusedView{}
	for _, u := range doc.uses {
		if u.Use == useUnused || u.Use == useNever || u.Use == useUnknown {
			v = append(v, u)
		}
	}
	return v
}

// as returns the rows of one judgement.
func (v unusedView) as(what string) []useView {
	var some []useView
	for _, u := range v {
		if u.Use == what {
			some = append(some, u)
		}
	}
	return some
}

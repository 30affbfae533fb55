package usage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Verdict says whether an account is used.
type Verdict string

// The verdicts.
const (
	Used    Verdict = "used"    // lately, or as seldom as it always was
	Unused  Verdict = "unused"  // no more
	Never   Verdict = "never"   // no use was ever seen, and would have been
	Unknown Verdict = "unknown" // a use may have left no trace that could be seen
)

// Policy is what counts as unused.
type Policy struct {
	UnusedAfter time.Duration // 0: DefaultUnusedAfter
	Rhythm      time.Duration // how far apart uses are, as a person says; 0: not said
	Weave       bool          // it logs through Weave, as a person says
}

// DefaultUnusedAfter is what CIS Controls v8, 5.3, gives a dormant account.
const DefaultUnusedAfter = 45 * day

// Judgement is what can be said of an account's use, and why.
type Judgement struct {
	Verdict     Verdict
	First, Last time.Time     // of all sources; zero: no use was seen
	Rhythm      time.Duration // how far apart uses may be: as a person says, or as they were; 0: not known
	Reasons     []string      // in words, a line each
}

const (
	day = 24 * time.Hour
	// lookedLately is how old the latest look of a source may be.
	lookedLately = 2 * day
	// quarter is the longest rhythm that is taken for possible until the account's
	// own history says otherwise.
	quarter = 92 * day
	// fewDays of use, all within less than a quarter, say nothing of a rhythm.
	fewDays = 6
)

// overdue is how long after its last use an account of a rhythm is missed:
// nothing recurs to the day.
func overdue(rhythm time.Duration) time.Duration { return rhythm + rhythm/2 }

// Judge says whether an account is used. Use that was seen counts whatever could
// not be seen. That there is none is said only where it would have been seen: in
// the account's runs, and either in the audit log or in the stores that hold its
// key, without a gap, and for as long as the account is known to rest between
// two uses.
func Judge(e Evidence, p Policy, now time.Time) Judgement {
	j := Judgement{Verdict: Used}
	days := map[Day]bool{}
	for _, t := range e.Traces {
		j.First, j.Last = earlier(j.First, t.First), later(j.Last, t.Last)
		for d := range t.Days {
			days[d] = true
		}
	}
	used := slices.Sorted(maps.Keys(days))
	own := longestGap(used)
	j.Rhythm = max(p.Rhythm, own)
	limit := cmp.Or(p.UnusedAfter, DefaultUnusedAfter)
	rests := max(limit, overdue(j.Rhythm))
	idle := now.Sub(j.Last)
	say := func(format string, values ...any) { j.Reasons = append(j.Reasons, fmt.Sprintf(format, values...)) }

	if !j.Last.IsZero() {
		say("last used on %s, as %s", date(j.Last), shownBy(e, j.Last))
		switch {
		case idle <= limit:
			return j
		case idle <= rests && p.Rhythm >= own:
			say("its uses are up to %s apart, as the configuration says: it is missed from %s on", inDays(p.Rhythm), date(j.Last.Add(rests)))
			return j
		case idle <= rests:
			say("its uses were up to %s apart: it is missed from %s on", inDays(own), date(j.Last.Add(rests)))
			return j
		}
	}
	if hidden := Hidden(e, p, now.Add(-rests), now); len(hidden) > 0 {
		j.Verdict = Unknown
		j.Reasons = append(j.Reasons, hidden...)
		return j
	}
	if n, last := refusals(e, now.Add(-limit)); n > 0 {
		j.Verdict = Unknown
		say("something tries to use it: %s refused, last on %s", times(n, "attempt was", "attempts were"), date(last.Start()))
		return j
	}
	if j.Last.IsZero() {
		return neverUsed(j, e, limit, now)
	}
	if few := len(used) <= fewDays && j.Last.Sub(j.First) < quarter; few && idle <= overdue(quarter) {
		j.Verdict = Unknown
		say("it was used on %s only, which says nothing of a rhythm: it may be used once a quarter; write rhythm: if so, else it is missed from %s on",
			times(len(used), "day", "days"), date(j.Last.Add(overdue(quarter))))
		return j
	}
	j.Verdict = Unused
	say("no use was seen since, in %s", complete(e, now.Add(-rests), now))
	return j
}

// neverUsed judges an account of which no use was seen.
func neverUsed(j Judgement, e Evidence, limit time.Duration, now time.Time) Judgement {
	var made time.Time
	for _, t := range e.Traces {
		made = earlier(made, t.Made)
	}
	if !made.IsZero() && now.Sub(made) <= limit {
		j.Verdict = Unknown
		j.Reasons = append(j.Reasons, fmt.Sprintf("no use was seen yet: it was created on %s", date(made)))
		return j
	}
	j.Verdict = Never
	j.Reasons = append(j.Reasons, "no use was ever seen, in "+complete(e, now.Add(-limit), now))
	return j
}

// longestGap returns the longest time between two days of use.
func longestGap(used []Day) time.Duration {
	var longest Day
	for i := 1; i < len(used); i++ {
		longest = max(longest, used[i]-used[i-1])
	}
	return time.Duration(longest) * day
}

// refusals counts the attempts that were refused since a time.
func refusals(e Evidence, since time.Time) (n int, last Day) {
	for _, t := range e.Traces {
		for d, times := range t.Denied {
			if !d.Start().Before(since) {
				n, last = n+times, max(last, d)
			}
		}
	}
	return n, last
}

func shownBy(e Evidence, last time.Time) string {
	for _, s := range Sources() {
		if e.Traces[s].Last.Equal(last) {
			return s.Words() + " show"
		}
	}
	return "was seen"
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func inDays(d time.Duration) string { return times(int(d/day), "day", "days") }

func times(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

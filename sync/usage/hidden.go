package usage

import (
	"strings"
	"time"
)

// Words says what a use may hide behind.
func (b Blindness) Words() string {
	switch b {
	case CreditedToPerson:
		return "its runs are credited to a person, and do not show it"
	case WeaveOnly:
		return "it may log through Weave, which leaves no run"
	case Restricted:
		return "a project of it cannot be seen"
	case NoAccess:
		return "the credentials that there are may not read it"
	case NotInLog:
		return "logging leaves nothing there"
	}
	return string(b)
}

// Hidden says why a use of the account from a time until another may not have
// been seen; nothing: it would have been. As with Judge, a source that was looked
// at up to two days before until was looked at lately enough.
func Hidden(e Evidence, p Policy, from, until time.Time) []string {
	if p.Weave {
		return []string{"it logs through Weave, as the configuration says, which leaves no run"}
	}
	reasons := e.Coverage[Runs].misses(Runs, from, until)
	log := e.Coverage[AuditLog].misses(AuditLog, from, until)
	stores := e.Coverage[Stores].misses(Stores, from, until)
	// What leaves no run is seen in the log, or by who reads the key.
	if len(log) > 0 && len(stores) > 0 {
		reasons = append(reasons, log...)
		if !e.Coverage[Stores].From.IsZero() {
			reasons = append(reasons, stores...)
		}
	}
	return reasons
}

// misses says what of a source was not seen between two times.
func (c Coverage) misses(s Source, from, until time.Time) []string {
	var reasons []string
	say := func(words string) { reasons = append(reasons, s.name()+": "+words) }
	for _, b := range c.Blind {
		if b != NotInLog { // which is so of every log: the runs are there for that
			say(b.Words())
		}
	}
	switch {
	case c.From.IsZero() && len(reasons) > 0:
	case c.From.IsZero():
		say("not looked at")
	default:
		if c.From.After(from) {
			say("nothing is known from before " + date(c.From))
		}
		for _, g := range c.Gaps {
			if g.Until.After(from) && g.From.Before(until) {
				say(g.words())
			}
		}
		if until.Sub(c.Until) > lookedLately {
			say("not looked at since " + date(c.Until))
		}
	}
	return reasons
}

func (s Source) name() string { return strings.ReplaceAll(string(s), "_", " ") }

func (g Gap) words() string {
	first, last := date(g.From), date(g.Until.Add(-time.Nanosecond))
	switch {
	case g.From.Equal(Beginning()):
		return "nothing was seen until " + last + ": " + g.Why
	case first == last:
		return "nothing was seen on " + first + ": " + g.Why
	}
	return "nothing was seen from " + first + " to " + last + ": " + g.Why
}

// complete names the sources that would have shown a use.
func complete(e Evidence, from, now time.Time) string {
	var names []string
	for _, s := range Sources() {
		if len(e.Coverage[s].misses(s, from, now)) == 0 {
			names = append(names, s.Words())
		}
	}
	return strings.Join(names, " or in ")
}

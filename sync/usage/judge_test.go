package usage_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keyrota/keyrota/sync/usage"
)

const day = 24 * time.Hour

var now = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

func ago(days int) time.Time { return now.Add(-time.Duration(days) * day) }

// seen is evidence from all of history, complete in runs and in the log.
func seen() usage.Evidence {
	whole := usage.Coverage{From: usage.Beginning(), Until: now}
	return usage.Evidence{
		Traces:   map[usage.Source]usage.Trace{},
		Coverage: map[usage.Source]usage.Coverage{usage.Runs: whole, usage.AuditLog: whole},
	}
}

// usedOn has a source show uses so many days ago, as the ledger would keep them.
func usedOn(e usage.Evidence, s usage.Source, daysAgo ...int) usage.Evidence {
	u := usage.Update{Trace: e.Traces[s]}
	for _, n := range daysAgo {
		u = usage.Merge(u, usage.Update{Trace: usage.Trace{First: ago(n), Last: ago(n), Days: map[usage.Day]int{usage.DayOf(ago(n)): 1}}})
	}
	e.Traces[s] = u.Trim(usage.DayOf(now)).Trace
	return e
}

// from has it used on every so manieth day from first on, and last on last.
func from(first, last, every int) (daysAgo []int) {
	for n := last; n <= first; n += every {
		daysAgo = append(daysAgo, n)
	}
	return daysAgo
}

func cover(e usage.Evidence, s usage.Source, change func(*usage.Coverage)) usage.Evidence {
	c := e.Coverage[s]
	change(&c)
	e.Coverage[s] = c
	return e
}

func blind(s usage.Source, b usage.Blindness) usage.Evidence {
	return cover(seen(), s, func(c *usage.Coverage) { c.Blind = append(c.Blind, b) })
}

func gap(s usage.Source, first, last int) usage.Evidence {
	return cover(seen(), s, func(c *usage.Coverage) {
		c.Gaps = append(c.Gaps, usage.Gap{From: ago(first), Until: ago(last), Why: "a page was missing"})
	})
}

func without(s usage.Source) usage.Evidence {
	e := seen()
	delete(e.Coverage, s)
	return e
}

func denied(e usage.Evidence, daysAgo int) usage.Evidence {
	t := e.Traces[usage.AuditLog]
	t.Denied = map[usage.Day]int{usage.DayOf(ago(daysAgo)): 30}
	e.Traces[usage.AuditLog] = t
	return e
}

func made(e usage.Evidence, daysAgo int) usage.Evidence {
	t := e.Traces[usage.AuditLog]
	t.Made = ago(daysAgo)
	e.Traces[usage.AuditLog] = t
	return e
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		e     usage.Evidence
		p     usage.Policy
		want  usage.Verdict
		words string // in the reasons
	}{
		"used today":                         {usedOn(seen(), usage.Runs, 0), usage.Policy{}, usage.Used, "last used on 2026-11-30, as its runs show"},
		"on the last day that counts":        {usedOn(seen(), usage.Runs, from(400, 45, 1)...), usage.Policy{}, usage.Used, "2026-10-16"},
		"and a day later":                    {usedOn(seen(), usage.Runs, from(400, 46, 1)...), usage.Policy{}, usage.Unused, "no use was seen since, in its runs or in entries of the audit log"},
		"as the account's own limit says":    {usedOn(seen(), usage.Runs, from(400, 46, 1)...), usage.Policy{UnusedAfter: 60 * day}, usage.Used, ""},
		"used, though much is hidden":        {usedOn(blind(usage.Runs, usage.CreditedToPerson), usage.Runs, 3), usage.Policy{Weave: true}, usage.Used, ""},
		"only artifacts are read":            {usedOn(seen(), usage.AuditLog, from(200, 2, 1)...), usage.Policy{}, usage.Used, "as entries of the audit log show"},
		"only its secret is read":            {usedOn(seen(), usage.Stores, 1), usage.Policy{}, usage.Used, "as the stores' times of reading show"},
		"idle in one source, used in others": {usedOn(usedOn(seen(), usage.Runs, 300), usage.AuditLog, 5), usage.Policy{}, usage.Used, ""},

		"weekly, on pause":              {usedOn(seen(), usage.Runs, from(300, 45, 7)...), usage.Policy{}, usage.Used, ""},
		"weekly, no more":               {usedOn(seen(), usage.Runs, from(300, 49, 7)...), usage.Policy{}, usage.Unused, ""},
		"monthly":                       {usedOn(seen(), usage.Runs, from(390, 40, 31)...), usage.Policy{}, usage.Used, ""},
		"quarterly":                     {usedOn(seen(), usage.Runs, from(700, 88, 91)...), usage.Policy{}, usage.Used, "its uses were up to 91 days apart: it is missed from"},
		"quarterly, late":               {usedOn(seen(), usage.Runs, from(700, 120, 91)...), usage.Policy{}, usage.Used, ""},
		"quarterly, no more":            {usedOn(seen(), usage.Runs, from(700, 140, 91)...), usage.Policy{}, usage.Unused, ""},
		"quarterly, from two sources":   {usedOn(usedOn(seen(), usage.Runs, 240, 60), usage.AuditLog, 150), usage.Policy{}, usage.Used, "up to 90 days"},
		"quarterly, some days each":     {usedOn(seen(), usage.Runs, 190, 189, 188, 100, 99, 98), usage.Policy{}, usage.Used, "up to 88 days"},
		"quarterly once, a year ago":    {usedOn(seen(), usage.Runs, from(720, 310, 91)...), usage.Policy{}, usage.Unused, ""},
		"yearly":                        {usedOn(seen(), usage.Runs, 720, 350), usage.Policy{}, usage.Used, "up to 370 days apart"},
		"yearly, as a person says":      {usedOn(seen(), usage.Runs, 340), usage.Policy{Rhythm: 365 * day}, usage.Used, "365 days apart, as the configuration says"},
		"more seldom than a person say": {usedOn(seen(), usage.Runs, 200, 100), usage.Policy{Rhythm: 30 * day}, usage.Used, "up to 100 days"},
		"a person's rhythm is over":     {usedOn(seen(), usage.Runs, from(400, 140, 1)...), usage.Policy{Rhythm: 92 * day}, usage.Unused, ""},
		"young, perhaps quarterly":      {usedOn(seen(), usage.Runs, 95), usage.Policy{}, usage.Unknown, "it may be used once a quarter; write rhythm: if so"},
		"young, with a second try":      {usedOn(seen(), usage.Runs, 100, 99, 80), usage.Policy{}, usage.Unknown, "on 3 days only"},
		"tried out once":                {usedOn(seen(), usage.Runs, 141, 140, 139), usage.Policy{}, usage.Unused, ""},
		"daily for a month, no more":    {usedOn(seen(), usage.Runs, from(90, 60, 1)...), usage.Policy{}, usage.Unused, ""},
		"idle for longer than counts":   {usedOn(seen(), usage.Runs, from(700, 500, 1)...), usage.Policy{}, usage.Unused, "last used on 2025-07-18"},

		"never used":             {seen(), usage.Policy{}, usage.Never, "no use was ever seen, in its runs or in entries of the audit log"},
		"never used, and old":    {made(seen(), 46), usage.Policy{}, usage.Never, ""},
		"new":                    {made(seen(), 45), usage.Policy{}, usage.Unknown, "it was created on 2026-10-16"},
		"nothing was looked at":  {usage.Evidence{}, usage.Policy{}, usage.Unknown, "runs: not looked at"},
		"the log alone":          {without(usage.Runs), usage.Policy{}, usage.Unknown, "runs: not looked at"},
		"runs alone":             {without(usage.AuditLog), usage.Policy{}, usage.Unknown, "audit log: not looked at"},
		"runs, and who reads it": {cover(without(usage.AuditLog), usage.Stores, func(c *usage.Coverage) { *c = seen().Coverage[usage.Runs] }), usage.Policy{}, usage.Never, "the stores' times of reading"},
		"the log's own weakness": {blind(usage.AuditLog, usage.NotInLog), usage.Policy{}, usage.Never, ""},

		"credited to a person": {blind(usage.Runs, usage.CreditedToPerson), usage.Policy{}, usage.Unknown, "credited to a person"},
		"Weave":                {seen(), usage.Policy{Weave: true}, usage.Unknown, "Weave"},
		"may log by Weave":     {blind(usage.Runs, usage.WeaveOnly), usage.Policy{}, usage.Unknown, "Weave"},
		"a restricted project": {blind(usage.Runs, usage.Restricted), usage.Policy{}, usage.Unknown, "cannot be seen"},
		"no right to the log":  {blind(usage.AuditLog, usage.NoAccess), usage.Policy{}, usage.Unknown, "audit log: the credentials that there are may not read it"},
		"a gap in the runs":    {gap(usage.Runs, 30, 29), usage.Policy{}, usage.Unknown, "runs: nothing was seen from 2026-10-31 to 2026-11-01: a page was missing"},
		"a gap in the log":     {gap(usage.AuditLog, 44, 43), usage.Policy{}, usage.Unknown, "audit log: nothing was seen"},
		"a gap in both, at other times": {cover(gap(usage.AuditLog, 44, 43), usage.Runs, func(c *usage.Coverage) {
			c.Gaps = []usage.Gap{{From: ago(3), Until: ago(2), Why: "no answer"}}
		}), usage.Policy{}, usage.Unknown, "no answer"},
		"a gap before it counts":              {gap(usage.Runs, 60, 50), usage.Policy{}, usage.Never, ""},
		"a gap within a rhythm":               {usedOn(gap(usage.Runs, 60, 50), usage.Runs, from(400, 140, 1)...), usage.Policy{Rhythm: 90 * day}, usage.Unknown, "runs: nothing was seen"},
		"idle before the log begins":          {usedOn(cover(seen(), usage.AuditLog, func(c *usage.Coverage) { c.From = ago(30) }), usage.Runs, from(300, 60, 1)...), usage.Policy{}, usage.Unknown, "audit log: nothing is known from before 2026-10-31"},
		"looked at last week":                 {cover(seen(), usage.Runs, func(c *usage.Coverage) { c.Until = ago(7) }), usage.Policy{}, usage.Unknown, "runs: not looked at since 2026-11-23"},
		"looked at yesterday":                 {cover(seen(), usage.Runs, func(c *usage.Coverage) { c.Until = ago(1) }), usage.Policy{}, usage.Never, ""},
		"something fails to authenticate":     {denied(seen(), 10), usage.Policy{}, usage.Unknown, "30 attempts were refused, last on 2026-11-20"},
		"failed to authenticate, long ago":    {denied(seen(), 100), usage.Policy{}, usage.Never, ""},
		"idle, and something tries to use it": {denied(usedOn(seen(), usage.Runs, from(300, 60, 1)...), 1), usage.Policy{}, usage.Unknown, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			j := usage.Judge(c.e, c.p, now)
			if reasons := strings.Join(j.Reasons, "\n"); j.Verdict != c.want || !strings.Contains(reasons, c.words) || reasons == "" {
				t.Errorf("%s, want %s\n%s", j.Verdict, c.want, reasons)
			}
		})
	}
}

// TestWhatIsSeldomUsedIsNeverCalledUnused: whatever its phase, however long its
// history, however late it is by a third, in whichever source it shows.
func TestWhatIsSeldomUsedIsNeverCalledUnused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.IntRange(1, 92).Draw(t, "every")
		e := seen()
		next := rapid.IntRange(0, every).Draw(t, "phase")
		for range rapid.IntRange(1, 9).Draw(t, "times") {
			source := rapid.SampledFrom([]usage.Source{usage.Runs, usage.AuditLog}).Draw(t, "source")
			for i := range rapid.IntRange(1, 3).Draw(t, "days on end") {
				e = usedOn(e, source, next+i)
			}
			next += every + rapid.IntRange(-every/5, every/5).Draw(t, "late")
		}
		if j := usage.Judge(e, usage.Policy{UnusedAfter: time.Duration(rapid.IntRange(14, 60).Draw(t, "limit")) * day}, now); j.Verdict == usage.Unused || j.Verdict == usage.Never {
			t.Errorf("%+v of %+v", j, e.Traces)
		}
	})
}

// TestWhatCannotBeSeenIsNeverCalledUnused: whatever is taken from complete
// evidence within the time that counts.
func TestWhatCannotBeSeenIsNeverCalledUnused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := seen()
		if rapid.Bool().Draw(t, "was used") {
			last := rapid.IntRange(46, 300).Draw(t, "last")
			e = usedOn(e, usage.Runs, from(last+200, last, 1)...)
		}
		if j := usage.Judge(e, usage.Policy{}, now); j.Verdict != usage.Unused && j.Verdict != usage.Never {
			t.Fatalf("complete, and %+v", j)
		}
		source := rapid.SampledFrom([]usage.Source{usage.Runs, usage.AuditLog}).Draw(t, "source")
		e = cover(e, source, func(c *usage.Coverage) {
			switch rapid.IntRange(0, 3).Draw(t, "taken") {
			case 0:
				first := rapid.IntRange(1, 44).Draw(t, "gap")
				c.Gaps = append(c.Gaps, usage.Gap{From: ago(first + rapid.IntRange(1, 100).Draw(t, "length")), Until: ago(first), Why: "lost"})
			case 1:
				c.Blind = append(c.Blind, rapid.SampledFrom([]usage.Blindness{usage.NoAccess, usage.Restricted, usage.WeaveOnly, usage.CreditedToPerson}).Draw(t, "blind"))
			case 2:
				c.Until = ago(rapid.IntRange(3, 500).Draw(t, "stale"))
			case 3:
				c.From = ago(rapid.IntRange(0, 44).Draw(t, "since"))
			}
		})
		if j := usage.Judge(e, usage.Policy{}, now); j.Verdict != usage.Unknown || len(j.Reasons) == 0 {
			t.Errorf("%+v of %+v", j, e.Coverage)
		}
	})
}

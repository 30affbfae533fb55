package usage

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// Update is what a source showed of one account, in one look or in all of them.
// A count is of a whole day as far as the look saw it, so that a day that is
// looked at twice is not counted twice.
type Update struct {
	Trace    Trace
	Coverage Coverage
}

// Merge joins what two looks of one source showed. Nothing that was seen once is
// lost, and neither the order of looks nor a look that is merged again makes a
// difference.
func Merge(a, b Update) Update {
	return Update{Trace: mergeTrace(a.Trace, b.Trace), Coverage: mergeCoverage(a.Coverage, b.Coverage)}
}

// Trim drops what is kept for KeepDays alone.
func (u Update) Trim(today Day) Update {
	oldest := today - KeepDays + 1
	old := func(d Day, _ int) bool { return d < oldest }
	u.Trace.Days, u.Trace.Denied = maps.Clone(u.Trace.Days), maps.Clone(u.Trace.Denied)
	before := Day(math.MinInt32) // the last day that is old
	for d := range u.Trace.Days {
		if d < oldest {
			before = max(before, d)
		}
	}
	maps.DeleteFunc(u.Trace.Days, func(d Day, _ int) bool { return d < oldest && d != before })
	maps.DeleteFunc(u.Trace.Denied, old)
	u.Trace.Projects = trimProjects(u.Trace.Projects, oldest.Start())
	var gaps []Gap
	for _, g := range u.Coverage.Gaps {
		if g.Until.After(oldest.Start()) {
			gaps = append(gaps, g)
		} else {
			u.Coverage.From = later(u.Coverage.From, g.Until) // what was before it is not claimed either
		}
	}
	u.Coverage.Gaps = gaps
	return u
}

func trimProjects(all map[Project]time.Time, oldest time.Time) map[Project]time.Time {
	kept := maps.Clone(all)
	maps.DeleteFunc(kept, func(_ Project, last time.Time) bool { return last.Before(oldest) })
	if len(kept) <= KeepProjects {
		return kept
	}
	latest := slices.SortedFunc(maps.Keys(kept), func(p, q Project) int {
		return cmp.Or(kept[q].Compare(kept[p]), cmp.Compare(p.Team, q.Team), cmp.Compare(p.Name, q.Name))
	})
	for _, p := range latest[KeepProjects:] {
		delete(kept, p)
	}
	return kept
}

func mergeTrace(a, b Trace) Trace {
	return Trace{
		First: earlier(a.First, b.First), Last: later(a.Last, b.Last),
		Days:     joined(a.Days, b.Days, func(x, y int) int { return max(x, y) }),
		Projects: joined(a.Projects, b.Projects, later),
		Denied:   joined(a.Denied, b.Denied, func(x, y int) int { return max(x, y) }),
		Made:     earlier(a.Made, b.Made),
	}
}

// joined has all of two maps; where both have a key, of the two values.
func joined[K comparable, V any](a, b map[K]V, both func(V, V) V) map[K]V {
	if len(a)+len(b) == 0 {
		return nil
	}
	all := make(map[K]V, len(a)+len(b))
	maps.Copy(all, a)
	for k, v := range b {
		if old, ok := all[k]; ok {
			v = both(old, v)
		}
		all[k] = v
	}
	return all
}

// earlier returns the earlier of two times that are known.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// notLooked is why nothing was seen between two looks.
const notLooked = "it was not looked at"

// mergeCoverage covers what either covers.
func mergeCoverage(a, b Coverage) Coverage {
	c := Coverage{From: earlier(a.From, b.From), Until: later(a.Until, b.Until), Blind: mergeBlind(a, b)}
	var cuts []time.Time
	for _, one := range []Coverage{a, b} {
		if one.From.IsZero() {
			continue
		}
		cuts = append(cuts, one.From, one.Until)
		for _, g := range one.Gaps {
			cuts = append(cuts, g.From, g.Until)
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	for i := 1; i < len(cuts); i++ {
		from, until := cuts[i-1], cuts[i]
		if !until.After(from) || from.Before(c.From) || until.After(c.Until) {
			continue
		}
		seenA, whyA := a.during(from)
		seenB, whyB := b.during(from)
		if seenA || seenB {
			continue
		}
		why := cmp.Or(min(cmp.Or(whyA, whyB), cmp.Or(whyB, whyA)), notLooked)
		if n := len(c.Gaps); n > 0 && c.Gaps[n-1].Until.Equal(from) && c.Gaps[n-1].Why == why {
			c.Gaps[n-1].Until = until
			continue
		}
		c.Gaps = append(c.Gaps, Gap{From: from, Until: until, Why: why})
	}
	return c
}

// during reports whether a time is covered, and if not why, as far as a gap says
// more than that nobody looked.
func (c Coverage) during(t time.Time) (seen bool, why string) {
	if c.From.IsZero() || t.Before(c.From) || !t.Before(c.Until) {
		return false, ""
	}
	in := false
	for _, g := range c.Gaps {
		if t.Before(g.From) || !t.Before(g.Until) {
			continue
		}
		in = true
		if g.Why != notLooked && (why == "" || g.Why < why) {
			why = g.Why
		}
	}
	return !in, why
}

// mergeBlind takes the reasons of the later look: what hid a use then need not
// hide one now.
func mergeBlind(a, b Coverage) []Blindness {
	switch {
	case a.Until.After(b.Until):
		return a.Blind
	case b.Until.After(a.Until):
		return b.Blind
	}
	both := slices.Concat(a.Blind, b.Blind)
	slices.Sort(both)
	return slices.Compact(both)
}

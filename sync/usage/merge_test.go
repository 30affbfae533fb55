package usage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keyrota/keyrota/sync/usage"
)

func hour(n int) time.Time { return usage.Day(20000).Start().Add(time.Duration(n) * time.Hour) }

// look is one look of a source: what it saw between two times, and what it
// missed.
func look(t *rapid.T) usage.Update {
	from := rapid.IntRange(0, 20).Draw(t, "from")
	until := from + rapid.IntRange(0, 10).Draw(t, "long")
	u := usage.Update{Coverage: usage.Coverage{From: hour(from), Until: hour(until)}}
	if until == from && rapid.Bool().Draw(t, "none") {
		u.Coverage = usage.Coverage{}
	}
	for at := from; at < until; {
		g := at + rapid.IntRange(0, 4).Draw(t, "gap")
		end := g + rapid.IntRange(1, 3).Draw(t, "gap's length")
		if end > until {
			break
		}
		u.Coverage.Gaps = append(u.Coverage.Gaps, usage.Gap{From: hour(g), Until: hour(end), Why: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "why")})
		at = end + 1
	}
	u.Coverage.Blind = rapid.SliceOfNDistinct(rapid.SampledFrom([]usage.Blindness{usage.NoAccess, usage.Restricted}), 0, 1, rapid.ID).Draw(t, "blind")
	for range rapid.IntRange(0, 3).Draw(t, "uses") {
		at := hour(rapid.IntRange(0, 100).Draw(t, "at"))
		u.Trace.First, u.Trace.Last = at, at.Add(time.Hour)
		u.Trace.Days = map[usage.Day]int{usage.DayOf(at): rapid.IntRange(1, 9).Draw(t, "n")}
		u.Trace.Denied = u.Trace.Days
		u.Trace.Projects = map[usage.Project]time.Time{{Team: "t", Name: rapid.SampledFrom([]string{"p", "q"}).Draw(t, "project")}: at}
		u.Trace.Made = at
	}
	if len(u.Coverage.Blind) == 0 {
		u.Coverage.Blind = nil
	}
	return u
}

// TestLooksAreJoinedInAnyOrder: neither who saves first nor what is read twice
// makes a difference.
func TestLooksAreJoinedInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := look(t), look(t), look(t)
		ab := usage.Merge(a, b)
		for name, pair := range map[string][2]usage.Update{
			"the other way round": {ab, usage.Merge(b, a)},
			"again":               {ab, usage.Merge(ab, b)},
			"in other pairs":      {usage.Merge(ab, c), usage.Merge(a, usage.Merge(b, c))},
			"trimmed before":      {usage.Merge(ab, c).Trim(20390), usage.Merge(ab.Trim(20390), c.Trim(20390)).Trim(20390)},
		} {
			if name == "trimmed before" { // coverage that ends is another's beginning
				pair[0].Coverage, pair[1].Coverage = usage.Coverage{}, usage.Coverage{}
			}
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		// A moment is covered by both together if by either.
		all := ab.Coverage
		for h := range 40 {
			at := hour(h)
			if got, want := covers(all, at), covers(a.Coverage, at) || covers(b.Coverage, at); got != want {
				t.Errorf("hour %d: covered %v, want %v: %+v of %+v and %+v", h, got, want, all, a.Coverage, b.Coverage)
			}
		}
	})
}

func covers(c usage.Coverage, at time.Time) bool {
	if c.From.IsZero() || at.Before(c.From) || !at.Before(c.Until) {
		return false
	}
	for _, g := range c.Gaps {
		if !at.Before(g.From) && at.Before(g.Until) {
			return false
		}
	}
	return true
}

func TestAGapIsClosedByALaterLook(t *testing.T) {
	between := func(from, until int, gaps ...usage.Gap) usage.Update {
		return usage.Update{Coverage: usage.Coverage{From: hour(from), Until: hour(until), Gaps: gaps}}
	}
	joined := usage.Merge(between(0, 4), between(8, 12, usage.Gap{From: hour(9), Until: hour(10), Why: "no page 3"}))
	want := between(0, 12,
		usage.Gap{From: hour(4), Until: hour(8), Why: "it was not looked at"}, usage.Gap{From: hour(9), Until: hour(10), Why: "no page 3"})
	if diff := cmp.Diff(want, joined); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(between(0, 12, usage.Gap{From: hour(4), Until: hour(5), Why: "it was not looked at"}), usage.Merge(joined, between(5, 11))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(between(0, 12), usage.Merge(joined, between(3, 10))); diff != "" {
		t.Error(diff)
	}
}

// TestTrim: counts end, and what is before the last gap that ends with them is
// not claimed to be covered.
func TestTrim(t *testing.T) {
	projects := map[usage.Project]time.Time{{Name: "old"}: ago(401)}
	for n := range usage.KeepProjects + 5 {
		projects[usage.Project{Name: time.Duration(n).String()}] = ago(n)
	}
	u := usage.Update{
		Trace: usage.Trace{
			First: ago(700), Last: ago(1), Projects: projects,
			Days:   map[usage.Day]int{usage.DayOf(ago(700)): 1, usage.DayOf(ago(500)): 2, usage.DayOf(ago(399)): 3, usage.DayOf(ago(1)): 4},
			Denied: map[usage.Day]int{usage.DayOf(ago(500)): 1, usage.DayOf(ago(1)): 2},
		},
		Coverage: usage.Coverage{From: ago(700), Until: now, Gaps: []usage.Gap{{From: ago(600), Until: ago(590)}, {From: ago(420), Until: ago(390)}}},
	}
	got := u.Trim(usage.DayOf(now))
	if diff := cmp.Diff(map[usage.Day]int{usage.DayOf(ago(500)): 2, usage.DayOf(ago(399)): 3, usage.DayOf(ago(1)): 4}, got.Trace.Days); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[usage.Day]int{usage.DayOf(ago(1)): 2}, got.Trace.Denied); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(usage.Coverage{From: ago(590), Until: now, Gaps: u.Coverage.Gaps[1:]}, got.Coverage); diff != "" {
		t.Error(diff)
	}
	if n := len(got.Trace.Projects); n != usage.KeepProjects || !got.Trace.Projects[usage.Project{Name: "0s"}].Equal(now) {
		t.Errorf("%d projects", n)
	}
	if len(u.Trace.Days) != 4 || len(u.Trace.Projects) != usage.KeepProjects+6 {
		t.Error("what was given was changed")
	}
}

package ledger_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
)

// shown is what a source saw on a day before noon.
func shown(daysAgo, times int) usage.Update {
	at := noon.AddDate(0, 0, -daysAgo)
	return usage.Update{
		Trace: usage.Trace{
			First: at, Last: at, Made: at.AddDate(-1, 0, 0),
			Days:     map[usage.Day]int{usage.DayOf(at): times},
			Denied:   map[usage.Day]int{usage.DayOf(at): 1},
			Projects: map[usage.Project]time.Time{{Team: "ml", Name: "eval <1> & \u2028"}: at},
		},
		Coverage: usage.Coverage{
			From: at.Add(-time.Hour), Until: at.Add(time.Hour), Blind: []usage.Blindness{usage.Restricted},
			Gaps: []usage.Gap{{From: at.Add(-time.Minute), Until: at, Why: "no page 3"}},
		},
	}
}

func saveUsage(t *testing.T, l *ledger.Ledger, source usage.Source, all map[rotation.Ref]usage.Update, state string) {
	t.Helper()
	if err := l.SaveUsage(t.Context(), source, all, "usage/"+string(source), []byte(state)); err != nil {
		t.Fatal(err)
	}
}

func usageOf(t *testing.T, l *ledger.Ledger, ref rotation.Ref) usage.Evidence {
	t.Helper()
	e, err := l.UsageOf(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestUsageIsKeptBySourceAndJoined(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		first, second := shown(3, 5), shown(1, 2)
		saveUsage(t, l, usage.Runs, map[rotation.Ref]usage.Update{ref: first, "ml/stranger": second}, "page 1")
		saveUsage(t, l, usage.Runs, map[rotation.Ref]usage.Update{ref: second}, "page 2")
		saveUsage(t, l, usage.AuditLog, map[rotation.Ref]usage.Update{ref: first}, "cursor")
		if err := l.NoteOwn(t.Context(), ref, noon.AddDate(0, 0, -3)); err != nil {
			t.Fatal(err)
		}
		both := usage.Merge(first, second)
		want := usage.Evidence{
			Traces:   map[usage.Source]usage.Trace{usage.Runs: both.Trace, usage.AuditLog: first.Trace},
			Coverage: map[usage.Source]usage.Coverage{usage.Runs: both.Coverage, usage.AuditLog: first.Coverage},
			Own:      map[usage.Day]bool{usage.DayOf(noon) - 3: true},
		}
		if diff := cmp.Diff(want, usageOf(t, l, ref)); diff != "" {
			t.Error(diff)
		}
		// The same look again, as after a crash: nothing is counted twice.
		before := exported(t, l)
		saveUsage(t, l, usage.Runs, map[rotation.Ref]usage.Update{ref: first, "ml/stranger": second}, "page 2")
		if diff := cmp.Diff(string(before), string(exported(t, l))); diff != "" {
			t.Error(diff)
		}
		all, err := l.Usage(t.Context())
		if err != nil || len(all) != 2 || all["ml/stranger"].Traces[usage.Runs].Days[usage.DayOf(noon)-1] != 2 {
			t.Errorf("%+v, %v", all, err)
		}
		for source, want := range map[usage.Source]string{usage.Runs: "page 2", usage.AuditLog: "cursor", usage.Stores: ""} {
			if state, err := l.State(t.Context(), "usage/"+string(source)); err != nil || string(state) != want {
				t.Errorf("%s: %q, %v", source, state, err)
			}
		}
		if e := usageOf(t, l, "nobody"); len(e.Traces) != 0 {
			t.Errorf("%+v", e)
		}
	})
}

// TestCountsEndAfter400Days: also those that were there before. The last day of
// use stays, however long ago.
func TestCountsEndAfter400Days(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		clock := newClock()
		l := openWith(t, at, clock.options())
		for _, daysAgo := range []int{399, 398} {
			saveUsage(t, l, usage.Runs, map[rotation.Ref]usage.Update{ref: shown(daysAgo, 1)}, "")
		}
		if e := usageOf(t, l, ref); len(e.Traces[usage.Runs].Days) != 2 {
			t.Errorf("%+v", e)
		}
		clock.pass(48 * time.Hour)
		saveUsage(t, l, usage.Runs, map[rotation.Ref]usage.Update{ref: {}}, "")
		e := usageOf(t, l, ref).Traces[usage.Runs]
		last := map[usage.Day]int{usage.DayOf(noon) - 398: 1}
		if !cmp.Equal(e.Days, last) || len(e.Denied)+len(e.Projects) != 0 || !e.First.Equal(noon.AddDate(0, 0, -399)) || !e.Last.Equal(noon.AddDate(0, 0, -398)) {
			t.Errorf("%+v", e)
		}
	})
}

// TestManyAccountsAreSavedInTurns: two processes that saw different halves of a
// day have all of it in the end.
func TestManyAccountsAreSavedInTurns(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l, other := openAt(t, at), openAt(t, at)
		var wg sync.WaitGroup
		for i, l := range []*ledger.Ledger{l, other} {
			half := map[rotation.Ref]usage.Update{}
			for n := range 250 {
				half[rotation.Ref(fmt.Sprint("ml/account-", n))] = shown(i, 1+i)
			}
			wg.Go(func() {
				if err := l.SaveUsage(t.Context(), usage.Runs, half, "usage/runs", []byte("done")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		all, err := l.Usage(t.Context())
		if err != nil || len(all) != 250 {
			t.Fatalf("%d, %v", len(all), err)
		}
		want := map[usage.Day]int{usage.DayOf(noon): 1, usage.DayOf(noon) - 1: 2}
		for r, e := range all {
			if diff := cmp.Diff(want, e.Traces[usage.Runs].Days); diff != "" {
				t.Fatalf("%s: %s", r, diff)
			}
		}
		if err := l.SaveUsage(t.Context(), usage.Runs, nil, "usage/runs", nil); err != nil {
			t.Fatal(err)
		}
		if state, err := l.State(t.Context(), "usage/runs"); err != nil || len(state) != 0 {
			t.Errorf("%q, %v", state, err)
		}
	})
}

// TestUsageOfTomorrowIsLeftAlone: what a newer program keeps is neither dropped
// nor in the way of the others.
func TestUsageOfTomorrowIsLeftAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		saveUsage(t, l, usage.Runs, map[rotation.Ref]usage.Update{ref: shown(1, 1), "ml/other": shown(1, 1)}, "before")
		alter(t, l, `UPDATE ledger_usage SET body = '{"v":2,"mood":"good"}' WHERE ref = 'ml-platform/nightly-eval'`)
		all, err := l.Usage(t.Context())
		refused(t, err, ledger.ErrNewer, string(ref), "runs")
		if _, ok := all["ml/other"]; !ok || len(all) != 1 {
			t.Errorf("%v", all)
		}
		err = l.SaveUsage(t.Context(), usage.Runs, map[rotation.Ref]usage.Update{ref: shown(0, 1)}, "usage/runs", []byte("after"))
		refused(t, err, ledger.ErrNewer, string(ref))
		if state, err := l.State(t.Context(), "usage/runs"); err != nil || string(state) != "before" {
			t.Errorf("%q, %v", state, err)
		}
		_, err = l.Export(t.Context(), &bytes.Buffer{})
		refused(t, err, ledger.ErrNewer, string(ref))
	})
}

func TestUsageGoesOnUnderAnotherName(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		save(t, l, "old/name", rotation.Record{Seq: 1}, 0)
		saveUsage(t, l, usage.Runs, map[rotation.Ref]usage.Update{"old/name": shown(3, 5), "new/name": shown(1, 2)}, "")
		known, err := l.Acknowledge(t.Context(), ledger.Acknowledgement{Code: "unused", Ref: "old/name", Until: noon.Add(time.Hour), Reason: "yearly"})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Move(t.Context(), "old/name", "new/name"); err != nil {
			t.Fatal(err)
		}
		want := usage.Merge(shown(3, 5), shown(1, 2))
		if diff := cmp.Diff(want.Trace, usageOf(t, l, "new/name").Traces[usage.Runs]); diff != "" {
			t.Error(diff)
		}
		if e := usageOf(t, l, "old/name"); len(e.Traces) != 0 {
			t.Errorf("%+v", e)
		}
		known.Ref = "new/name"
		if all, err := l.Acknowledgements(t.Context()); err != nil || !cmp.Equal(all, []ledger.Acknowledgement{known}) {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

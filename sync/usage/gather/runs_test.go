package gather_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

func TestRunsAreCountedByAccountAndDay(t *testing.T) {
	w := newWorld(t)
	w.people(500)
	eval := w.account("ml", "eval", nil)
	stranger := w.platform("ml", "stranger")
	w.projects["ml"] = []string{"eval", "shared"}
	w.run("ml", "eval", "eval-ml", 800, time.Hour)
	w.run("ml", "eval", "eval-ml", 100, 9*day)
	w.run("ml", "eval", "eval-ml", 2, time.Hour)
	w.run("ml", "shared", "eval-ml", 2, time.Minute)
	w.run("ml", "shared", "stranger-ml", 60, time.Hour)
	w.whole()

	on := func(daysAgo int) usage.Day { return usage.DayOf(start) - usage.Day(daysAgo) }
	trace := w.of(eval).Traces[usage.Runs]
	if diff := cmp.Diff(map[usage.Day]int{on(800): 1, on(100): 1, on(91): 1, on(2): 2}, trace.Days); diff != "" {
		t.Error(diff)
	}
	if !trace.First.Equal(start.Add(-800*day)) || !trace.Last.Equal(start.Add(-2*day+time.Hour)) {
		t.Errorf("%v, %v", trace.First, trace.Last)
	}
	if diff := cmp.Diff(map[usage.Project]time.Time{
		{Team: "ml", Name: "eval"}: start.Add(-2*day + time.Hour), {Team: "ml", Name: "shared"}: start.Add(-2*day + time.Minute),
	}, trace.Projects); diff != "" {
		t.Error(diff)
	}
	w.judged(stranger, usage.Unknown, "it was used on 1 day only")

	// A later look reads on, with a day of overlap, and counts nothing twice.
	w.run("ml", "eval", "eval-ml", -1, time.Hour)
	w.now = start.Add(2 * day)
	w.whole()
	again := w.of(eval)
	if diff := cmp.Diff(map[usage.Day]int{on(800): 1, on(100): 1, on(91): 1, on(2): 2, on(-1): 1}, again.Traces[usage.Runs].Days); diff != "" {
		t.Error(diff)
	}
	if c := again.Coverage[usage.Runs]; !c.From.Equal(usage.Beginning()) || !c.Until.Equal(w.now) || len(c.Gaps)+len(c.Blind) > 0 {
		t.Errorf("%+v", c)
	}
}

func TestWhatIsHiddenIsUnknown(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	idle := func(name string, change func(*config.Account)) rotation.Ref {
		ref := w.account("ml", name, change)
		w.projects["ml"] = append(w.projects["ml"], name)
		for n := 300; n >= 100; n -= 7 {
			w.run("ml", name, name+"-ml", n, time.Hour)
		}
		return ref
	}
	plain := idle("plain", nil)
	attributed := idle("attributed", func(a *config.Account) { a.Env["WANDB_USERNAME"] = "ada" })
	credited := idle("credited", nil)
	w.run("ml", "credited", "ada", 10, time.Hour)
	before := idle("before", nil)
	w.run("ml", "before", "ada", 90, time.Hour)
	weave := idle("weave", func(a *config.Account) { a.Weave = true })
	closed := idle("closed", func(a *config.Account) { a.Projects = []string{"vault"} })
	inside := w.account("ml", "inside", func(a *config.Account) { a.Projects = []string{"ml/inner"} })
	w.runs["ml/inner"], w.inside["ml/inner"] = []providers.Run{}, true
	w.run("ml", "inner", "inside-ml", 1, time.Hour)
	never := w.account("ml", "never", nil) // its project is not there, for it neither
	broken := w.account("ml", "broken", nil)
	w.values[rotation.Destination{Store: "aws", Path: "ml/broken"}] = "nothing"
	w.whole()

	w.judged(plain, usage.Unused, "in its runs or in entries of the audit log")
	w.judged(attributed, usage.Unknown, "runs: its runs are credited to a person")
	w.judged(credited, usage.Unknown, "nothing was seen on 2026-11-20: a run where it logs shows a person as its user")
	w.judged(before, usage.Unused, "")
	w.judged(weave, usage.Unknown, "Weave")
	w.judged(closed, usage.Unknown, "runs: a project of it cannot be seen")
	w.judged(inside, usage.Used, "last used on 2026-11-29, as its runs show")
	w.judged(never, usage.Never, "")
	w.judged(broken, usage.Unknown, "runs: a project of it cannot be seen")

	// What is asked with an account's own key is not its use, and is not asked at
	// every look.
	w.entry(never, "project:read", 0, 404)
	w.entry(never, "project:read", 0, 403)
	w.now = start.Add(6 * time.Hour)
	w.whole()
	w.judged(never, usage.Never, "")
	if i := slices.IndexFunc(w.asked, func(s string) bool { return strings.HasPrefix(s, "read ") || strings.HasPrefix(s, "own ") }); i >= 0 {
		t.Errorf("asked %s", w.asked[i])
	}
	w.now = start.Add(day)
	w.run("ml", "inner", "inside-ml", 0, time.Hour)
	w.whole()
	w.judged(inside, usage.Used, "last used on 2026-11-30")
	if !slices.Contains(w.asked, "own runs ml/inner") || slices.Contains(w.asked, "read ml/never") {
		t.Errorf("asked %v", w.asked)
	}
}

// TestAnAccountOfTheOrganizationIsLookedForInAllTeams: also in those that the
// configuration does not name; and is covered only where all could be read.
func TestAnAccountOfTheOrganizationIsLookedForInAllTeams(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	w.account("ml", "eval", nil)
	w.members["vision"] = []providers.Member{{ID: "max", Username: "max"}, {ID: "id:vision/stranger", Username: "stranger-vision", Name: "stranger", Service: true}}
	const ref = rotation.Ref("acme//metrics")
	w.members[""] = []providers.Member{{ID: "ada", Username: "ada", Name: "Ada"}, {ID: idOf(ref), Username: "metrics", Name: "metrics"}}
	w.configure(`name: metrics, scope: organization, default_team: ml, reason: "all of it", env: {WANDB_PROJECT: shared}`, ref, nil)
	w.projects["ml"], w.projects["vision"] = []string{"shared"}, []string{"shared"}
	w.run("ml", "shared", "metrics", 70, time.Hour)
	w.run("vision", "shared", "metrics", 2, time.Hour)
	w.run("vision", "shared", "stranger-vision", 1, time.Hour) // no person
	w.entry(ref, "artifact:read", 3, 200)
	w.whole()
	trace := w.of(ref).Traces[usage.Runs]
	if len(trace.Projects) != 2 || len(trace.Days) != 2 || w.of(ref).Traces[usage.AuditLog].Last.IsZero() || len(w.of(ref).Coverage[usage.Runs].Gaps) > 0 {
		t.Errorf("%+v", w.of(ref))
	}
	if c := w.of("vision/stranger").Coverage[usage.Runs]; !c.From.IsZero() {
		t.Errorf("what was counted of a team that nothing names is taken for all: %+v", c)
	}
	for later, fails := range map[int]string{120: "projects vision", 121: "teams ", 122: "members vision"} {
		w.fails = func(op, what string) error {
			if op+" "+what == fails {
				return failure(providers.Transient)
			}
			return nil
		}
		w.now = start.Add(time.Duration(later) * day)
		if report := w.look(); len(report.Failed) != 1 {
			t.Errorf("%v", report.Failed)
		}
		w.judged(ref, usage.Unknown, "runs: not looked at since 2026-11-30")
		w.judged("ml/eval", usage.Never, "")
	}
}

// TestPeopleHideAnAccountWhereItMayLog: where it is declared for, where it was
// seen, and where neither is known, anywhere in its team.
func TestPeopleHideAnAccountWhereItMayLog(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	nowhere := func(a *config.Account) { a.Env = nil }
	untold, seen, elsewhere := w.account("ml", "untold", nowhere), w.account("ml", "seen", nowhere), w.account("ml", "elsewhere", nowhere)
	stranger, other := w.platform("ml", "stranger"), w.account("vision", "other", nowhere)
	w.projects["ml"] = []string{"notes", "quiet"}
	w.run("ml", "notes", "ada", 12, time.Hour)
	for n := 300; n >= 100; n -= 7 {
		w.run("ml", "notes", "seen-ml", n, time.Hour)
		w.run("ml", "quiet", "elsewhere-ml", n, time.Hour)
	}
	w.whole()
	w.judged(untold, usage.Unknown, "nothing was seen on 2026-11-18: nothing says where it logs, and a run in its team shows a person")
	w.judged(stranger, usage.Unknown, "nothing says where it logs")
	w.judged(seen, usage.Unknown, "nothing was seen on 2026-11-18: a run where it logs shows a person")
	w.judged(elsewhere, usage.Unused, "")
	w.judged(other, usage.Never, "")
}

// TestRunsThatWereDeletedHideAnAccount: unless they were seen before.
func TestRunsThatWereDeletedHideAnAccount(t *testing.T) {
	deleted := func(w *world, project, action string, daysAgo int) {
		w.log = append(w.log, providers.AuditEntry{
			At: w.now.Add(-time.Duration(daysAgo) * day), Action: action, Actor: "ada", Team: "ml", Project: project, Status: 200,
		})
	}
	w := newWorld(t)
	w.people(420)
	gone, long, other := w.account("ml", "gone", nil), w.account("ml", "long", nil), w.account("ml", "other", nil)
	w.projects["ml"], w.runs["ml/other"] = []string{"other"}, nil
	w.run("ml", "other", "other-ml", 1000, 0)
	deleted(w, "gone", "project:delete", 20)
	deleted(w, "long", "run:delete_many", 200)
	deleted(w, "gone", "project:read", 10)
	w.whole()
	w.judged(gone, usage.Unknown, "runs: nothing was seen until 2026-11-10: runs where it logs were deleted on 2026-11-10")
	w.judged(long, usage.Never, "")
	w.judged(other, usage.Unused, "")
	// What is deleted later was seen, but for what came and went since.
	deleted(w, "other", "run:delete", 0)
	w.now = start.Add(time.Hour)
	w.whole()
	if gaps := w.of(other).Coverage[usage.Runs].Gaps; len(gaps) > 0 {
		t.Errorf("%+v", gaps)
	}
	w.now = start.Add(3 * day)
	deleted(w, "other", "run:delete", 1)
	w.whole()
	if gaps := w.of(other).Coverage[usage.Runs].Gaps; len(gaps) != 1 || !gaps[0].From.Equal(start.Add(time.Hour)) || !gaps[0].Until.Equal(start.Add(2*day)) {
		t.Errorf("%+v", gaps)
	}
	// And still is when the log is not read again as far back.
	w.now = start.Add(4 * day)
	w.whole()
	w.judged(gone, usage.Unknown, "were deleted on 2026-11-10")
	w.account("vision", "late", func(a *config.Account) { a.Env = map[string]string{"WANDB_ENTITY": "ml", "WANDB_PROJECT": "gone"} })
	w.whole()
	w.judged("vision/late", usage.Unknown, "were deleted on 2026-11-10")
}

// TestAnAccountsOwnKeyIsReadWhereThereIsNoOther: for its team, and only then.
func TestAnAccountsOwnKeyIsReadWhereThereIsNoOther(t *testing.T) {
	w := newWorld(t)
	w.use = config.Use{Runs: true}
	ref := w.account("ml", "eval", nil)
	w.projects["ml"] = []string{"eval"}
	w.run("ml", "eval", "eval-ml", 1, time.Hour)
	w.fails = func(op, _ string) error {
		if op == "members" || op == "projects" {
			return failure(providers.Denied)
		}
		return nil
	}
	w.whole()
	e := w.of(ref)
	if !e.Own[usage.DayOf(start)] || !e.Traces[usage.Runs].Last.Equal(start.Add(-day+time.Hour)) {
		t.Errorf("%+v", e)
	}
}

package gather_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
	"github.com/keyrota/keyrota/sync/usage/gather"
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

func TestTheLogIsCountedWithoutOurOwnCalls(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	reader, ours, refused, fresh := w.account("ml", "reader", nil), w.account("ml", "ours", nil), w.account("ml", "refused", nil), w.account("ml", "fresh", nil)
	w.entry(reader, "artifact:read", 30, 200)
	w.entry(reader, "artifact:read", 30, 200)
	w.entry(reader, "project:read", 3, 0)
	for _, action := range []string{"user:read", "user:create_api_key", "user:delete_api_key"} {
		w.entry(ours, action, 5, 200)
	}
	for range 4 {
		w.entry(refused, "user:read", 5, 401)
	}
	w.log = append(w.log, providers.AuditEntry{At: start.Add(-10 * day), Action: "team:create_service_account", Actor: "ada", Target: idOf(fresh), Status: 200})
	w.whole()

	trace := w.of(reader).Traces[usage.AuditLog]
	if diff := cmp.Diff(map[usage.Day]int{usage.DayOf(start) - 30: 2, usage.DayOf(start) - 3: 1}, trace.Days); diff != "" {
		t.Error(diff)
	}
	if !trace.Projects[usage.Project{Team: "ml", Name: "p"}].Equal(start.Add(-3 * day)) {
		t.Errorf("%v", trace.Projects)
	}
	w.judged(ours, usage.Never, "")
	w.judged(refused, usage.Unknown, "4 attempts were refused")
	w.judged(fresh, usage.Unknown, "it was created on 2026-11-20")
	if c := w.of(ours).Coverage[usage.AuditLog]; !c.Until.Equal(start) || len(c.Gaps) > 0 || c.From.After(start.Add(-398*day)) {
		t.Errorf("%+v", c)
	}
}

// TestALookAtTheLogThatIsCutShortGoesOn: from the page that was the last, and
// counts what it would have counted in one go.
func TestALookAtTheLogThatIsCutShortGoesOn(t *testing.T) {
	w := newWorld(t)
	w.use = config.Use{AuditLog: true}
	w.people(420)
	ref := w.account("ml", "reader", nil)
	for range 7 {
		w.entry(ref, "artifact:read", 2, 200)
	}
	w.look()
	whole := w.of(ref)

	w = newWorld(t)
	w.use = config.Use{AuditLog: true}
	w.people(420)
	w.account("ml", "reader", nil)
	for range 7 {
		w.entry(ref, "artifact:read", 2, 200)
	}
	w.pageSize = 3
	pages, cut := 0, 0
	w.fails = func(op, _ string) error {
		if op == "page" {
			if pages++; pages%5 == 0 {
				cut++
				return failure(providers.Denied) // is not tried again at once
			}
		}
		return nil
	}
	for range 100 {
		if len(w.look().Failed) == 0 {
			break
		}
	}
	if got := w.of(ref); cut < 10 || !cmp.Equal(whole.Traces, got.Traces) || len(got.Traces[usage.AuditLog].Days) != 1 || got.Traces[usage.AuditLog].Days[usage.DayOf(start)-2] != 7 {
		t.Errorf("cut %d times: %s", cut, cmp.Diff(whole, got))
	}
	w.judged(ref, usage.Used, "")

	// One that fails for a moment is tried again, from the last page.
	w.fails = func(op, _ string) error {
		if op == "page" {
			w.fails = func(string, string) error { return nil }
			return failure(providers.Transient)
		}
		return nil
	}
	w.now = start.Add(time.Hour)
	w.whole()
	if got := w.of(ref).Traces[usage.AuditLog].Days[usage.DayOf(start)-2]; got != 7 {
		t.Errorf("%d", got)
	}
}

func TestALogThatGoesBackAShortWhileCoversNoMore(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	ref := w.account("ml", "idle", nil)
	w.keeps = 35 * day
	w.whole()
	w.judged(ref, usage.Unknown, "audit log: nothing is known from before 2026-11-01")

	// Nor does one of which the older entries are gone without a word.
	w = newWorld(t)
	w.people(20)
	w.account("ml", "idle", nil)
	w.whole()
	w.judged(ref, usage.Unknown, "audit log: nothing is known from before 2026-11-10")
}

// TestATeamThatComesLaterIsReadFromTheBeginning: its accounts' entries were
// nobody's before.
func TestATeamThatComesLaterIsReadFromTheBeginning(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	old := w.account("ml", "old", nil)
	late := rotation.Ref("vision/late")
	w.entry(late, "artifact:read", 50, 200)
	w.entry(old, "artifact:read", 1, 200)
	w.whole()
	w.account("vision", "late", nil)
	w.now = start.Add(time.Hour)
	w.whole()
	if e := w.of(late); !e.Traces[usage.AuditLog].Last.Equal(start.Add(-50 * day)) {
		t.Errorf("%+v", e)
	}
	if days := w.of(old).Traces[usage.AuditLog].Days; days[usage.DayOf(start)-1] != 1 {
		t.Errorf("%v", days)
	}
}

func TestFilesOfTheLogAreReadOnce(t *testing.T) {
	w := newWorld(t)
	w.use = config.Use{Runs: true, AuditFiles: []string{filepath.Join(t.TempDir(), "*.log")}}
	dir := filepath.Dir(w.use.AuditFiles[0])
	ref, idle := w.account("ml", "reader", nil), w.account("ml", "idle", nil)
	var lines strings.Builder
	for n := 100; n >= 0; n-- {
		if n%7 < 5 { // not at weekends
			lines.WriteString("ada " + strconv.Itoa(n) + "\n")
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.log", lines.String())
	write("b.log", string(idOf(ref))+" 60\n"+string(idOf(ref))+" 60\n")
	w.whole()
	w.judged(idle, usage.Never, "")
	if days := w.of(ref).Traces[usage.AuditLog].Days; days[usage.DayOf(start)-60] != 2 {
		t.Errorf("%v", days)
	}
	before, err := w.ledger.State(t.Context(), "usage/audit_files")
	if err != nil {
		t.Fatal(err)
	}
	w.whole()
	if after, err := w.ledger.State(t.Context(), "usage/audit_files"); err != nil || string(after) != string(before) {
		t.Errorf("%s, %v", after, err)
	}
	// A file that grows is read again, and counts once; one with a broken entry, or
	// days without a file, hide something.
	write("b.log", string(idOf(ref))+" 60\n"+string(idOf(ref))+" 60\n"+string(idOf(ref))+" 1\n")
	w.whole()
	if days := w.of(ref).Traces[usage.AuditLog].Days; days[usage.DayOf(start)-60] != 2 || days[usage.DayOf(start)-1] != 1 {
		t.Errorf("%v", days)
	}

	w = newWorld(t)
	w.use = config.Use{Runs: true, AuditFiles: []string{filepath.Join(dir, "*.log"), filepath.Join(dir, "a*")}}
	w.account("ml", "idle", nil)
	write("a.log", "ada 100\nada 30\nada 26\nada 0\n")
	write("b.log", "ada 40\nada 37\nada 33\nada 22\nada 18\nada 14\nada 10\nada 6\nada 2\n")
	w.whole()
	w.judged(idle, usage.Unknown, "audit log: nothing was seen from 2026-08-23 to 2026-10-20: no file of the log has an entry of it")
	write("b.log", "broken\nada 40\nada 37\nada 33\nada 22\nada 18\nada 14\nada 10\nada 6\nada 2\n")
	w = newWorld(t)
	w.use = config.Use{Runs: true, AuditFiles: []string{filepath.Join(dir, "*.log")}}
	w.account("ml", "idle", nil)
	w.whole()
	w.judged(idle, usage.Unknown, "audit log: nothing was seen from 2026-08-23 to 2026-10-30")
}

func TestReadsOfSecretsCountUnlessTheyMayBeOurs(t *testing.T) {
	w := newWorld(t)
	w.use = config.Use{Runs: true, Stores: true}
	place := func(ref rotation.Ref) rotation.Destination {
		return rotation.Destination{Store: "aws", Path: string(ref)}
	}
	on := func(daysAgo int) time.Time { return (usage.DayOf(start) - usage.Day(daysAgo)).Start() }
	read, unread, never, rotated := w.account("ml", "read", nil), w.account("ml", "unread", nil), w.account("ml", "never", nil), w.account("ml", "rotated", nil)
	noted, unknown := w.account("ml", "noted", nil), w.account("ml", "unknown", nil)
	for i := range w.accounts { // so that no key is read back
		w.accounts[i].Config.Env = nil
	}
	w.reads[place(read)], w.reads[place(unread)], w.reads[place(never)] = on(3), on(200), time.Time{}
	w.reads[place(rotated)], w.reads[place(noted)] = on(5), on(6)
	w.now = start.Add(-5 * day)
	if _, err := w.ledger.Save(t.Context(), rotated, rotation.Record{Seq: 1}, 0, rotation.Event{Kind: rotation.EventIssuing}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ledger.Freeze(t.Context(), ledger.Freeze{Ref: read, From: on(3)}); err != nil {
		t.Fatal(err)
	}
	w.now = start
	if err := w.ledger.NoteOwn(t.Context(), noted, on(6)); err != nil {
		t.Fatal(err)
	}
	w.whole()
	w.judged(read, usage.Used, "last used on 2026-11-27, as the stores' times of reading show")
	w.judged(unread, usage.Unused, "last used on 2026-05-14")
	w.judged(never, usage.Never, "in its runs or in the stores' times of reading")
	w.judged(rotated, usage.Unknown, "stores: nothing is known from before 2026-11-25")
	w.judged(noted, usage.Unknown, "stores: nothing is known from before 2026-11-24")
	w.judged(unknown, usage.Unknown, "audit log: not looked at")

	reads, err := gather.LastReads(t.Context(), w.ledger)
	want := map[rotation.Destination]time.Time{place(read): on(3), place(unread): on(200), place(never): {}}
	if diff := cmp.Diff(want, reads); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	// What was known of others' reads stays known when we read it ourselves.
	if err := w.ledger.NoteOwn(t.Context(), read, start.Add(day)); err != nil {
		t.Fatal(err)
	}
	w.now = start.Add(day)
	w.reads[place(read)] = on(-1)
	w.whole()
	if reads, err := gather.LastReads(t.Context(), w.ledger); err != nil || !reads[place(read)].Equal(on(3)) {
		t.Errorf("%v, %v", reads, err)
	}
}

// TestASourceFailsAlone: what it would have shown is unknown, and what others
// show is known.
func TestASourceFailsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		op, what string
		kind     providers.Kind
		failed   usage.Source
		words    string // of an idle account of team ml
		other    usage.Verdict
	}{
		"members":          {"members", "ml", providers.Transient, usage.Runs, "runs: not looked at", usage.Never},
		"projects":         {"projects", "ml", providers.Denied, usage.Runs, "runs: not looked at", usage.Never},
		"runs":             {"runs", "ml/idle", providers.Transient, usage.Runs, "runs: not looked at", usage.Never},
		"no such project":  {"runs", "ml/idle", providers.NotFound, "", "", usage.Never},
		"the log":          {"audit", "", providers.Denied, usage.AuditLog, "audit log: the credentials that there are may not read it", usage.Unknown},
		"the log, passing": {"audit", "", providers.Transient, usage.AuditLog, "audit log: not looked at", usage.Unknown},
		"a store":          {"last read", "", providers.Limited, usage.Stores, "", usage.Never},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.people(420)
			idle, other := w.account("ml", "idle", nil), w.account("vision", "other", nil)
			w.projects["ml"], w.runs["ml/idle"] = []string{"idle"}, []providers.Run{}
			w.fails = func(op, what string) error {
				if strings.TrimPrefix(op, "own ") == c.op && (c.what == "" || what == c.what) {
					return failure(c.kind)
				}
				return nil
			}
			report := w.look()
			switch {
			case c.failed == "" && len(report.Failed) > 0,
				c.failed != "" && (len(report.Failed) != 1 || report.Failed[0].Source != c.failed || !strings.Contains(report.Failed[0].Error(), "refused")):
				t.Errorf("%v", report.Failed)
			}
			w.judged(other, c.other, "")
			if c.words != "" {
				w.judged(idle, usage.Unknown, c.words)
			}
			w.now = start.Add(time.Minute)
			w.look()
			failing, err := gather.FailingParts(t.Context(), w.ledger)
			if err != nil || len(failing) != len(report.Failed) || len(failing) > 0 && (!failing[0].Since.Equal(start) || failing[0].Source != c.failed || failing[0].Words == "") {
				t.Errorf("%+v, %v", failing, err)
			}
			w.fails = func(string, string) error { return nil }
			w.now = start.Add(time.Hour)
			w.whole()
			w.judged(idle, usage.Never, "")
			if failing, err := gather.FailingParts(t.Context(), w.ledger); err != nil || len(failing) > 0 {
				t.Errorf("%+v, %v", failing, err)
			}
		})
	}
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

// TestNoKeyGoesIntoTheLedger: nor into what is told of failures.
func TestNoKeyGoesIntoTheLedger(t *testing.T) {
	w := newWorld(t)
	w.people(10)
	w.account("ml", "eval", func(a *config.Account) { a.Projects = []string{"closed"} })
	w.fails = func(op, _ string) error {
		if strings.HasPrefix(op, "own ") || op == "members" {
			return failure(providers.Denied)
		}
		return nil
	}
	report := w.look()
	var text strings.Builder
	if _, err := w.ledger.Export(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Failed {
		text.WriteString(f.Error())
	}
	if !slices.Contains(w.asked, "read ml/eval") || len(report.Failed) == 0 || strings.Contains(text.String(), "CANARY") {
		t.Errorf("asked %v, told %s", w.asked, text.String())
	}
}

// TestALookEndsWithItsContextAndTheLedger: an error of either is returned.
func TestALookEndsWithItsContextAndTheLedger(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	w.account("ml", "eval", nil)
	ctx, cancel := context.WithCancel(t.Context())
	w.fails = func(op, _ string) error {
		if op == "audit" {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	if _, err := w.gatherer().Gather(ctx, w.accounts, w.records); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	w.fails = func(string, string) error { return nil }
	if err := w.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.gatherer().Gather(t.Context(), w.accounts, w.records); err == nil {
		t.Error("nobody says that the ledger is closed")
	}
}

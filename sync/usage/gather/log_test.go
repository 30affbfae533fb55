package gather_test

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

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

// TestADayOfTheLogMayBeLong: some platforms give no less of it than a day.
func TestADayOfTheLogMayBeLong(t *testing.T) {
	w := newWorld(t)
	w.people(420)
	ref := w.account("ml", "idle", nil)
	w.takes = 10 * time.Minute
	g := w.gatherer()
	g.Call.Timeout = 30 * time.Second
	if report, err := g.Gather(t.Context(), w.accounts, w.records); err != nil || len(report.Failed) > 0 {
		t.Errorf("%v, %v", report.Failed, err)
	}
	w.judged(ref, usage.Never, "")
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

// TestAnotherAccountOfTheOrganizationIsReadFromTheBeginning: in the log and in
// its files its entries were a person's before.
func TestAnotherAccountOfTheOrganizationIsReadFromTheBeginning(t *testing.T) {
	const late = rotation.Ref("acme//late")
	for name, use := range map[string]config.Use{
		"log":   {Runs: true, AuditLog: true},
		"files": {Runs: true, AuditFiles: []string{filepath.Join(t.TempDir(), "*.log")}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.use = use
			w.people(420)
			for _, ref := range []rotation.Ref{"acme//first", late} {
				w.members[""] = append(w.members[""], providers.Member{ID: idOf(ref), Username: path.Base(string(ref)), Name: path.Base(string(ref))})
			}
			w.members["ml"] = nil
			w.entry(late, "artifact:read", 50, 200)
			if len(use.AuditFiles) > 0 {
				if err := os.WriteFile(filepath.Join(filepath.Dir(use.AuditFiles[0]), "a.log"), []byte(string(idOf(late))+" 50\nada 0\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			configured := func(name string) {
				w.configure("name: "+name+`, scope: organization, default_team: ml, reason: "all of it", env: {WANDB_PROJECT: shared}`, rotation.Ref("acme//"+name), nil)
			}
			configured("first")
			w.whole()
			configured("late")
			w.now = start.Add(time.Hour)
			w.whole()
			if e := w.of(late); !e.Traces[usage.AuditLog].Last.Equal(start.Add(-50 * day)) {
				t.Errorf("%+v", e)
			}
			// Once.
			w.entry(late, "artifact:read", 100, 200)
			w.now = start.Add(2 * time.Hour)
			w.whole()
			if e := w.of(late); !e.Traces[usage.AuditLog].First.Equal(start.Add(-50 * day)) {
				t.Errorf("all was read again: %+v", e)
			}
		})
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

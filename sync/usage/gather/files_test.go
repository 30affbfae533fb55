package gather_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
)

// savings counts how often the files are noted.
type savings struct {
	*ledger.Ledger
	files int
}

func (s *savings) SaveUsage(ctx context.Context, source usage.Source, shown map[rotation.Ref]usage.Update, name string, state []byte) error {
	if name == "usage/audit_files" {
		s.files++
	}
	return s.Ledger.SaveUsage(ctx, source, shown, name, state)
}

// TestManyFilesOfTheLogAreNotedSeldomAndForgottenOnceGone: what they cover is not.
func TestManyFilesOfTheLogAreNotedSeldomAndForgottenOnceGone(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	w.use = config.Use{Runs: true, AuditFiles: []string{filepath.Join(dir, "*.log")}}
	ref, idle := w.account("ml", "reader", nil), w.account("ml", "idle", nil)
	name := func(daysAgo int) string { return filepath.Join(dir, fmt.Sprintf("%03d.log", daysAgo)) }
	write := func(daysAgo int, lines string) {
		t.Helper()
		if err := os.WriteFile(name(daysAgo), []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const many = 160
	for n := range many {
		write(n, fmt.Sprintf("ada %d\n%s %[1]d\n", n, idOf(ref)))
	}
	write(many, fmt.Sprintf("broken\nada %d\n", many))
	look := func() int {
		t.Helper()
		saved := &savings{Ledger: w.ledger}
		g := w.gatherer()
		g.Ledger = saved
		if report, err := g.Gather(t.Context(), w.accounts, w.records); err != nil || len(report.Failed) > 0 {
			t.Fatalf("%v, %v", report.Failed, err)
		}
		return saved.files
	}
	if n := look(); n > 5 {
		t.Errorf("noted %d times", n)
	}
	before := w.of(idle).Coverage[usage.AuditLog]
	if !before.From.Equal(start.Add(-(many-1)*day)) || len(before.Gaps) > 0 {
		t.Errorf("%+v", before)
	}
	if days := w.of(ref).Traces[usage.AuditLog].Days; len(days) != many || days[usage.DayOf(start)-60] != 1 {
		t.Errorf("%v", days)
	}
	// All are gone.
	for n := range many + 1 {
		if err := os.Remove(name(n)); err != nil {
			t.Fatal(err)
		}
	}
	look()
	body, err := w.ledger.State(t.Context(), "usage/audit_files")
	if err != nil || strings.Contains(string(body), ".log") {
		t.Errorf("%s, %v", body, err)
	}
	// So a file that comes after them leaves no gap, also for those who come late.
	w.platform("ml", "late")
	w.now = start.Add(day)
	write(0, "ada 0\nada -1\n")
	look()
	for _, ref := range []rotation.Ref{idle, "ml/late"} {
		if c := w.of(ref).Coverage[usage.AuditLog]; !c.From.Equal(before.From) || !c.Until.Equal(w.now) || len(c.Gaps) > 0 {
			t.Errorf("%s: %+v", ref, c)
		}
	}
}

// TestWhatFilesShowCountsOnceWhereverTheyAreNoted: entries of a day are often in
// two files.
func TestWhatFilesShowCountsOnceWhereverTheyAreNoted(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	w.use = config.Use{Runs: true, AuditFiles: []string{filepath.Join(dir, "*.log")}}
	ref := w.account("ml", "reader", nil)
	for n := range 120 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.log", n)), []byte(fmt.Sprintf("%s 3\n%[1]s 3\n%[1]s 4\n", idOf(ref))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.whole()
	trace := w.of(ref).Traces[usage.AuditLog]
	if len(trace.Days) != 2 || trace.Days[usage.DayOf(start)-3] != 2 || trace.Days[usage.DayOf(start)-4] != 1 || !trace.Last.Equal(start.Add(-3*24*time.Hour)) {
		t.Errorf("%+v", trace)
	}
}

package ledger

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/keyrota/keyrota/rotation"
)

// evolved is a backend with the migrations of another version of this program.
type evolved struct {
	backend
	steps fstest.MapFS
}

func (e evolved) migrations() (fs.FS, goose.Dialect, error) {
	_, dialect, err := e.backend.migrations()
	return e.steps, dialect, err
}

// stepsUpTo returns the migrations of an earlier version of this program.
func stepsUpTo(t *testing.T, back backend, version string) fstest.MapFS {
	t.Helper()
	steps := fstest.MapFS{}
	all, _, err := back.migrations()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(all, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if name < version+"~" {
			b, err := fs.ReadFile(all, name)
			if err != nil {
				t.Fatal(err)
			}
			steps[name] = &fstest.MapFile{Data: b}
		}
	}
	return steps
}

// later is this program's successor: two migrations more.
func later(t *testing.T, at string) evolved {
	t.Helper()
	back, err := locate(at)
	if err != nil {
		t.Fatal(err)
	}
	steps := stepsUpTo(t, back, "99997")
	steps["99998_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE ledger_more (a TEXT);\n")}
	steps["99999_most.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE ledger_more ADD COLUMN b TEXT;\n")}
	return evolved{back, steps}
}

func connected(t *testing.T, back backend, m mode) *sql.DB {
	t.Helper()
	db, err := back.connect(m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestSeveralProcessesMigrateAtOnce(t *testing.T) {
	anywhere(t, func(t *testing.T, at string) {
		l := openedAt(t, at)
		if _, err := l.Save(t.Context(), "a/one", rotation.Record{Seq: 1}, 0); err != nil {
			t.Fatal(err)
		}
		copies := make([]string, 4)
		var wg sync.WaitGroup
		for i := range copies {
			back := later(t, at)
			db := connected(t, back, readWrite)
			wg.Go(func() {
				var err error
				if copies[i], err = upgrade(t.Context(), back, db, nowOfTest); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		back := later(t, at)
		if older, err := checkSchema(t.Context(), back, connected(t, back, readOnly)); err != nil || older {
			t.Errorf("older %v, %v", older, err)
		}
		slices.Sort(copies)
		if l.Shared() && !slices.Equal(copies, []string{"", "", "", "tables ledger_copy_2_20260301t120000z_… of the database"}) {
			t.Errorf("copies %q", copies)
		}
		// The program before that runs goes on; one that is started refuses
		// what came of it.
		if _, err := l.Save(t.Context(), "a/one", rotation.Record{Seq: 2}, 1, rotation.Event{Kind: rotation.EventOffered}); err != nil {
			t.Error(err)
		}
		for _, open := range []func(context.Context, string, Options) (*Ledger, error){Open, OpenReadOnly} {
			if _, err := open(t.Context(), at, Options{Instance: "prod"}); !errors.Is(err, ErrNewer) {
				t.Errorf("the older program: %v", err)
			}
		}
	})
}

func TestTheTablesOfAServerAreCopiedBeforeTheyChange(t *testing.T) {
	at := SharedServer(t).Fresh(t)
	l := openedAt(t, at)
	if _, err := l.Save(t.Context(), "a/one", rotation.Record{Seq: 1}, 0, rotation.Event{Kind: rotation.EventOffered}); err != nil {
		t.Fatal(err)
	}
	for _, when := range []time.Time{timeOfTest, timeOfTest.Add(time.Second)} {
		if _, err := l.back.backup(t.Context(), l.db, 2, when); err != nil {
			t.Fatal(err)
		}
	}
	for table, want := range map[string]int{"record": 1, "event": 1, "meta": 1, "schema": 2} {
		var n int
		if err := l.db.QueryRowContext(t.Context(), `SELECT count(*) FROM ledger_copy_2_20260301t120001z_`+table).Scan(&n); err != nil || n != want {
			t.Errorf("%s: %d, %v", table, n, err)
		}
	}
	var copies int
	if err := l.db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_tables WHERE tablename LIKE 'ledger_copy%copy%'`).Scan(&copies); err != nil || copies != 0 {
		t.Errorf("%d copies of copies, %v", copies, err)
	}
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	anywhere(t, func(t *testing.T, at string) {
		openedAt(t, at)
		back := later(t, at)
		back.steps["99999_most.sql"].Data = []byte("-- +goose Up\nCREATE TABLE ledger_most (a TEXT);\nALTER TABLE ledger_absent ADD COLUMN b TEXT;\n")
		db := connected(t, back, readWrite)
		if _, err := upgrade(t.Context(), back, db, nowOfTest); err == nil {
			t.Fatal("it did not fail")
		}
		version, known, err := schemaVersion(t.Context(), back, db)
		if err != nil || !known || version != 99998 {
			t.Errorf("version %d, %v, %v; want the last that worked", version, known, err)
		}
		var stayed bool
		if err := (session{db, back}).row(t.Context(), back.hasTable(), "ledger_most").Scan(&stayed); err != nil || stayed {
			t.Errorf("half of it stayed: %v, %v", stayed, err)
		}
	})
}

// TestSavesSurviveAPowerFailure: what cannot be pulled in a test, held by its setting.
func TestSavesSurviveAPowerFailure(t *testing.T) {
	for _, c := range []struct {
		at, ask string
		want    map[string]string
	}{
		{filepath.Join(t.TempDir(), "keyrota.db"), "PRAGMA ", map[string]string{
			"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "10000",
		}},
		{SharedServer(t).Fresh(t), "SHOW ", map[string]string{
			"synchronous_commit": "on", "statement_timeout": "25s", "lock_timeout": "20s", "idle_in_transaction_session_timeout": "10s", "fsync": "on",
		}},
	} {
		l := openedAt(t, c.at)
		for setting, want := range c.want {
			var got string
			if err := l.db.QueryRowContext(t.Context(), c.ask+setting).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %s, want %s (%v)", setting, got, want, err)
			}
		}
	}
}

var timeOfTest = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func nowOfTest() time.Time { return timeOfTest }

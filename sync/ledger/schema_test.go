package ledger

import (
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"
)

// evolved is a backend with the migrations of another version of this program.
type evolved struct {
	*file
	steps fstest.MapFS
}

func (e evolved) migrations() (fs.FS, goose.Dialect, error) {
	return e.steps, goose.DialectSQLite3, nil
}

// stepsUpTo returns the migrations of an earlier version of this program.
func stepsUpTo(t *testing.T, version string) fstest.MapFS {
	t.Helper()
	steps := fstest.MapFS{}
	all, err := migrations.ReadDir("migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Name() < version+"~" {
			b, err := migrations.ReadFile("migrations/sqlite/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			steps[e.Name()] = &fstest.MapFile{Data: b}
		}
	}
	return steps
}

// later is this program's successor: two migrations more.
func later(t *testing.T, path string) evolved {
	t.Helper()
	steps := stepsUpTo(t, "99997")
	steps["99998_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE ledger_more (a TEXT) STRICT;\n")}
	steps["99999_most.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE ledger_more ADD COLUMN b TEXT;\n")}
	return evolved{&file{path: path}, steps}
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

func made(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyrota.db")
	l, err := Open(t.Context(), path, Options{Instance: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSeveralProcessesMigrateAtOnce(t *testing.T) {
	path := made(t)
	var wg sync.WaitGroup
	for range 4 {
		back := later(t, path)
		db := connected(t, back, readWrite)
		wg.Go(func() {
			if err := migrate(t.Context(), back, db); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	back := later(t, path)
	if older, err := checkSchema(t.Context(), back, connected(t, back, readOnly)); err != nil || older {
		t.Errorf("older %v, %v", older, err)
	}
	// And the program before it refuses what came of it.
	if _, err := OpenReadOnly(t.Context(), path, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("the older program: %v", err)
	}
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	back := later(t, made(t))
	back.steps["99999_most.sql"].Data = []byte("-- +goose Up\nCREATE TABLE ledger_most (a TEXT) STRICT;\nALTER TABLE ledger_absent ADD COLUMN b TEXT;\n")
	db := connected(t, back, readWrite)
	if err := migrate(t.Context(), back, db); err == nil {
		t.Fatal("it did not fail")
	}
	at, known, err := schemaVersion(t.Context(), back, db)
	if err != nil || !known || at != 99998 {
		t.Errorf("version %d, %v, %v; want the last that worked", at, known, err)
	}
	var name string
	if err := db.QueryRowContext(t.Context(), `SELECT name FROM sqlite_schema WHERE name = 'ledger_most'`).Scan(&name); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("half of it stayed: %q, %v", name, err)
	}
}

// TestSavesSurviveAPowerFailure: what cannot be pulled in a test, held by its setting.
func TestSavesSurviveAPowerFailure(t *testing.T) {
	db := connected(t, &file{path: made(t)}, readWrite)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", pragma, got, want, err)
		}
	}
}

var timeOfTest = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func nowOfTest() time.Time { return timeOfTest }

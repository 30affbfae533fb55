package ledger

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
)

// later is this program's successor: two migrations more.
func later(t *testing.T) fstest.MapFS {
	t.Helper()
	first, err := migrations.ReadFile("migrations/00001_ledger.sql")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{
		"00001_ledger.sql": {Data: first},
		"00002_more.sql":   {Data: []byte("-- +goose Up\nCREATE TABLE ledger_more (a TEXT) STRICT;\n")},
		"00003_most.sql":   {Data: []byte("-- +goose Up\nALTER TABLE ledger_more ADD COLUMN b TEXT;\n")},
	}
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
	path, steps := made(t), later(t)
	var wg sync.WaitGroup
	for range 4 {
		db, err := connect(path, readWrite)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		wg.Go(func() {
			if err := migrate(t.Context(), db, path, steps); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	db, err := connect(path, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if older, err := checkSchema(t.Context(), db, path, steps); err != nil || older {
		t.Errorf("older %v, %v", older, err)
	}
	// And the program before it refuses what came of it.
	if _, err := OpenReadOnly(t.Context(), path, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("the older program: %v", err)
	}
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	path, steps := made(t), later(t)
	steps["00003_most.sql"].Data = []byte("-- +goose Up\nCREATE TABLE ledger_most (a TEXT) STRICT;\nALTER TABLE ledger_absent ADD COLUMN b TEXT;\n")
	db, err := connect(path, readWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := migrate(t.Context(), db, path, steps); err == nil {
		t.Fatal("it did not fail")
	}
	at, known, err := schemaVersion(t.Context(), db)
	if err != nil || !known || at != 2 {
		t.Errorf("version %d, %v, %v; want the last that worked, 2", at, known, err)
	}
	var name string
	if err := db.QueryRowContext(t.Context(), `SELECT name FROM sqlite_schema WHERE name = 'ledger_most'`).Scan(&name); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("half of it stayed: %q, %v", name, err)
	}
}

// TestSavesSurviveAPowerFailure: what cannot be pulled in a test, held by its setting.
func TestSavesSurviveAPowerFailure(t *testing.T) {
	db, err := connect(made(t), readWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", pragma, got, want, err)
		}
	}
}

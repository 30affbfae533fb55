package ledger

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
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
		if l.Shared() && !slices.Equal(copies, []string{"", "", "", "tables ledger_copy_3_20260301t120000z_… of the database"}) {
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

// TestGoingBackOnAServer does what the package's documentation says: the copy
// of the tables becomes the ledger, and can be migrated again.
func TestGoingBackOnAServer(t *testing.T) {
	at := SharedServer(t).Fresh(t)
	l := openedAt(t, at)
	save := func(prev Revision) {
		t.Helper()
		if _, err := l.Save(t.Context(), "a/one", rotation.Record{}, prev, rotation.Event{Kind: rotation.EventOffered}); err != nil {
			t.Fatal(err)
		}
	}
	save(0)
	back := later(t, at)
	if _, err := upgrade(t.Context(), back, l.db, nowOfTest); err != nil {
		t.Fatal(err)
	}
	save(1) // is lost
	afterwards := func() time.Time { return timeOfTest.Add(time.Second) }
	if _, err := l.back.backup(t.Context(), l.db, 99999, afterwards()); err != nil {
		t.Fatal(err) // a second copy, and none of the first
	}

	const prefix = "ledger_copy_3_20260301t120000z_"
	var tables []string
	err := session{l.db, l.back}.each(t.Context(), func(scan func(...any) error) error {
		var table string
		err := scan(&table)
		tables = append(tables, table)
		return err
	}, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'ledger_schema' ORDER BY tablename`)
	if err != nil {
		t.Fatal(err)
	}
	statements := []string{`DELETE FROM ledger_schema WHERE version_id > 3`}
	for _, table := range tables {
		if !strings.Contains(table, "copy") {
			statements = append(statements, `DROP TABLE `+table)
		}
	}
	for _, table := range tables {
		if name, ok := strings.CutPrefix(table, prefix); ok {
			statements = append(statements, `ALTER TABLE `+table+` RENAME TO ledger_`+name)
		}
		if strings.Count(table, "copy") > 1 {
			t.Errorf("a copy of a copy: %s", table)
		}
	}
	if len(statements) < 10 {
		t.Fatalf("%q", statements)
	}
	if _, err := l.db.ExecContext(t.Context(), strings.Join(append(append([]string{"BEGIN"}, statements...), "COMMIT"), "; "), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}

	l = openedAt(t, at)
	if head, err := l.Verify(t.Context()); err != nil || head.Seq != 1 {
		t.Errorf("%v, %v", head, err)
	}
	save(1)
	if granted, err := l.Lease(t.Context(), "a", "b", time.Minute); err != nil || !granted {
		t.Error(granted, err)
	}
	if _, err := upgrade(t.Context(), back, l.db, afterwards); err != nil {
		t.Error(err)
	}
	save(2)
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

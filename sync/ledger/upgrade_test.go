package ledger

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/rotation"
)

// predecessor is a program of schema version 1, on SQLite: its statements, as
// they were.
type predecessor struct{ db *sql.DB }

func (p predecessor) save(ctx context.Context, ref string, prev int64, body string) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	query, args := `UPDATE ledger_record SET revision = ?, updated = ?, body = ? WHERE ref = ? AND revision = ?`,
		[]any{prev + 1, "2026-03-01T12:00:00Z", body, ref, prev}
	if prev == 0 {
		query, args = `INSERT INTO ledger_record (ref, revision, updated, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			[]any{ref, 1, "2026-03-01T12:00:00Z", body}
	}
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrConflict)
	}
	var head Head
	var sum []byte
	if err := tx.QueryRowContext(ctx, `SELECT head_seq, head_hash FROM ledger_meta`).Scan(&head.Seq, &sum); err != nil {
		return err
	}
	event, err := encodeEvent(StoredEvent{Seq: head.Seq + 1, Ref: rotation.Ref(ref), Revision: Revision(prev + 1), Event: rotation.Event{Kind: rotation.EventOffered}})
	if err != nil {
		return err
	}
	next := Hash(sum).next(event)
	if _, err := tx.ExecContext(ctx, `INSERT INTO ledger_event (seq, ref, body, hash) VALUES (?, ?, ?, ?)`,
		head.Seq+1, ref, string(event), next[:]); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE ledger_meta SET head_seq = ?, head_hash = ?`, head.Seq+1, next[:]); err != nil {
		return err
	}
	return tx.Commit()
}

func (p predecessor) load(ctx context.Context, ref string) (revision int64, err error) {
	var body []byte
	err = p.db.QueryRowContext(ctx, `SELECT revision, body FROM ledger_record WHERE ref = ?`, ref).Scan(&revision, &body)
	return revision, err
}

// ofVersion1 makes a ledger as the program before did.
func ofVersion1(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyrota.db")
	back := &file{path: path}
	_, err := back.place(path, "create it", func(draft string) error {
		of := evolved{&file{path: draft}, stepsUpTo(t, back, "00001")}
		db, err := of.connect(readWrite)
		if err != nil {
			return err
		}
		return errors.Join(migrate(t.Context(), of, db),
			begin(t.Context(), session{db, of}, "anidof16letters0", "prod", timeOfTest), db.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTheProgramBeforeGoesOnWhileItIsReplaced: its engine runs while the new
// one migrates the ledger that both save to.
func TestTheProgramBeforeGoesOnWhileItIsReplaced(t *testing.T) {
	path := ofVersion1(t)
	before := predecessor{connected(t, &file{path: path}, readWrite)}
	if err := before.save(t.Context(), "a/one", 0, `{"v":1,"seq":1}`); err != nil {
		t.Fatal(err)
	}

	l, err := Open(t.Context(), path, Options{Instance: "prod", Now: nowOfTest})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if rev, err := before.load(t.Context(), "a/one"); err != nil || rev != 1 {
		t.Errorf("it loads revision %d, %v", rev, err)
	}
	if err := before.save(t.Context(), "a/one", 1, `{"v":1,"seq":2}`); err != nil {
		t.Fatal(err)
	}
	if err := before.save(t.Context(), "b/two", 0, `{"v":1,"seq":1}`); err != nil {
		t.Fatal(err)
	}
	// What each saves, the other sees, and their chain is one.
	if _, err := l.Save(t.Context(), "a/one", rotation.Record{Seq: 3}, 2, rotation.Event{Kind: rotation.EventOffered}); err != nil {
		t.Fatal(err)
	}
	if rev, err := before.load(t.Context(), "a/one"); err != nil || rev != 3 {
		t.Errorf("it loads revision %d, %v", rev, err)
	}
	if err := before.save(t.Context(), "a/one", 2, `{"v":1}`); !errors.Is(err, ErrConflict) {
		t.Errorf("it saved over a newer revision: %v", err)
	}
	if err := before.save(t.Context(), "a/one", 3, `{"v":1,"seq":4}`); err != nil {
		t.Fatal(err)
	}
	if head, err := l.Verify(t.Context()); err != nil || head.Seq != 5 {
		t.Errorf("%v, %v", head, err)
	}
}

func TestALedgerIsCopiedBeforeItsSchemaChanges(t *testing.T) {
	path := ofVersion1(t)
	before := predecessor{connected(t, &file{path: path}, readWrite)}
	if err := before.save(t.Context(), "a/one", 0, `{"v":1,"seq":1}`); err != nil {
		t.Fatal(err)
	}
	_, err := OpenReadOnly(t.Context(), path, Options{})
	if !errors.Is(err, ErrOlder) {
		t.Errorf("reading it: %v", err)
	}
	l, err := Open(t.Context(), path, Options{Instance: "prod", Now: nowOfTest})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	copied := l.Copied()
	if copied != path+".schema-1.20260301T120000Z" {
		t.Fatalf("copied to %q", copied)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	old := predecessor{connected(t, &file{path: copied}, readWrite)}
	if rev, err := old.load(t.Context(), "a/one"); err != nil || rev != 1 {
		t.Errorf("the copy has revision %d, %v", rev, err)
	}
	if at, _, err := schemaVersion(t.Context(), &file{path: copied}, old.db); err != nil || at != 1 {
		t.Errorf("the copy is of version %d, %v", at, err)
	}
	again, err := Open(t.Context(), path, Options{Instance: "prod", Now: nowOfTest})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Copied() != "" {
		t.Errorf("copied again, to %q", again.Copied())
	}
}

// TestMigrationsOnlyAdd holds the rule of this package's documentation, by the
// words of every migration after the first.
func TestMigrationsOnlyAdd(t *testing.T) {
	steps := stepsUpTo(t, &file{}, "99999")
	maps.Copy(steps, stepsUpTo(t, &server{}, "99999"))
	for name, step := range steps {
		for line := range strings.SplitSeq(string(step.Data), "\n") {
			code, _, _ := strings.Cut(line, "--")
			for _, word := range []string{"DROP ", "RENAME ", "UPDATE ", "DELETE ", "ALTER COLUMN"} {
				if strings.Contains(strings.ToUpper(code), word) {
					t.Errorf("%s: %s", name, line)
				}
			}
			if strings.Contains(code, "ADD COLUMN") && strings.Contains(code, "NOT NULL") && !strings.Contains(code, "DEFAULT") {
				t.Errorf("%s: the program before does not fill this: %s", name, line)
			}
		}
	}
}

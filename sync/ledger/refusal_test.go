package ledger_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// filled returns the path of a closed ledger of several pages.
func filled(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	l, err := ledger.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	rev := ledger.Revision(0)
	for range 50 {
		rev = save(t, l, ref, rotation.Record{Parked: "words"}, rev, rotation.Event{Kind: rotation.EventParked, Words: string(bytes.Repeat([]byte("w"), 500))})
	}
	closed(t, l)
	return path
}

func rewrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedFileIsRefusedAndLeftAsItIs(t *testing.T) {
	const page = 4096
	for name, damage := range map[string]func([]byte) []byte{
		"text":          func([]byte) []byte { return bytes.Repeat([]byte("instance: prod\n"), 400) },
		"empty":         func([]byte) []byte { return nil },
		"zeros":         func(b []byte) []byte { return make([]byte, len(b)) },
		"header lost":   func(b []byte) []byte { copy(b, make([]byte, 100)); return b },
		"half a file":   func(b []byte) []byte { return b[:len(b)/2] },
		"cut in a page": func(b []byte) []byte { return b[:page+100] },
		"its end lost": func(b []byte) []byte {
			copy(b[len(b)-3*page:], bytes.Repeat([]byte{0xa5}, 3*page))
			return b
		},
		"pages lost": func(b []byte) []byte {
			copy(b[page:], bytes.Repeat([]byte{0xa5}, len(b)-page))
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			rewrite(t, path, damage)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ledger.Open(t.Context(), path, options())
			refused(t, err, ledger.ErrDamaged, path, "restore a copy", "empty ledger", "labels of keys")
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestADamagedFileIsRefusedWhereItIsRead(t *testing.T) {
	const page = 4096
	path := filled(t)
	rewrite(t, path, func(b []byte) []byte {
		copy(b[3*page:], bytes.Repeat([]byte{0xa5}, len(b)-3*page))
		return b
	})
	l, err := ledger.OpenReadOnly(t.Context(), path, ledger.Options{})
	if err == nil {
		defer closed(t, l)
		if _, err = l.List(t.Context()); err == nil {
			_, err = l.Events(t.Context(), 0, 0, "")
		}
	}
	refused(t, err, ledger.ErrDamaged, "restore a copy")
}

func TestALogWithoutItsLedgerIsRefused(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path+"-wal", []byte("of the ledger that was moved away"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.Open(t.Context(), path, options())
	refused(t, err, ledger.ErrDamaged, "keyrota.db-wal", "move all three away")
}

func TestSomeoneElsesDatabaseIsRefused(t *testing.T) {
	path := filled(t)
	l := openAt(t, path)
	for _, drop := range []string{"ledger_schema", "ledger_record", "ledger_event", "ledger_meta"} {
		if _, err := l.DB().ExecContext(t.Context(), "ALTER TABLE "+drop+" RENAME TO other_"+drop); err != nil {
			t.Fatal(err)
		}
	}
	_, err := ledger.Open(t.Context(), path, options())
	refused(t, err, ledger.ErrDamaged, "a database of something else")
}

func TestAnotherInstanceIsRefusedByBothNames(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		openAt(t, at)
		o := options()
		o.Instance = "staging"
		_, err := ledger.Open(t.Context(), at, o)
		refused(t, err, ledger.ErrInstance, `"prod"`, `"staging"`)
		_, err = ledger.OpenReadOnly(t.Context(), at, o)
		refused(t, err, ledger.ErrInstance, `"prod"`, `"staging"`)
	})
}

func TestANewerLedgerIsRefused(t *testing.T) {
	path := filled(t)
	l := openAt(t, path)
	if _, err := l.DB().ExecContext(t.Context(), `INSERT INTO ledger_schema (version_id, is_applied) VALUES (99, 1)`); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.Open(t.Context(), path, options())
	refused(t, err, ledger.ErrNewer, "version 99", "version of keyrota that wrote it")
	_, err = ledger.OpenReadOnly(t.Context(), path, options())
	refused(t, err, ledger.ErrNewer, "version 99")
}

func TestARecordThatCannotBeReadHoldsBackNoOther(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		save(t, l, "a/one", rotation.Record{Seq: 1}, 0)
		rev := save(t, l, "b/two", rotation.Record{Seq: 2}, 0)
		if _, err := l.DB().ExecContext(t.Context(), `UPDATE ledger_record SET body = '{"v":4,"quorum":3}' WHERE ref = 'a/one'`); err != nil {
			t.Fatal(err)
		}
		_, _, err := l.Load(t.Context(), "a/one")
		refused(t, err, ledger.ErrNewer, "a/one", "form 4")
		err = l.Update(t.Context(), "a/one", raiseSeq)
		refused(t, err, ledger.ErrNewer, "a/one")

		list, err := l.List(t.Context())
		refused(t, err, ledger.ErrNewer, "a/one")
		if len(list) != 1 || list[0].Ref != "b/two" {
			t.Errorf("the others: %v", list)
		}
		save(t, l, "b/two", rotation.Record{Seq: 3}, rev)
	})
}

func TestAFullDiskSavesNothingAndSaysSo(t *testing.T) {
	l := openAt(t, newPath(t))
	rev := save(t, l, ref, rotation.Record{Seq: 1}, 0)
	l.DB().SetMaxOpenConns(1) // the limit below holds for one connection
	if _, err := l.DB().ExecContext(t.Context(), `PRAGMA max_page_count = 1`); err != nil {
		t.Fatal(err)
	}
	long := rotation.Event{Kind: rotation.EventParked, Words: string(bytes.Repeat([]byte("w"), 100_000))}
	_, err := l.Save(t.Context(), ref, rotation.Record{Seq: 2}, rev, long)
	refused(t, err, ledger.ErrFull, "nothing of this was saved", "Free some space")
	if _, err := l.DB().ExecContext(t.Context(), `PRAGMA max_page_count = 100000`); err != nil {
		t.Fatal(err)
	}
	if rec, now, err := l.Load(t.Context(), ref); err != nil || rec.Seq != 1 || now != rev {
		t.Errorf("seq %d, revision %d, %v", rec.Seq, now, err)
	}
	save(t, l, ref, rotation.Record{Seq: 2}, rev, long)
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOpenNeedsAFileAndAnInstance(t *testing.T) {
	for name, c := range map[string]struct{ path, instance string }{
		"no path":      {"", "prod"},
		"no instance":  {newPath(t), ""},
		"a directory":  {t.TempDir(), "prod"},
		"below a file": {filepath.Join(filled(t), "keyrota.db"), "prod"},
	} {
		if l, err := ledger.Open(t.Context(), c.path, ledger.Options{Instance: c.instance}); err == nil {
			closed(t, l)
			t.Errorf("%s: opened", name)
		}
	}
}

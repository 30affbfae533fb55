package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

func TestOneUnreadableRecordHidesNoOther(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keyrota.yaml")
	text := `
instance: test
ledger: ledger.db
stores: {files: {type: file, path: secrets}}
accounts:
  - {name: damaged-one, team: ml, deliver: files:a}
  - {name: readable-one, team: ml, deliver: files:b}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), filepath.Join(dir, "ledger.db"), ledger.Options{Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []rotation.Ref{"ml/damaged-one", "ml/readable-one"} {
		if _, err := l.Save(t.Context(), ref, rotation.Record{Account: "u", Seq: 7}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.DB().ExecContext(t.Context(), `UPDATE ledger_record SET body = 'damaged' WHERE ref = 'ml/damaged-one'`); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	a := newApp()
	a.stdout, a.stderr = &out, &told
	if code := run([]string{"status", "--offline", "--config", path}, a); code != 0 {
		t.Fatalf("exit code %d: %s", code, told.String())
	}
	if !strings.Contains(out.String(), "ml/readable-one") || !strings.Contains(told.String(), "the record of ml/damaged-one") {
		t.Errorf("printed %s\nand said %s", out.String(), told.String())
	}
}

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/keyrota/keyrota/providers/pace"
)

// TestToldToEndBeforeItIsUp: for a service manager that is no failure.
func TestToldToEndBeforeItIsUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "keyrota.yaml")
	if err := os.WriteFile(config, []byte(`
instance: test
ledger: `+filepath.Join(dir, "ledger.db")+`
listen: off
wandb: {url: "http://127.0.0.1:9", organization: acme}
stores: {files: {type: file, path: `+dir+`}}
accounts:
  - {name: nightly-eval, team: ml, owner: ml@acme.example, purpose: test, deliver: "files:eval"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	a := &app{
		stdin: &bytes.Buffer{}, stdout: &printed, stderr: &printed, now: wallClock, paces: &pace.Paces{},
		env: func(string) (string, bool) { return "", false },
	}
	root := newRoot(a)
	root.SetArgs([]string{"run", "--config", config})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := root.ExecuteContext(ctx); err != nil {
		t.Errorf("%v\n%s", err, &printed)
	}
}

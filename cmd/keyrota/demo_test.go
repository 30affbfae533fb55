package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/examples"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// canary is in every key of a demo of these tests.
const canary = "CANARY"

// newTestDemo returns a demo as a user starts it, but for its patience, that
// writes to what it returns.
func newTestDemo(t *testing.T, dir string) (d *demo, stdout, stderr *bytes.Buffer) {
	t.Helper()
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	a := &app{
		stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, output: outputJSON,
		env: func(string) (string, bool) { return "", false }, now: time.Now,
	}
	return &demo{app: a, dir: dir, pace: 300 * time.Millisecond, keyMarker: canary}, stdout, stderr
}

func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "play")
	d, stdout, stderr := newTestDemo(t, dir)
	if err := d.run(t.Context()); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, demoLog))
		t.Fatalf("%v\n%s\n%s", err, stderr, log)
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	var got demoResult
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatalf("the last line is no JSON: %v\n%s", err, stdout)
	}
	want := demoResult{Accounts: 3, Provisioned: 2, Adopted: 1, Deliveries: 9, Rotations: 3, Healed: 1, Revoked: 3, Dir: dir}
	if got.Reads < 4*10 {
		t.Errorf("%d reads are too few to say anything", got.Reads)
	}
	got.Reads, got.Seconds = 0, 0
	if !slices.Equal(got.Problems, want.Problems) || got.Failures != 0 {
		t.Errorf("%d reads failed, problems: %q", got.Failures, got.Problems)
	}
	got.Problems = nil
	if a, b := mustJSON(t, got), mustJSON(t, want); a != b {
		t.Errorf("the demo came to\n%s\nwant\n%s\n%s", a, b, stderr)
	}
	d.noKeyBut(t, stdout, stderr)
	d.playOn(t)
	d.noKeyBut(t, stdout, stderr)
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// noKeyBut looks for keys everywhere but where they belong: in the secrets, and
// the admin's in the file that the configuration refers to.
func (d *demo) noKeyBut(t *testing.T, outputs ...*bytes.Buffer) {
	t.Helper()
	keys := []string{canary}
	belongs := []string{d.stage.path(demoAdminKey)}
	for _, account := range d.stage.config.Accounts {
		for _, at := range account.Deliver {
			belongs = append(belongs, d.stage.secret(at))
			key, err := keyIn(at, mustRead(t, d.stage.secret(at)))
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key.Expose())
		}
	}
	found := 0
	err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		holds := slices.ContainsFunc(keys, func(key string) bool { return bytes.Contains(text, []byte(key)) })
		switch {
		case holds && slices.Contains(belongs, path):
			found++
		case holds:
			t.Errorf("%s holds a key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found != len(belongs) {
		t.Errorf("of %d files that hold a key %d were seen to: nothing was looked for", len(belongs), found)
	}
	for _, output := range outputs {
		for _, key := range keys {
			if strings.Contains(output.String(), key) {
				t.Error("a key was printed")
			}
		}
	}
}

// playOn types what the demo says to try next, and rotates.
func (d *demo) playOn(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	listening, words := io.Pipe()
	server := begin(ctx, func(ctx context.Context) error {
		a := *d.stage.app
		a.stdout = words
		root := newRoot(&a)
		seed := d.stage.path(demoSandbox)
		root.SetArgs([]string{"sandbox", "--listen", d.stage.address, "--seed", seed, "--state", seed})
		return words.CloseWithError(root.ExecuteContext(ctx))
	})
	line := make([]byte, 100)
	if n, err := listening.Read(line); err != nil || string(line[:n]) != "listening on "+d.stage.url+"\n" {
		t.Fatalf("the sandbox says %q, %v", line[:n], err)
	}
	type standing struct {
		Accounts []struct {
			Account string
			Agree   bool
			Edition int
		}
	}
	status := func() (s standing) {
		t.Helper()
		text := d.keyrota(ctx, t, "status", "--output", "json")
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return s
	}
	d.keyrota(ctx, t, "sync")
	for _, a := range status().Accounts {
		if !a.Agree || a.Edition != 2 {
			t.Errorf("after the demo, %s agrees: %v, edition %d", a.Account, a.Agree, a.Edition)
		}
	}
	d.keyrota(ctx, t, "rotate", "--yes", "ml/nightly-eval")
	if a := status().Accounts[1]; !a.Agree || a.Edition != 3 {
		t.Errorf("after a rotation, %s agrees: %v, edition %d", a.Account, a.Agree, a.Edition)
	}
	if err := server.end(); err != nil {
		t.Error(err)
	}
}

func (d *demo) keyrota(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	a := *d.app
	var stdout, stderr bytes.Buffer
	a.stdout, a.stderr, a.output = &stdout, &stderr, ""
	root := newRoot(&a)
	root.SetArgs(append([]string{"--config", d.stage.path(demoConfig)}, args...))
	if err := root.ExecuteContext(ctx); err != nil {
		t.Fatalf("keyrota %v: %v\n%s%s", args, err, &stdout, &stderr)
	}
	return stdout.String()
}

// TestDemoInterrupted: what was begun is ended, and the port is free again.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	d, _, stderr := newTestDemo(t, t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	d.stderr = watched{stderr, "delivered", interrupt}
	err := d.run(ctx)
	if err == nil || !strings.Contains(err.Error(), "interrupted") || !strings.Contains(err.Error(), d.dir) {
		t.Fatalf("%v\n%s", err, stderr)
	}
	l, err := net.Listen("tcp", d.stage.address)
	if err != nil {
		t.Fatalf("the sandbox still runs: %v", err)
	}
	_ = l.Close()
}

// watched does something when words are written.
type watched struct {
	io.Writer
	words string
	then  func()
}

func (w watched) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.words)) {
		w.then()
	}
	return w.Writer.Write(p)
}

func TestDemoLeavesAFullDirectoryAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d, _, _ := newTestDemo(t, dir)
	if err := d.run(t.Context()); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Fatal(err)
	}
	if there, _ := os.ReadDir(dir); len(there) != 1 {
		t.Errorf("it wrote into the directory: %v", there)
	}
}

// TestDemoFailsWithItsReaders: readers that find no key that works are counted,
// and the demo does not come out as promised.
func TestDemoFailsWithItsReaders(t *testing.T) {
	t.Parallel()
	d, _, _ := newTestDemo(t, t.TempDir())
	d.screen = newScreen(d.app)
	var err error
	if d.stage, err = openStage(t.Context(), d.app, d.dir, canary); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.stage.close() }()
	d.journal, d.readers = &journal{ledger: d.stage.ledger}, newReaders(d.stage)
	account := d.stage.config.Accounts[0]
	for _, at := range account.Deliver {
		if err := d.stage.typeIn(at, providers.NewSecret(strings.Repeat("dead-", 10))); err != nil {
			t.Fatal(err)
		}
		d.readers.start(t.Context(), account, at)
	}
	d.readers.stop()
	outcome, err := d.examine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r := outcome.result; r.Reads != 2 || r.Failures != 2 {
		t.Errorf("%d reads, %d failures", r.Reads, r.Failures)
	}
	if err := d.conclude(outcome); err == nil || !strings.Contains(err.Error(), "2 of 2 reads failed; the first: the reader of files:ml/ci-training") {
		t.Error(err)
	}
}

func TestKeyInEveryFormOfTheQuickstart(t *testing.T) {
	for _, c := range []struct {
		at         config.Destination
		text, want string
	}{
		{config.Destination{Field: "WANDB_API_KEY"}, `{"WANDB_API_KEY":"k","other":"x"}`, "k"},
		{config.Destination{Format: config.FormatJSON}, `{"WANDB_API_KEY":"k","WANDB_ENTITY":"ml"}`, "k"},
		{config.Destination{Format: config.FormatTemplate}, "WANDB_ENTITY=ml\nWANDB_API_KEY=k\n", "k"},
		{config.Destination{Format: config.FormatRaw}, "k", "k"},
		{config.Destination{Field: "WANDB_API_KEY"}, "oops", ""},
		{config.Destination{Format: config.FormatTemplate}, "oops", ""},
	} {
		got, err := keyIn(c.at, []byte(c.text))
		if got.Expose() != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v", c.at, got.Expose(), err)
		}
	}
}

// TestQuickstart does what examples/quickstart/README.md says, up to the plan.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "examples", "quickstart"))); err != nil {
		t.Fatal(err)
	}
	admin := canary + strings.Repeat("-admin", 10)
	if err := os.WriteFile(filepath.Join(dir, demoAdminKey), []byte(admin), 0o600); err != nil {
		t.Fatal(err)
	}
	text := mustRead(t, filepath.Join(dir, demoSandbox))
	seed, err := sandbox.ParseSeed(bytes.Replace(text, []byte("generate"), fmt.Appendf(nil, "sha256:%x", sha256.Sum256([]byte(admin))), 1))
	if err != nil {
		t.Fatal(err)
	}
	server, err := sandbox.New(seed, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	defer web.Close()
	var stdout, stderr bytes.Buffer
	a := &app{
		stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: time.Now,
		env: func(name string) (string, bool) { return strings.TrimPrefix(web.URL, "http://"), name == "SANDBOX" },
	}
	root := newRoot(a)
	root.SetArgs([]string{"plan", "--config", filepath.Join(dir, demoConfig), "--output", "json"})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var plan struct {
		Steps []struct{ Account, Step, Destination string }
	}
	if err := json.Unmarshal(stdout.Bytes(), &plan); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	var got []string
	for _, s := range plan.Steps {
		got = append(got, strings.TrimSpace(s.Account+" "+s.Step+" "+s.Destination))
	}
	want := []string{
		"acme//inventory park",
		"ml/ci-training provision",
		"ml/ci-training adopt",
		"ml/ci-training deliver files:ml/ci-training#WANDB_API_KEY",
		"ml/ci-training deliver files:ml/ci-training.env",
		"ml/nightly-eval provision",
		"ml/nightly-eval adopt",
		"ml/nightly-eval deliver files:ml/nightly-eval",
	}
	if !slices.Equal(got, want) {
		t.Errorf("planned\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := bytes.Count(mustRead(t, filepath.Join(dir, demoConfig)), []byte(examples.QuickstartServer)); n != 1 {
		t.Errorf("the configuration names the sandbox's address as %s %d times: the demo puts its own there", examples.QuickstartServer, n)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

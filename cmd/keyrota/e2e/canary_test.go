package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// fourAccounts deliver in every form, to a real Vault and to files.
const fourAccounts = `
  - name: nightly-eval
    team: ml-platform
    purpose: nightly evaluation
    deliver: vault:${PREFIX}/eval#WANDB_API_KEY
  - name: ci-training
    team: ml-platform
    purpose: training
    deliver:
      - {store: vault, path: "${PREFIX}/training", format: json}
      - files:training
  - name: report-builder
    team: ml-platform
    purpose: reports
    deliver:
      store: vault
      path: ${PREFIX}/report
      field: netrc
      template: |
        machine api.wandb.ai
          login user
          password {{ .WANDB_API_KEY }}
  - name: model-registry
    team: ml-platform
    purpose: the registry
    deliver: vault:${PREFIX}/registry#WANDB_API_KEY
`

// echo is what servers are made to say: a key, as if they repeated what they
// were sent.
const echo = "echo-CANARY-0123456789-0123456789-0123456789-0123456789"

// TestNoKeyAnywhereElse lives through everything that a key can meet: first
// keys by hand, from files and from stores, rotations, hand edits, servers that
// repeat what they were sent, kills, a daemon at its most talkative. Whatever
// the program writes or shows of itself is searched: the stores alone may hold
// a key.
func TestNoKeyAnywhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.KeysHashed)
	h := newHunter(w, filepath.Join(w.dir, "secrets"), t.TempDir())
	w.gate.look.set(func(*http.Request, graphRequest) { h.processes() }) // one waits with a key in memory
	siem := talkativeSIEM(t, w, h)
	w.configure("overlap: 1s, every: 90d", fourAccounts)
	w.put("eval", foreign)

	w.run(3, "sync")
	firstKeys(t, w, h.theirs)
	w.settle(t)
	handEdits(t, w)
	badKeys(t, w, h.theirs)
	talkativeServers(t, w)
	talkativeDaemon(t, w, h)
	everyCommand(t, w)
	emergencies(t, w, h.theirs)
	siem()
	h.output()
	h.directory(w.dir)
	t.Log(h.looked)
	for _, kind := range []string{"standard output", "standard error", "arguments", "environment", "open file", "file", "HTTP", "webhook"} {
		if h.looked[kind] == 0 {
			t.Errorf("nothing was looked at: %s", kind)
		}
	}
	// And yet the keys were there.
	for _, secret := range []string{"eval", "training", "report", "registry"} {
		fields, err := w.secret(secret)
		if _, at := holdsCanary(fmt.Sprintf("%s", fields)); at < 0 {
			t.Errorf("%s holds no canary: %v", secret, err)
		}
	}
	file, err := os.ReadFile(filepath.Join(h.stores, "training"))
	if _, at := holdsCanary(string(file)); at < 0 {
		t.Errorf("the file holds no canary: %v", err)
	}
}

// siemToken is a credential of the program's own, which it is given by its
// environment.
const siemToken = "siem-CANARYSIEM-0123456789-0123456789-0123456789"

// talkativeSIEM takes the program's events, which are also written to a file. It
// refuses some of them, repeating what it was sent. What is returned checks that
// it got them all.
func talkativeSIEM(t *testing.T, w *world, h *hunter) (all func()) {
	t.Helper()
	var mu sync.Mutex
	asked, got := 0, map[int64]bool{}
	siem := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked%7 == 3 {
			http.Error(out, fmt.Sprint(r.Header, echo, string(body)), []int{400, 403, 500, 502}[asked/7%4])
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+siemToken {
			t.Errorf("the program does not say who it is")
		}
		r.Header.Del("Authorization")
		h.hunt("webhook", "an event", fmt.Sprint(r.Header)+string(body))
		for line := range strings.Lines(string(body)) {
			var e struct{ Event struct{ Sequence int64 } }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Error(err)
			}
			got[e.Event.Sequence] = true
		}
	}))
	t.Cleanup(siem.Close)
	w.env = append(w.env, "SIEM="+siem.URL, "SIEM_TOKEN="+siemToken)
	w.more = `events:
  - {name: siem, webhook: "${SIEM}/in", bearer: env:SIEM_TOKEN, sign: env:SIEM_TOKEN, batch: 20}
  - {file: events.jsonl, format: cloudevents}`
	return func() {
		var head int64
		var last time.Time
		// Some are refused; and a process that was killed has the lease for a while.
		poll(t, endsWithin, "the SIEM to get all events", func() bool {
			if time.Since(last) < 2*time.Second {
				return false
			}
			last = time.Now()
			w.try("sync") // an account may wait for a person
			head = decode[struct{ Head struct{ Seq int64 } }](t, w.run(0, "history", "-o", "json")).Head.Seq
			mu.Lock()
			defer mu.Unlock()
			for seq := range head {
				if !got[seq+1] {
					return false
				}
			}
			return true
		})
		h.file("file", filepath.Join(w.dir, "events.jsonl"))
		text, err := os.ReadFile(filepath.Join(w.dir, "events.jsonl"))
		if n := int64(strings.Count(string(text), "\n")); err != nil || n < head {
			t.Errorf("%d events are in the file, of %d: %v", n, head, err)
		}
	}
}

// newKey makes a key as a person does.
func (w *world) newKey(account string) string {
	w.t.Helper()
	_, value, err := w.platform.CreateKey(account, "made by hand")
	if err != nil {
		w.t.Fatal(err)
	}
	return value
}

// firstKeys brings keys in each of the ways there are.
func firstKeys(t *testing.T, w *world, dir string) {
	t.Helper()
	w.runWith(strings.NewReader(w.newKey("nightly-eval")), 0, "adopt", "--yes", "nightly-eval", "--key-file", "-")
	file := filepath.Join(dir, "key.txt")
	if err := os.WriteFile(file, []byte(w.newKey("ci-training")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(0, "adopt", "--yes", "ci-training", "--key-file", file)
	w.put("old/reports", map[string]any{"wandb": w.newKey("report-builder")})
	w.run(0, "adopt", "--yes", "report-builder", "--from", "vault:secret/"+w.prefix+"/old/reports#wandb")
	w.put("registry", map[string]any{"WANDB_API_KEY": w.newKey("model-registry"), "other": "CANARY-other"})
	w.run(3, "sync", "model-registry") // it is someone else's so far
	w.run(0, "adopt", "--yes", "model-registry", "--from", "vault:secret/"+w.prefix+"/registry#WANDB_API_KEY")
}

// edit writes one field of a secret as a person does.
func (w *world) edit(name, field string, value any) {
	w.t.Helper()
	w.vault.Call(w.t, http.MethodPatch, "secret/data/"+w.prefix+"/"+name, map[string]any{"data": map[string]any{field: value}})
}

// handEdits puts a dead key, another live key of the account, someone else's
// key, and what is no key at all where ours were.
func handEdits(t *testing.T, w *world) {
	t.Helper()
	w.edit("eval", "WANDB_API_KEY", "typed-CANARY-0123456789-0123456789-0123456789-01234")
	w.run(0, "sync")
	w.edit("eval", "WANDB_API_KEY", w.newKey("nightly-eval"))
	w.run(0, "sync")
	w.put("training", map[string]any{"CANARY-field": "CANARY value", "list": []any{"CANARY"}})
	if err := os.WriteFile(filepath.Join(w.dir, "secrets", "training"), []byte("CANARY {{"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(0, "sync")
	w.edit("report", "netrc", map[string]any{"not": "CANARY text"})
	w.try("sync")
	w.edit("registry", "WANDB_API_KEY", w.newKey("nightly-eval"))
	if r := w.run(3, "sync", "model-registry"); !strings.Contains(r.text(), "someone else") {
		t.Errorf("nobody is told of someone else's key:\n%s", r.text())
	}
	w.edit("registry", "WANDB_API_KEY", nil)
	w.edit("report", "netrc", nil)
	w.settle(t)
}

// badKeys hands in what cannot be adopted, and passes keys where none belongs.
func badKeys(t *testing.T, w *world, dir string) {
	t.Helper()
	for _, key := range []string{
		"wrong-CANARY-0123456789-0123456789-0123456789-01234", w.newKey("ci-training"),
		"CANARY", "two CANARY", strings.Repeat("CANARY", 1000), "",
	} {
		w.runWith(strings.NewReader(key), 1, "adopt", "--yes", "nightly-eval", "--key-file", "-")
	}
	// A key in the place of a file's name is the mistake of whoever typed it;
	// it is not said aloud.
	hunted := w.started
	w.started = nil
	r := w.run(1, "adopt", "--yes", "nightly-eval", "--key-file", "pasted-CANARY-0123456789-0123456789-0123456789-0123456789")
	if how, at := holdsCanary(r.stdout.String() + r.stderr.String()); at >= 0 {
		t.Errorf("what was pasted is repeated (%s): %s", how, r.stderr.String())
	}
	w.started = hunted
	const config = `
instance: e2e
wandb: {admin_key: literal-CANARY-0123456789-0123456789-0123456789, CANARY-0123456789-0123456789-0123456789: 1}
stores: {vault: {auth: {token: CANARY-0123456789-0123456789-0123456789}}}
accounts:
  - {name: CANARY-0123456789-0123456789-0123456789, team: ml, deliver: CANARY-0123456789-0123456789-0123456789}
  - {name: ci-train, team: ml, deliver: "vault:a/b#c", env: {WANDB_API_KEY: CANARY-0123456789-0123456789-0123456789}}
`
	bad := filepath.Join(dir, "bad.yaml")
	for _, text := range []string{config, config + "\n  CANARY: [\"CANARY", "CANARY-0123456789-0123456789-0123456789-0123456789"} {
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.run(1, "validate", "--config", bad)
		w.run(1, "sync", "--config", bad)
	}
}

// talkativeServers repeat in their errors what they were sent.
func talkativeServers(t *testing.T, w *world) {
	t.Helper()
	for _, status := range []int{400, 403, 404, 413, 500} {
		for _, kind := range []string{"POST data", "PATCH data", "GET data"} {
			w.proxy.Inject(vaulttest.Fault{
				Kind: kind, Status: status, Times: math.MaxInt, Header: http.Header{"X-Echo": {echo}},
				Body: `{"errors": ["` + echo + `"], "warnings": ["` + echo + `"], "data": {"error": "` + echo + `"}}`,
			})
		}
		w.try("rotate", "--yes", "nightly-eval", "report-builder")
		w.proxy.Reset()
	}
	for _, f := range []sandbox.Fault{
		{Kind: sandbox.FaultRefused, Operation: "generateApiKey", Message: "not with " + echo},
		{Kind: sandbox.FaultRefused, Operation: "viewer", Message: echo + " is not a key of this server"},
		{Kind: sandbox.FaultRefused, Operation: "deleteApiKey", Message: "\n" + echo},
		{Kind: sandbox.FaultLostAnswer, Operation: "generateApiKey"},
	} {
		if err := w.platform.AddFault(f); err != nil {
			t.Fatal(err)
		}
		w.try("rotate", "--yes", "nightly-eval", "ci-training")
		w.try("sync")
		w.platform.ClearFaults()
	}
	for _, s := range w.status() {
		if s.Parked != "" {
			w.try("rotate", "--yes", s.Account)
		}
	}
	w.settle(t)
}

// talkativeDaemon works with its most verbose log, is asked for what it shows
// over HTTP, and ends in three ways: with its stacks printed in the middle of
// a creation, killed, and asked to.
func talkativeDaemon(t *testing.T, w *world, h *hunter) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "LISTEN="+listen)
	for i, end := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL, syscall.SIGTERM} {
		r := w.start(nil, "run", "--log-level", "debug", "--log-json="+fmt.Sprint(i != 1))
		poll(t, 30*time.Second, "the daemon to be ready\n"+r.text(), func() bool {
			resp, err := client.Get("http://" + listen + "/readyz")
			if err != nil {
				return false
			}
			_ = resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
		if end == syscall.SIGQUIT {
			w.strikes.set(&strike{n: 3, changes: true, moment: before, hit: func() {
				_ = r.cmd.Process.Signal(end)
				<-r.ended
			}})
		}
		w.run(0, "rotate", "--yes", "nightly-eval", "ci-training", "report-builder", "--reason", "to see it")
		w.edit("registry", "WANDB_API_KEY", "typed-CANARY-0123456789-0123456789-0123456789-01234")
		_ = r.cmd.Process.Signal(syscall.SIGHUP)
		if end == syscall.SIGQUIT {
			r.wait(t)
			w.strikes.set(nil)
			continue
		}
		poll(t, endsWithin, "the daemon to settle", func() bool {
			for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
				resp, err := client.Get("http://" + listen + path)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				h.hunt("HTTP", path, fmt.Sprint(resp.Header)+string(body))
			}
			h.directory(w.dir) // the ledger's log is there while it is open
			fields, err := w.secret("registry")
			if err != nil {
				t.Fatal(err)
			}
			_, live := w.platform.KeyID(field("WANDB_API_KEY")(fields))
			for _, s := range w.status() {
				live = live && s.Phase == "steady"
			}
			return live
		})
		_ = r.cmd.Process.Signal(end)
		r.wait(t)
	}
	w.settle(t)
}

// emergencies does what people do at three in the morning, with keys at hand.
func emergencies(t *testing.T, w *world, dir string) {
	t.Helper()
	live := w.newKey("report-builder")
	w.runWith(strings.NewReader(live), 0, "whose", "--key-file", "-")
	found := filepath.Join(dir, "found.txt")
	if err := os.WriteFile(found, []byte("export WANDB_API_KEY="+live+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{live, "nobodys-CANARY-0123456789-0123456789-0123456789-01234", "CANARY", ""} {
		for _, form := range []string{"table", "json"} {
			r := w.start(strings.NewReader(key), "whose", "--key-file", "-", "--output", form)
			r.wait(t)
		}
	}
	w.try("whose", "--key-file", found)
	w.run(0, "freeze", "ci-training", "--until", "1h", "--reason", "an audit", "--yes")
	w.run(0, "unfreeze", "ci-training", "--yes")
	w.try("rollback", "nightly-eval", "--yes")
	w.try("retire", "nightly-eval", "--yes")
	w.try("retry", "nightly-eval", "--yes")
	w.try("rotate", "--leaked", "report-builder", "--now", "--yes", "--reason", "found in a log")
	w.run(0, "ledger", "export")
	w.run(0, "ledger", "export", filepath.Join(w.dir, "ledger.jsonl"))
	before, err := os.ReadFile(filepath.Join(w.dir, "keyrota.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("old.yaml", string(before))
	w.configure("overlap: 1s, every: 90d", strings.Replace(fourAccounts, "      - files:training\n", "", 1))
	for _, form := range []string{"table", "json", "markdown"} {
		w.run(0, "plan", "--since", "old.yaml", "--output", form)
	}
	w.try("sync")
	w.try("prune", "ci-training", "--output", "json")
	w.try("release", "ci-training", "files:training", "--reason", "the job is gone", "--yes")
	w.write("keyrota.yaml", string(before))
	w.try("sync")
	w.try("forget", "model-registry", "--yes")
	w.run(0, "status")
}

// everyCommand prints whatever can be printed, in every form.
func everyCommand(t *testing.T, w *world) {
	t.Helper()
	for _, form := range []string{"table", "json", "yaml"} {
		for _, args := range [][]string{
			{"status"}, {"plan", "--until", "400d"}, {"history"}, {"history", "nightly-eval"}, {"history", "--verify"}, {"history", "--export", "ecs"},
			{"history", "--export", "cloudevents"}, {"validate"}, {"sync"}, {"version"},
		} {
			w.run(0, append(args, "--output", form)...)
		}
	}
	var events struct{ Events []json.RawMessage }
	if err := json.Unmarshal([]byte(w.run(0, "history", "-o", "json").stdout.String()), &events); err != nil || len(events.Events) < 50 {
		t.Errorf("%d events, %v", len(events.Events), err)
	}
}

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const seed = `
organization: acme
server: {keys: hashed}
teams: [{name: ml-platform}]
people: [{username: admin, admin: true, teams: {ml-platform: admin}, keys: [` + adminKey + `]}]
service_accounts: [{name: nightly-eval, team: ml-platform}]
`

// TestTheSandboxAsAProcess: keyrota against keyrota sandbox with files for
// secrets, as somebody tries it out; the sandbox goes on after a restart with
// every key, and neither its state nor its output holds one.
func TestTheSandboxAsAProcess(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "WANDB_ADMIN_KEY="+adminKey)
	p.write("seed.yaml", seed)
	platform, url := startSandbox(t, p)
	p.write("keyrota.yaml", `
instance: e2e
ledger: ledger.db
wandb: {url: "`+url+`", organization: acme, admin_key: env:WANDB_ADMIN_KEY}
stores: {file: {path: secrets}}
defaults: {overlap: 1s, write_deadline: 1s}
accounts: [{name: nightly-eval, team: ml-platform, deliver: "file:eval"}]
`)
	first := post(t, url+"/sandbox/service_accounts/nightly-eval/keys", `{"description": "made by hand"}`)["key"]
	p.runWith(strings.NewReader(first), 0, "adopt", "--yes", "nightly-eval", "--key-file", "-")
	second := p.secretFile(t)
	if second == first || second == "" {
		t.Error("a key of unknown age is replaced at once")
	}

	_ = platform.cmd.Process.Signal(syscall.SIGTERM)
	platform.wait(t)
	if platform.exitCode() != 0 {
		t.Errorf("exit code %d:\n%s", platform.exitCode(), platform.text())
	}
	platform, again := startSandbox(t, p)
	p.write("keyrota.yaml", strings.ReplaceAll(p.read(t, "keyrota.yaml"), url, again))
	poll(t, 30*time.Second, "the first key to go", func() bool {
		p.run(0, "sync")
		return p.status()[team+"/nightly-eval"].Phase == "steady"
	})
	p.run(0, "rotate", "--yes", "nightly-eval")
	third := p.secretFile(t)
	platform.kill()

	state, output := p.read(t, "state.yaml"), p.everythingPrinted()
	for _, key := range []string{first, second, third, adminKey} {
		if strings.Contains(state, key) || strings.Contains(output, key) {
			t.Error("the sandbox wrote a key")
		}
	}
	if !strings.Contains(state, "sha256:") {
		t.Errorf("the state holds no hashes:\n%s", state)
	}
}

func startSandbox(t *testing.T, p *program) (r *process, url string) {
	t.Helper()
	r = p.start(nil, "sandbox", "--listen", "127.0.0.1:0", "--seed", "seed.yaml", "--state", "state.yaml")
	poll(t, 30*time.Second, "the sandbox to listen", func() bool {
		line, rest, whole := strings.Cut(r.stdout.String(), "\n")
		url = strings.TrimPrefix(line, "listening on ")
		return whole && rest == ""
	})
	t.Cleanup(r.kill)
	return r, url
}

func (p *program) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (p *program) secretFile(t *testing.T) string { return p.read(t, "secrets/eval") }

func post(t *testing.T, url, body string) map[string]string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("api", adminKey)
	status, answer, err := send(r)
	if err != nil || status != http.StatusCreated {
		t.Fatalf("status %d: %s %v", status, answer, err)
	}
	var data map[string]string
	if err := json.Unmarshal(answer, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestALeakWithAndWithoutADaemon: the same command follows an emergency to its
// end, whoever carries it out; and what a person freezes holds a daemon back,
// until an emergency overrides it.
func TestALeakWithAndWithoutADaemon(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "WANDB_ADMIN_KEY="+adminKey)
	p.write("seed.yaml", strings.ReplaceAll(seed, "hashed", "shown"))
	_, url := startSandbox(t, p)
	p.write("keyrota.yaml", `
instance: e2e
ledger: ledger.db
wandb: {url: "`+url+`", organization: acme, admin_key: env:WANDB_ADMIN_KEY}
stores: {file: {path: secrets}}
listen: off
sweep_every: 1h
defaults: {overlap: 1h, write_deadline: 1s}
accounts: [{name: nightly-eval, team: ml-platform, deliver: "file:eval"}]
`)
	post(t, url+"/sandbox/service_accounts/nightly-eval/keys", `{"description": "the first"}`)
	p.run(0, "sync")
	whose := func(key string) string {
		t.Helper()
		return p.runWith(strings.NewReader(key), 0, "whose", "--key-file", "-", "-o", "json").stdout.String()
	}

	first := p.secretFile(t)
	r := p.run(0, "rotate", "--leaked", "--yes", "--wait", "nightly-eval")
	if text := r.text(); !strings.Contains(text, "the emergency is over") {
		t.Errorf("it did not wait for the end:\n%s", text)
	}
	second := p.secretFile(t)
	if !strings.Contains(whose(first), `"dead"`) || !strings.Contains(whose(second), `"current"`) {
		t.Errorf("the first key: %s\nthe second: %s", whose(first), whose(second))
	}

	daemon := p.start(nil, "run")
	poll(t, 30*time.Second, "the daemon", func() bool {
		return strings.Contains(p.run(0, "status", "--offline", "-o", "json").stdout.String(), `"running": true`)
	})
	p.run(0, "freeze", "--yes", "--until", "1h", "--reason", "audit")
	p.run(0, "rotate", "--yes", "nightly-eval")
	poll(t, 30*time.Second, "the daemon to look at the request", func() bool {
		return strings.Contains(p.run(0, "status", "nightly-eval").text(), "keyrota unfreeze")
	})
	if p.secretFile(t) != second {
		t.Fatal("a freeze did not hold the daemon back")
	}
	p.run(0, "unfreeze", "--yes")
	poll(t, 30*time.Second, "the daemon to go on", func() bool { return p.secretFile(t) != second })

	p.run(0, "freeze", "--yes", "--until", "1h", "--reason", "audit")
	third := p.secretFile(t)
	r = p.run(0, "rotate", "--leaked", "--yes", "--now", "--wait", "nightly-eval")
	if text := r.text(); !strings.Contains(text, "the emergency is over") || !strings.Contains(text, "overrides: frozen by ") {
		t.Errorf("beside a daemon:\n%s", text)
	}
	fourth := p.secretFile(t)
	for _, key := range []string{first, second, third} {
		if !strings.Contains(whose(key), `"dead"`) {
			t.Errorf("a key still works: %s", whose(key))
		}
	}
	if !strings.Contains(whose(fourth), `"current"`) {
		t.Errorf("readers have: %s", whose(fourth))
	}
	daemon.kill()
	for _, key := range []string{first, second, third, fourth} {
		if strings.Contains(p.everythingPrinted(), key) {
			t.Error("a key was printed")
		}
	}
}

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const reviewSeed = `
organization: acme
server: {keys: shown}
teams: [{name: ml-platform}]
people: [{username: admin, admin: true, teams: {ml-platform: admin}, keys: [` + adminKey + `]}]
`

// TestAReloadReadsTheTeamsToo: a daemon that loads its configuration again
// reads what that includes, refuses it whole where one team's file is wrong, and
// has a record go on under the new name before anything else is decided.
func TestAReloadReadsTheTeamsToo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "WANDB_ADMIN_KEY="+adminKey)
	p.write("seed.yaml", reviewSeed)
	_, url := startSandbox(t, p)
	if err := os.Mkdir(filepath.Join(p.dir, "teams"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.write("keyrota.yaml", `
instance: e2e
ledger: ledger.db
listen: off
sweep_every: 1s
wandb: {url: "`+url+`", organization: acme, admin_key: env:WANDB_ADMIN_KEY}
stores: {file: {path: secrets}}
include: teams/*.yaml
allow: {ml-platform: ["file:ml/*"]}
`)
	account := func(name, more string) {
		p.write("teams/ml.yaml", "team: ml-platform\naccounts:\n  - {name: "+name+", purpose: p, owner: o@acme.example, "+more+"}\n")
	}
	account("nightly-eval", "deliver: file:ml/eval")
	d := p.start(nil, "run")
	defer d.kill()
	said := func(what string, words ...string) {
		t.Helper()
		poll(t, 30*time.Second, what, func() bool {
			for _, w := range words {
				if !strings.Contains(d.text(), w) {
					return false
				}
			}
			return true
		})
	}
	said("the first delivery", "rotation.agreed")
	first := p.read(t, "secrets/ml/eval")

	account("nightly-eval", "deliver: file:elsewhere")
	_ = d.cmd.Process.Signal(syscall.SIGHUP)
	said("the refusal", "the new configuration is refused", "teams/ml.yaml:3:70", "not allowed to deliver")

	account("evaluation", `formerly: nightly-eval, deliver: {store: file, path: ml/evaluation, formerly: "file:ml/eval"}`)
	_ = d.cmd.Process.Signal(syscall.SIGHUP)
	poll(t, 30*time.Second, "both places to be delivered to", func() bool {
		text, err := os.ReadFile(filepath.Join(p.dir, "secrets/ml/evaluation"))
		return err == nil && string(text) == first && p.status()[team+"/evaluation"].Phase == "steady"
	})
	if s, there := p.status()[team+"/nightly-eval"]; there && !strings.Contains(s.Parked, "goes on as "+team+"/evaluation") {
		t.Errorf("the former name: %+v", s)
	}
	// Who still has the old configuration begins no second record of the account.
	p.write("old.yaml", `
instance: e2e
ledger: ledger.db
wandb: {url: "`+url+`", organization: acme, admin_key: env:WANDB_ADMIN_KEY}
stores: {file: {path: secrets}}
accounts:
  - {name: nightly-eval, team: ml-platform, purpose: p, owner: o@acme.example, deliver: "file:ml/eval"}
`)
	for _, args := range [][]string{{"rotate"}, {"rotate", "--leaked"}, {"retry"}} {
		if out := p.run(1, append(args, "--yes", "--config", "old.yaml", team+"/nightly-eval")...); !strings.Contains(out.stderr.String(), "goes on as "+team+"/evaluation") {
			t.Errorf("%v: %s", args, out.stderr.String())
		}
	}
	moved := 0
	for _, e := range decode[historyJSON](t, p.run(0, "history", "-o", "json")).Events {
		switch e.Event {
		case "account.moved":
			moved++
		case "account.provisioned", "key.offered", "key.adopted":
			if e.Account != team+"/nightly-eval" {
				t.Errorf("after the move: %+v", e)
			}
		}
	}
	if moved != 2 {
		t.Errorf("%d events tell of the move", moved)
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	d.wait(t)
}

// TestAChangeThatMakesAllDueHurtsFew: a schedule that makes a whole fleet due at
// once, under a daemon: one account goes first, as many as a day may bring
// follow, and the rest wait without a secret read, and are told of once.
func TestAChangeThatMakesAllDueHurtsFew(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "WANDB_ADMIN_KEY="+adminKey)
	p.write("seed.yaml", reviewSeed)
	_, url := startSandbox(t, p)
	const fleet, limit = 30, 5
	configure := func(every string) {
		text := `
instance: e2e
ledger: ledger.db
listen: off
sweep_every: 1s
max_rotations_per_day: ` + fmt.Sprint(limit) + `
wandb: {url: "` + url + `", organization: acme, admin_key: env:WANDB_ADMIN_KEY}
stores: {file: {path: secrets}}
defaults: {every: ` + every + `, overlap: 1h}
accounts:
`
		for i := range fleet {
			text += fmt.Sprintf("  - {name: training-%d, team: ml-platform, purpose: p, owner: o@acme.example, deliver: file:key-%d}\n", i, i)
		}
		p.write("keyrota.yaml", text)
	}
	configure("90d")
	p.run(0, "sync")
	configure("1s")
	d := p.start(nil, "run")
	defer d.kill()
	rotated := func() (n, held int) {
		for _, e := range decode[historyJSON](t, p.run(0, "history", "-o", "json")).Events {
			switch e.Event {
			case "key.offered":
				n++
			case "rotation.held":
				held++
			}
		}
		return n, held
	}
	poll(t, time.Minute, "as many rotations as a day may bring", func() bool { n, _ := rotated(); return n >= limit })
	waiting := 0
	poll(t, 30*time.Second, "the others to wait", func() bool {
		waiting = 0
		for _, s := range p.status() {
			if strings.Contains(s.Next, "max_rotations_per_day is 5") && strings.Contains(s.Next, "keyrota rotate "+team+"/training-") {
				waiting++
			}
		}
		return waiting == fleet-limit
	})
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	d.wait(t)
	if n, held := rotated(); n != limit || held != 1 {
		t.Errorf("%d rotations, told %d times", n, held)
	}
	p.run(0, "rotate", "--yes", "training-0", "training-1", "--reason", "a person may")
	if n, _ := rotated(); n != limit+2 {
		t.Errorf("%d rotations after a person asked for two more", n)
	}
}

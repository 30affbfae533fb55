package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

// takeover is how long the replicas of these tests wait for one another.
const takeover = 3 * time.Second

// replicas are daemons that share a ledger, a platform, and files for secrets.
type replicas struct {
	*world
	t *testing.T
}

// newReplicas makes their world, with the ledger at a place of its own kind.
func newReplicas(t *testing.T, at string, accounts int, defaults string) *replicas {
	t.Helper()
	w := &world{strikes: &strikes{}}
	var err error
	w.platform, err = sandbox.New(sandbox.Seed{
		Organization: "acme", Settings: sandbox.Settings{Keys: sandbox.KeysShown},
		Teams: []sandbox.Team{{Name: team}},
		People: []sandbox.Person{{
			Username: "admin", Admin: true, Teams: map[string]sandbox.Role{team: sandbox.RoleAdmin},
			Keys: []sandbox.Key{{Value: adminKey}},
		}},
	}, sandbox.Options{KeyMarker: "CANARY"})
	if err != nil {
		t.Fatal(err)
	}
	direct := httptest.NewServer(w.platform)
	t.Cleanup(direct.Close)
	w.direct, w.gate = direct.URL, newGate(t, w.platform, w.strikes)
	w.program = newProgram(t, "WANDB_ADMIN_KEY="+adminKey, "WANDB="+w.gate.URL, "LEDGER="+at)
	r := &replicas{world: w, t: t}
	r.settings("keyrota.yaml", accounts, defaults)
	return r
}

func (r *replicas) settings(file string, accounts int, defaults string) {
	var b strings.Builder
	b.WriteString(`
instance: e2e
ledger: ${LEDGER}
listen: ${LISTEN:-off}
sweep_every: 1s
wandb: {url: "${WANDB}", organization: acme, admin_key: env:WANDB_ADMIN_KEY}
stores: {files: {type: file, path: secrets}}
defaults: {owner: ml@acme.example, write_deadline: 1s, ` + defaults + `}
accounts:
`)
	for i := range accounts {
		fmt.Fprintf(&b, "  - {name: n%d, team: %s, purpose: tests, deliver: \"files:n%d\"}\n", i, team, i)
	}
	r.write(file, b.String())
}

// places are those of the accounts, as their readers know them.
func (r *replicas) places(accounts int) []place {
	var all []place
	for i := range accounts {
		name := fmt.Sprintf("n%d", i)
		all = append(all, place{account: name, secret: name, find: func() (string, error) {
			text, err := os.ReadFile(filepath.Join(r.dir, "secrets", name))
			if errors.Is(err, fs.ErrNotExist) {
				return "", nil
			}
			return string(text), err
		}})
	}
	return all
}

// daemon starts a replica.
func (r *replicas) daemon() *process {
	p := r.start(nil, "run", "--takeover", takeover.String())
	r.t.Cleanup(func() {
		p.kill()
		if r.t.Failed() {
			r.t.Logf("%d: %s", p.cmd.Process.Pid, p.text())
		}
	})
	return p
}

func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *process) logged(words string) int { return strings.Count(p.stderr.String(), words) }

// settled reports whether every reader of an account has the one key that is
// offered, in an edition or a later one.
func (r *replicas) settled(ref string, edition uint64) bool {
	h := decode[struct {
		Accounts []struct {
			Account string `json:"account"`
			Phase   string `json:"phase"`
			Edition uint64 `json:"edition"`
			Key     string `json:"key"`
			Agree   bool   `json:"agree"`
		} `json:"accounts"`
	}](r.t, r.run(0, "status", "-o", "json"))
	for _, a := range h.Accounts {
		if a.Account == ref {
			_, name, _ := strings.Cut(ref, "/")
			return a.Phase == "steady" && a.Agree && a.Edition >= edition && slices.Equal(r.live(name), []string{a.Key})
		}
	}
	return false
}

// engines are the daemons that the program sees.
func (r *replicas) engines() string {
	return string(decode[struct {
		Engine json.RawMessage `json:"engine"`
	}](r.t, r.run(0, "status", "-o", "json")).Engine)
}

func postgresURL(t *testing.T) string {
	t.Helper()
	return postgrestest.Start(t).Fresh(t)
}

// TestAReplicaThatWasPausedHarmsNothing: one is stopped while the platform
// creates a key for it, for longer than its lease lasts. Another takes over and
// issues a key of its own. The first one, when it goes on, has a key that it
// may not offer any more: it gives way, and works on as one of two.
func TestAReplicaThatWasPausedHarmsNothing(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, postgresURL(t), 1, "overlap: 1s, every: 90d")
	const ref = team + "/n0"
	var holds atomic.Bool
	come, free := make(chan struct{}, 1), make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(free) }) }
	t.Cleanup(release)
	r.gate.look = func(_ *http.Request, q graphRequest) {
		if q.Operation == "GenerateApiKey" && holds.CompareAndSwap(true, false) {
			come <- struct{}{}
			<-free
		}
	}
	first, second := r.daemon(), r.daemon()
	poll(t, endsWithin, "delivered", func() bool { return r.settled(ref, 1) })
	engines := r.engines()
	for _, p := range []*process{first, second} {
		if name := fmt.Sprintf("process %d on ", p.cmd.Process.Pid); !strings.Contains(engines, name) {
			t.Errorf("status names %s, and not %s", engines, name)
		}
	}
	readers := r.read(time.Second, r.places(1)...)

	holds.Store(true)
	r.run(0, "rotate", "n0")
	select {
	case <-come:
	case <-time.After(endsWithin):
		t.Fatal("no key is asked for")
	}
	paused, other := first, second
	if second.logged(`"msg":"key.issuing"`) > 0 && lastLine(second, "key.issuing") > lastLine(first, "key.issuing") {
		paused, other = second, first
	}
	paused.signal(t, syscall.SIGSTOP)
	stopped := time.Now()
	release() // the key is created, and its answer lies there unread
	poll(t, endsWithin, "another replica to take over", func() bool { return r.settled(ref, 3) })
	t.Logf("taken over, issued and delivered within %s of the pause; leases last %s", time.Since(stopped).Round(10*time.Millisecond), takeover)
	before := r.run(0, "history", "-o", "json").stdout.String()
	paused.signal(t, syscall.SIGCONT)
	poll(t, endsWithin, "the paused one to give way", func() bool { return paused.logged("a pass was given up") > 0 })
	poll(t, endsWithin, "the platform to be idle", func() bool { return r.strikes.inFlight(0) == 0 })
	if after := r.run(0, "history", "-o", "json").stdout.String(); after != before {
		t.Errorf("it saved something:\n%s\nafter\n%s", after, before)
	}
	if !r.settled(ref, 3) {
		t.Errorf("keys %v", r.live("n0"))
	}

	other.signal(t, syscall.SIGTERM)
	other.wait(t)
	r.run(0, "rotate", "n0")
	poll(t, endsWithin, "the one that was paused to work", func() bool { return r.settled(ref, 4) })
	readers.end(t)
	if text := first.text() + second.text(); strings.Contains(text, "CANARY") {
		t.Error("a key was logged")
	}
}

// lastLine returns when a process last logged words, as it wrote it.
func lastLine(p *process, words string) string {
	last := ""
	for line := range strings.SplitSeq(p.stderr.String(), "\n") {
		var l struct{ Time, Msg string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == words {
			last = l.Time
		}
	}
	return last
}

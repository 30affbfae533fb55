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
	"regexp"
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
max_rotations_per_day: 100%
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

// daemon starts a replica, and returns when it works.
func (r *replicas) daemon() *process {
	p := r.start(nil, "run", "--takeover", takeover.String())
	r.t.Cleanup(func() {
		p.kill()
		if r.t.Failed() {
			r.t.Logf("%d: %s", p.cmd.Process.Pid, p.text())
		}
	})
	poll(r.t, endsWithin, "a daemon to run", func() bool { return p.logged(`"msg":"the engine runs"`) > 0 })
	return p
}

func (r *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (r *process) logged(words string) int { return strings.Count(r.stderr.String(), words) }

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
	r.gate.look.set(func(_ *http.Request, q graphRequest) {
		if q.Operation == "GenerateApiKey" && holds.CompareAndSwap(true, false) {
			come <- struct{}{}
			<-free
		}
	})
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
	r.run(0, "rotate", "--yes", "n0")
	select {
	case <-come:
	case <-time.After(endsWithin):
		t.Fatal("no key is asked for")
	}
	const issuing = `"msg":"key.issuing"` // the first key of an account is given, not issued
	poll(t, endsWithin, "one to say that it issues a key", func() bool { return first.logged(issuing)+second.logged(issuing) > 0 })
	paused, other := first, second
	if second.logged(issuing) > 0 {
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
	r.run(0, "rotate", "--yes", "n0")
	poll(t, endsWithin, "the one that was paused to work", func() bool { return r.settled(ref, 4) })
	readers.end(t)
	if text := first.text() + second.text(); strings.Contains(text, "CANARY") {
		t.Error("a key was logged")
	}
}

// TestADeadReplicasWorkIsTakenOverWithinTwoMinutes by replicas that are started
// as the examples in deploy do: with whatever it was at, and where it was the
// one that sweeps.
func TestADeadReplicasWorkIsTakenOverWithinTwoMinutes(t *testing.T) {
	if os.Getenv("KEYROTA_SOAK") == "" {
		t.Skip("it waits for minutes: set KEYROTA_SOAK")
	}
	t.Parallel()
	server := postgrestest.Start(t)
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			r := newReplicas(t, server.Fresh(t), 1, "overlap: 1s, every: 90d")
			const ref = team + "/n0"
			come, free := make(chan struct{}, 1), make(chan struct{})
			var holds atomic.Bool
			r.gate.look.set(func(_ *http.Request, q graphRequest) {
				if q.Operation == "GenerateApiKey" && holds.CompareAndSwap(true, false) {
					come <- struct{}{}
					<-free
				}
			})
			t.Cleanup(func() { close(free) })
			first := r.start(nil, "run")
			t.Cleanup(first.kill)
			poll(t, endsWithin, "delivered", func() bool { return r.settled(ref, 1) })
			holds.Store(true)
			r.run(0, "rotate", "--yes", "n0")
			select {
			case <-come:
			case <-time.After(endsWithin):
				t.Fatal("no key is asked for")
			}
			second := r.start(nil, "run") // it has swept nothing yet
			t.Cleanup(second.kill)
			poll(t, endsWithin, "two to run", func() bool { return strings.Count(r.engines(), "process ") == 2 })
			first.kill()
			killed := time.Now()
			poll(t, 2*time.Minute, "the work to be taken over", func() bool { return r.settled(ref, 3) })
			t.Logf("issued by the other, delivered, and the old key retired, %s after the kill", time.Since(killed).Round(100*time.Millisecond))
		})
	}
}

// TestReplicasAreKilledAndPaused at random moments, while keys are due all the
// time: no reader ever has a dead key, the work of whoever is away is taken
// over, and in the end each account has one key.
func TestReplicasAreKilledAndPaused(t *testing.T) {
	t.Parallel()
	const accounts = 6
	r := newReplicas(t, postgresURL(t), accounts, "overlap: 1s, every: 1s")
	random, rounds := seeded(t), 12
	switch {
	case testing.Short():
		rounds = 3
	case os.Getenv("KEYROTA_SOAK") != "":
		rounds *= 10
	}
	running := []*process{r.daemon(), r.daemon(), r.daemon()}
	readers := r.read(time.Second, r.places(accounts)...)
	var slowest time.Duration
	kinds := map[string]int{}
	for range rounds {
		time.Sleep(time.Duration(300+random.IntN(700)) * time.Millisecond) // work goes on
		i := random.IntN(len(running))
		hit := running[i]
		var back func()
		switch random.IntN(3) {
		case 0:
			kinds["SIGKILL"]++
			hit.kill()
			kills.add("replica")
			back = func() { running[i] = r.daemon() }
		case 1:
			kinds["SIGTERM"]++
			hit.signal(t, syscall.SIGTERM)
			hit.wait(t)
			back = func() { running[i] = r.daemon() }
		default:
			kinds["SIGSTOP"]++
			hit.signal(t, syscall.SIGSTOP)
			back = func() { hit.signal(t, syscall.SIGCONT) }
		}
		// Every account is rotated again while one is away: whatever it was at
		// is taken over.
		begun, editions := time.Now(), r.editions()
		poll(t, endsWithin, "every account to go on", func() bool {
			for ref, was := range editions {
				if r.editions()[ref] <= was {
					return false
				}
			}
			return true
		})
		slowest = max(slowest, time.Since(begun))
		back()
	}
	for _, p := range running {
		p.signal(t, syscall.SIGTERM)
		p.wait(t)
		if p.exitCode() != 0 {
			t.Errorf("exit code %d:\n%s", p.exitCode(), p.text())
		}
	}
	r.settings("keyrota.yaml", accounts, "overlap: 1s, every: 90d")
	last := r.daemon()
	for i := range accounts {
		ref := fmt.Sprintf("%s/n%d", team, i)
		poll(t, endsWithin, ref+" to be settled", func() bool { return r.settled(ref, 1) })
	}
	last.signal(t, syscall.SIGTERM)
	last.wait(t)
	readers.end(t)
	t.Logf("%v; all %d accounts were rotated within %s while one was away; leases last %s; %d reads, %d late",
		kinds, accounts, slowest.Round(10*time.Millisecond), takeover, readers.reads, readers.late)
}

// editions are those of the offers, by account.
func (r *replicas) editions() map[string]uint64 {
	all := map[string]uint64{}
	for _, a := range decode[struct {
		Accounts []struct {
			Account string `json:"account"`
			Edition uint64 `json:"edition"`
		} `json:"accounts"`
	}](r.t, r.run(0, "status", "--offline", "-o", "json")).Accounts {
		all[a.Account] = a.Edition
	}
	return all
}

// TestTwoDaemonsWithALedgerEach, on the same secrets and the same platform. The
// second cannot tell that its empty ledger is not a lost one, and goes on; the
// first sees its marks and stops with the names of both. Where a person lets the
// first go on without stopping the second, that one stops.
func TestTwoDaemonsWithALedgerEach(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, "first.db", 1, "overlap: 1s, every: 90d")
	const ref = team + "/n0"
	readers := r.read(time.Second, r.places(1)...)
	first := r.daemon()
	poll(t, endsWithin, "delivered", func() bool { return r.settled(ref, 1) })
	env := r.env
	r.env = append(slices.Clone(env), "LEDGER=second.db")
	second := r.daemon()
	r.env = env
	says := regexp.MustCompile(`account.parked.*another ledger, ([a-z2-7]{16}); ours is ([a-z2-7]{16})`)
	named := func(p *process) (other, own string) {
		t.Helper()
		poll(t, endsWithin, "one to stop and name both", func() bool {
			m := says.FindStringSubmatch(p.stderr.String())
			if m != nil {
				other, own = m[1], m[2]
			}
			return m != nil
		})
		return other, own
	}
	theirs, ours := named(first)
	if theirs == ours {
		t.Errorf("both are %s", ours)
	}
	r.run(0, "rotate", "--yes", "n0")
	if a, b := named(second); a != ours || b != theirs {
		t.Errorf("the first named %s and %s, the second %s and %s", theirs, ours, a, b)
	}
	readers.end(t)
}

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// restlessAccounts have two destinations in two stores, two fields of one
// secret, and a JSON object.
const restlessAccounts = `
  - name: model-training
    team: ml-platform
    purpose: training
    deliver:
      - vault:${PREFIX}/shared#TRAINING_KEY
      - {store: other, path: "${PREFIX}/training", format: json, fields: {api_key: WANDB_API_KEY}}
  - name: nightly-eval
    team: ml-platform
    purpose: nightly evaluation
    deliver: vault:${PREFIX}/shared#EVAL_KEY
  - name: report-builder
    team: ml-platform
    purpose: weekly reports
    deliver: {store: vault, path: "${PREFIX}/report", format: json, fields: {api_key: WANDB_API_KEY}}
`

var restlessPlaces = []place{
	inVault("model-training", "shared", field("TRAINING_KEY")),
	inVault("model-training", "training", field("api_key")),
	inVault("nightly-eval", "shared", field("EVAL_KEY")),
	inVault("report-builder", "report", field("api_key")),
}

// TestKilledAtAnyMoment kills the program at random moments, and before and
// after the effects of random requests, while both servers lose answers and
// fail, and keys are due all the time. A reader never has a dead key; no key
// is created without its label on record, or deleted while a store still has
// it; and once nobody disturbs any more, each account has exactly one key.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, command string
		keys          sandbox.KeyStorage
		noAdmin       bool
		kills         int
	}{
		{"sync", "sync", sandbox.KeysShown, false, 50},
		{"sync without an admin key", "sync", sandbox.KeysHashed, true, 25},
		{"run", "run", sandbox.KeysShown, false, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.keys)
			w.noAdmin = c.noAdmin
			k := &killer{
				t: t, world: w, command: c.command, random: seeded(t), kills: c.kills,
				accounts: restlessAccounts, places: restlessPlaces, settings: w.configure,
			}
			k.faults, k.calm = []func(){k.platformFault, k.vaultFault}, k.well
			w.put("shared", foreign)
			k.play()
		})
	}
}

// seeded returns a source of randomness whose seed is told, and can be given
// in KEYROTA_SEED: what a killed process had come to is not repeated by it.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("KEYROTA_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("KEYROTA_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// killer kills the program in a world.
type killer struct {
	*world
	t        *testing.T
	command  string
	random   *rand.Rand
	kills    int
	accounts string // in the configuration
	places   []place
	settings func(defaults, accounts string) // writes the configuration
	faults   []func()                        // each lets a server fail once
	calm     func()                          // makes all servers well again
	between  func()                          // what people do while nothing runs; nil: nothing
	finally  func()                          // what they wait for in the end; nil: nothing
	recorded func(rotation.Label) bool       // whether a label is on record; nil: whether it is in the world's file
	flags    []string                        // of the command
	failing  bool                            // the ledger is made to fail: exit code 1 is well

	moments map[string]int // kills by kind of moment
	rounds  int

	mu     sync.Mutex
	labels map[string]bool // of all requests to create a key
}

func (k *killer) play() {
	t, begun := k.t, time.Now()
	switch {
	case testing.Short():
		k.kills /= 5
	case os.Getenv("KEYROTA_SOAK") != "":
		k.kills *= 10
	}
	const overlap = time.Second
	k.moments, k.labels = map[string]int{}, map[string]bool{}
	k.gate.look.set(k.watch)
	k.settings("overlap: 1s, every: 1s", k.accounts)
	if k.noAdmin {
		k.adoptAll()
	}
	readers := k.read(overlap, k.places...)
	for killed := 0; killed < k.kills; k.rounds++ {
		if k.round() {
			killed++
		}
		if t.Failed() {
			break
		}
		if k.between != nil {
			k.idle()
			k.between()
		}
	}
	k.calm()
	if k.finally != nil {
		k.finally()
	}
	took := k.converge()
	readers.end(t)
	counts := k.accounted()
	t.Logf("kills %v in %d rounds; requests %v; converged in %s; %d reads, %d late, %d of what a person broke, different keys %v; in %s\n%v",
		k.moments, k.rounds, k.strikes.requests(), took.Round(time.Millisecond), readers.reads, readers.late, readers.hand, readers.different(),
		time.Since(begun).Round(time.Second), counts)
}

// accounted fails the test if a key was asked for under a label that is not on
// record, and returns how many events of each kind are.
func (k *killer) accounted() map[string]int {
	counts := map[string]int{}
	for _, e := range decode[historyJSON](k.t, k.run(0, "history", "-o", "json")).Events {
		counts[e.Event]++
		delete(k.labels, e.Label)
	}
	for label := range k.labels {
		k.t.Errorf("label %s was used and is not on record", label)
	}
	return counts
}

// idle waits until the servers are at no request any more: a killed process
// leaves some.
func (k *killer) idle() {
	poll(k.t, 10*time.Second, "the servers to be idle", func() bool { return k.strikes.inFlight(0) == 0 })
}

// adoptAll does what people do where there is no admin key.
func (k *killer) adoptAll() {
	for _, p := range k.places {
		if len(k.live(p.account)) > 0 {
			continue
		}
		if _, err := k.platform.CreateServiceAccount(p.account, sandbox.ScopeTeam, team, ""); err != nil {
			k.t.Fatal(err)
		}
		_, value, err := k.platform.CreateKey(p.account, "made by hand")
		if err != nil {
			k.t.Fatal(err)
		}
		k.runWith(strings.NewReader(value), 0, "adopt", "--yes", p.account, "--key-file", "-")
	}
}

// watch looks at each request to the platform before its effect.
func (k *killer) watch(_ *http.Request, q graphRequest) {
	switch q.Operation {
	case "GenerateApiKey":
		label := q.text("description")
		k.mu.Lock()
		k.labels[label] = true
		k.mu.Unlock()
		recorded := k.recorded
		if recorded == nil {
			recorded = func(l rotation.Label) bool { return recordedAt(k.t, k.ledgerPath(), l) }
		}
		if !recorded(rotation.Label(label)) {
			k.t.Errorf("a key is created under label %q, which is not on record", label)
		}
	case "DeleteApiKey":
		id := q.text("id")
		for _, p := range k.places {
			if id != "" && !slices.Contains(k.live(p.account), id) {
				continue // another account's
			}
			key, err := k.finds(p)
			if err != nil {
				k.t.Error(err)
				continue
			}
			if held, _ := k.platform.KeyID(key); id == "" || held == id {
				k.t.Errorf("key %q of %s is deleted while %s holds it", id, p.account, p.secret)
			}
		}
	}
}

// recordedAt says whether a label is in a ledger.
func recordedAt(t testing.TB, at string, label rotation.Label) bool {
	ctx := context.Background()
	l, err := ledger.OpenReadOnly(ctx, at, ledger.Options{})
	if err != nil {
		t.Errorf("looking for a label: %v", err)
		return false
	}
	defer l.Close()
	entries, err := l.List(ctx)
	if err != nil {
		t.Errorf("looking for a label: %v", err)
	}
	return slices.ContainsFunc(entries, func(e ledger.Entry) bool {
		return e.Record.Intent.Label == label ||
			slices.ContainsFunc(e.Record.Abandoned, func(a rotation.Abandoned) bool { return a.Label == label })
	})
}

// round starts the program and kills it at some moment; it says whether it
// did. Some rounds are left alone, so that keys come and go.
func (k *killer) round() bool {
	k.calm()
	for range k.random.IntN(3) {
		k.faults[k.random.IntN(len(k.faults))]()
	}
	args, beside := append([]string{k.command}, k.flags...), []string{"sync"}
	rotate := []string{"rotate", "--yes", k.places[k.random.IntN(len(k.places))].account}
	often := 4
	switch {
	case k.command == "run":
		beside, often = rotate, 2
	case k.random.IntN(3) == 0:
		args = rotate
	}
	r := k.start(nil, args...)
	limit, struck := k.strike(r)
	if k.random.IntN(often) == 0 {
		other := k.start(nil, beside...)
		defer func() {
			k.calm() // with deadlines of a second, one that is always slower never ends
			other.wait(k.t)
			k.ended(other)
		}()
	}
	select {
	case <-r.ended:
	case <-time.After(limit):
		if struck == nil {
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			r.wait(k.t)
		} else {
			r.kill()
		}
	}
	k.strikes.set(nil)
	if r.killed() {
		k.moments[struck()]++
		kills.add(k.command)
		return true
	}
	k.ended(r)
	return false
}

// ended checks how a process ended that was not killed: all is done, or all
// but what servers failed at.
func (k *killer) ended(r *process) {
	if code := r.exitCode(); code != 0 && (code != 1 || !k.failing) && (code != 3 || r.args[0] == "run") {
		k.t.Errorf("exit code %d:\n%s", code, r.text())
	}
}

// strike chooses the moment at which a process is killed, and returns the
// longest that it may run, and then a name of the moment: nil if it is left
// alone, and a daemon asked to end.
func (k *killer) strike(r *process) (time.Duration, func() string) {
	longest := endsWithin
	if k.command == "run" { // it does not end by itself
		longest = 300*time.Millisecond + time.Duration(k.random.IntN(2000))*time.Millisecond
	}
	s := &strike{hit: r.kill}
	switch k.random.IntN(8) {
	case 0:
		return min(longest, time.Duration(k.random.IntN(300))*time.Millisecond), func() string { return "at some time" }
	case 1:
		return longest, nil
	case 2, 3:
		s.n = 1 + k.random.IntN(30)
	default:
		s.n, s.changes = 1+k.random.IntN(6), true
	}
	s.moment = []moment{before, after, later}[k.random.IntN(3)]
	s.later = time.Duration(k.random.IntN(8000)) * time.Microsecond
	k.strikes.set(s)
	return longest, s.String
}

// struck counts a kill that was aimed, and came to pass at whatever time.
func (k *killer) struck(s *strike) {
	k.moments[s.String()]++
	kills.add(k.command)
}

// converge lets the program work undisturbed until each account has one key,
// which every reader has, and returns how long that took.
func (k *killer) converge() time.Duration {
	k.t.Helper()
	k.settings("overlap: 1s, every: 90d", k.accounts)
	return k.work(k.wrong)
}

// work lets the program work undisturbed until nothing is wrong any more, and
// returns how long that took.
func (k *killer) work(wrong func() []string) time.Duration {
	t, begun := k.t, time.Now()
	t.Helper()
	var last *process
	if k.command == "run" {
		last = k.start(nil, append([]string{"run"}, k.flags...)...)
		defer func() {
			_ = last.cmd.Process.Signal(syscall.SIGTERM)
			last.wait(t)
			k.ended(last)
		}()
	}
	for time.Since(begun) < 60*time.Second {
		if k.command == "sync" {
			last = k.try("sync")
		}
		if len(wrong()) == 0 {
			return time.Since(begun)
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("it does not converge:\n%s\n%s\n%s", strings.Join(wrong(), "\n"), last.text(), k.try("history").text())
	return 0
}

// wrong is what keeps the accounts from being settled.
func (k *killer) wrong() (wrong []string) {
	for ref, s := range k.resume() {
		_, name, _ := strings.Cut(ref, "/")
		if live := k.live(name); s.Phase != "steady" || !s.Agree || !slices.Equal(live, []string{s.Key}) {
			wrong = append(wrong, fmt.Sprintf("%s: keys %v, status %+v", ref, live, s))
		}
		for _, p := range k.places {
			key, err := k.finds(p)
			if err != nil {
				k.t.Fatal(err)
			}
			if held, _ := k.platform.KeyID(key); p.account == name && held != s.Key {
				wrong = append(wrong, fmt.Sprintf("%s: %s holds %q, offered is %q", ref, p.secret, held, s.Key))
			}
		}
	}
	return wrong
}

// resume takes up again what is parked, as a person would, and returns the
// status as it was before.
func (k *killer) resume() map[string]statusAccount {
	all := k.status()
	for ref, s := range all {
		if s.Parked != "" {
			k.t.Logf("parked: %s: %s", ref, s.Parked)
			k.try("rotate", "--yes", ref)
		}
	}
	return all
}

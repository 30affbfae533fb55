package e2e

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// weather is a world of whose servers each stands behind a network of its own,
// and a daemon in it to which keys are due all the time.
type weather struct {
	*clouds
	t      *testing.T
	random *rand.Rand
	killer *killer
	before map[string][]*toxic // the networks before each store, and before "wandb"
	daemon *process

	endured map[string]int // steps by what ailed
	turns   int            // rotations of those that nothing ailed, while others were ailing
}

// onEach has an account for each store, and one that is on all of them.
const onEach = `
  - {name: on-vault, team: ml-platform, purpose: training, deliver: "vault:${PREFIX}/alone#WANDB_API_KEY"}
  - {name: on-other, team: ml-platform, purpose: training, deliver: "other:${PREFIX}/other#WANDB_API_KEY"}
  - {name: on-aws, team: ml-platform, purpose: training, deliver: "aws:weather/alone#WANDB_API_KEY"}
  - {name: on-azure, team: ml-platform, purpose: training, deliver: "azure:weather/alone"}
  - name: everywhere
    team: ml-platform
    purpose: training
    deliver: ["vault:${PREFIX}/all#WANDB_API_KEY", "other:${PREFIX}/all-other#WANDB_API_KEY", "aws:weather/all#WANDB_API_KEY", "azure:weather/all"]
`

func newWeather(t *testing.T) *weather {
	t.Helper()
	w := &weather{t: t, random: seeded(t), before: map[string][]*toxic{}, endured: map[string]int{}}
	front := func(server, address string) string {
		x := newToxic(t, address)
		w.before[server] = append(w.before[server], x)
		return x.URL
	}
	w.clouds = newCloudsBehind(t, func(address string) string { return front("azure", address) })
	for server, variable := range map[string]string{
		"wandb": "WANDB", "vault": "VAULT", "other": "OTHER", "aws": "AWS_ENDPOINT_URL_SECRETS_MANAGER",
	} {
		w.env = append(w.env, variable+"="+front(server, w.variable(variable)))
	}
	w.killer = &killer{
		t: t, world: w.world, command: "run", random: w.random, accounts: onEach, places: w.places(), settings: w.configure,
		moments: map[string]int{}, labels: map[string]bool{},
	}
	w.gate.look.set(w.killer.watch)
	return w
}

// variable is the value that the program finds in its environment.
func (p *program) variable(name string) string {
	for _, entry := range slices.Backward(p.env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	p.t.Fatalf("%s is not set", name)
	return ""
}

func (w *weather) configure(defaults, accounts string) {
	w.t.Helper()
	w.write("keyrota.yaml", `
instance: e2e
ledger: ledger.db
max_rotations_per_day: 100%
listen: off
sweep_every: 1s
wandb: {url: "${WANDB}", organization: acme, admin_key: env:WANDB_ADMIN_KEY}
stores:
  aws: {region: us-east-1}
  azure: {url: "${AZURE_URL}", auth: workload_identity, ca_file: "${AZURE_CA}"}
  vault: {address: "${VAULT}"}
  other: {type: vault, address: "${OTHER}"}
defaults: {owner: ml@acme.example, write_deadline: 1s, `+defaults+`}
accounts:
`+strings.TrimLeft(accounts, "\n"))
}

func (w *weather) places() []place {
	aws := func(account, secret string) place {
		return place{account: account, secret: "aws " + secret, find: func() (string, error) {
			text, _ := w.readAWS(secret)
			return fieldOf("WANDB_API_KEY")(text), nil
		}}
	}
	azure := func(account, secret string) place {
		return place{account: account, secret: "azure " + secret, find: func() (string, error) {
			text, _ := w.azure.Raw(secret)
			return text, nil
		}}
	}
	key := field("WANDB_API_KEY")
	return []place{
		inVault("on-vault", "alone", key), inVault("on-other", "other", key),
		aws("on-aws", "weather/alone"), azure("on-azure", "weather-alone"),
		inVault("everywhere", "all", key), inVault("everywhere", "all-other", key),
		aws("everywhere", "weather/all"), azure("everywhere", "weather-all"),
	}
}

// stores are where an account is delivered to, and the platform.
var needs = map[string][]string{
	"on-vault": {"vault", "wandb"}, "on-other": {"other", "wandb"}, "on-aws": {"aws", "wandb"}, "on-azure": {"azure", "wandb"},
	"everywhere": {"vault", "other", "aws", "azure", "wandb"},
}

// step is what ails whom for a while, in a seeded schedule.
type step struct {
	ailment ailment
	servers []string
	kill    *strike // the daemon dies of it meanwhile; nil: it lives
}

// String names a step for people.
func (s step) String() string {
	text := s.ailment.name + " before " + strings.Join(s.servers, ", ")
	if s.kill != nil {
		text += ", and a kill " + s.kill.String()
	}
	return text
}

// TestWeather: in a schedule that KEYROTA_SEED repeats, the networks before the
// platform and the stores are slow, cut off answers and requests, reset, swallow
// what is sent, or are gone, while keys are due all the time, and the daemon is
// killed and started anew. What is not delivered to a sick store is rotated
// meanwhile; no reader ever has a dead key; once a network is well, all rotate
// again.
func TestWeather(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		steps   int
		servers func(r *rand.Rand) []string
		kills   bool
	}{
		{"a store", 11, func(r *rand.Rand) []string { return []string{pickOf(r, "vault", "other", "aws", "azure")} }, false},
		{"the platform", 11, func(*rand.Rand) []string { return []string{"wandb"} }, false},
		{"several, and kills", 11, several, true},
		{"several, and other kills", 11, several, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWeather(t)
			if os.Getenv("KEYROTA_SOAK") != "" {
				c.steps *= 10
			}
			var schedule []step
			for len(schedule) < c.steps {
				kinds := ailments()
				w.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
				for _, kind := range kinds {
					s := step{ailment: kind, servers: c.servers(w.random)}
					if c.kills {
						s.kill = &strike{
							n: 1 + w.random.IntN(8), changes: true, moment: []moment{before, after, later}[w.random.IntN(3)],
							later: time.Duration(w.random.IntN(8000)) * time.Microsecond,
						}
					}
					schedule = append(schedule, s)
				}
			}
			w.play(schedule[:c.steps])
		})
	}
}

// several are one to three of all servers.
func several(r *rand.Rand) []string {
	all := []string{"wandb", "vault", "other", "aws", "azure"}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+r.IntN(3)]
}

func pickOf(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func (w *weather) play(schedule []step) {
	t := w.t
	w.configure("overlap: 1s, every: 1s", onEach)
	w.daemon = w.start(nil, "run")
	readers := w.readEvery(50*time.Millisecond, time.Second, w.killer.places...)
	w.rotated(readers, "at first", 2, nil)
	begun := time.Now()
	for _, s := range schedule {
		w.endure(readers, s)
		if t.Failed() {
			break
		}
	}
	_ = w.daemon.cmd.Process.Signal(syscall.SIGTERM)
	w.daemon.wait(t)
	w.killer.ended(w.daemon)
	took := w.killer.converge()
	readers.end(t)
	counts := w.killer.accounted()
	w.quiet(t)
	w.hunt()
	t.Logf("%d steps in %s, kills %v; %d rotations beside a sick network; converged in %s; %d reads, %d late, different keys %v\n%v\n%v",
		len(schedule), time.Since(begun).Round(time.Second), w.killer.moments, w.turns, took.Round(time.Millisecond),
		readers.reads, readers.late, readers.different(), w.endured, counts)
}

// endure lives through one step.
func (w *weather) endure(readers *readers, s step) {
	begun := time.Now()
	for _, server := range s.servers {
		w.ail(server, s.ailment)
	}
	if s.kill != nil {
		r := w.daemon
		s.kill.hit = r.kill
		w.strikes.set(s.kill)
		select {
		case <-r.ended:
		case <-time.After(2 * time.Second): // not so many changes come through
			w.strikes.set(nil)
			r.kill()
		}
		w.killer.struck(s.kill)
		w.daemon = w.start(nil, "run")
	}
	ailing := s.servers
	if s.ailment.slow {
		ailing = nil
	}
	if slices.Contains(ailing, "wandb") {
		w.hold(2 * time.Second) // longer than the overlap
	} else {
		w.turns += w.rotated(readers, s.String(), 1, ailing)
	}
	for _, server := range s.servers {
		w.heal(server)
	}
	held := time.Since(begun)
	w.rotated(readers, "after "+s.String(), 1, nil)
	w.endured[s.ailment.name]++
	w.t.Logf("%s: %s, then %s", s, held.Round(time.Millisecond), (time.Since(begun) - held).Round(time.Millisecond))
}

func (w *weather) ail(server string, a ailment) {
	for _, x := range w.before[server] {
		x.ail(a)
	}
}

func (w *weather) heal(server string) {
	for _, x := range w.before[server] {
		x.heal()
	}
}

// hold lets something last. The daemon must live through it.
func (w *weather) hold(d time.Duration) {
	select {
	case <-w.daemon.ended:
		w.t.Errorf("the daemon ended:\n%s", w.daemon.text())
	case <-time.After(d):
	}
}

// rotated waits until every account that needs none of the ailing servers has
// so many new keys at all its readers, and returns how many that were.
func (w *weather) rotated(readers *readers, when string, keys int, ailing []string) (turns int) {
	w.t.Helper()
	first := readers.different()
	var wait []place
	for _, p := range w.killer.places {
		if !slices.ContainsFunc(needs[p.account], func(s string) bool { return slices.Contains(ailing, s) }) {
			wait = append(wait, p)
		}
	}
	begun := time.Now()
	var missing []string
	for {
		now := readers.different()
		missing = nil
		turns = 0
		for _, p := range wait {
			turns += now[p.secret] - first[p.secret]
			if now[p.secret] < first[p.secret]+keys {
				missing = append(missing, p.account+" at "+p.secret)
			}
		}
		if len(missing) == 0 {
			return turns
		}
		if time.Since(begun) > 90*time.Second {
			w.t.Fatalf("%s: no new key for %v\n%s\n%s", when, missing, w.try("status").text(), w.daemon.text())
		}
		w.hold(20 * time.Millisecond)
		if w.t.Failed() {
			w.t.FailNow()
		}
	}
}

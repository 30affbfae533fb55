package rotation

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSimulate runs larger worlds at random: the promises hold at every
// instant, and when nothing goes wrong any more and a person does what is asked
// of them, everything converges. A failing run is shrunk and told; run again with
// the flag that it names, it is the same run.
func TestSimulate(t *testing.T) {
	worlds := 20000
	if testing.Short() || raceDetector {
		worlds = 500
	}
	s := simulation{}
	s.run(t, worlds)
	t.Logf("%s", s)
}

// TestSoak runs as many random worlds as there is time for.
func TestSoak(t *testing.T) {
	period, err := time.ParseDuration(os.Getenv("KEYROTA_SOAK"))
	if err != nil {
		t.Skip("set KEYROTA_SOAK to how long it may take, such as 10m")
	}
	s := simulation{}
	for began := time.Now(); time.Since(began) < period && !t.Failed(); {
		s.run(t, 20000)
		t.Logf("%s, %.0f worlds per second", s, float64(s.worlds)/time.Since(began).Seconds())
	}
}

// simulation counts what random worlds went through.
type simulation struct {
	worlds, steps int
	tally         map[string]int
}

// String returns the numbers as people read them.
func (s simulation) String() string {
	var names []string
	sum := 0
	for name, n := range s.tally {
		names = append(names, name)
		sum += n
	}
	slices.Sort(names)
	words := fmt.Sprintf("%d worlds, %d steps, %d faults and requests:", s.worlds, s.steps, sum)
	for _, name := range names {
		words += fmt.Sprintf(" %s %d;", name, s.tally[name])
	}
	return strings.TrimSuffix(words, ";")
}

func (s *simulation) run(t *testing.T, worlds int) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		defer func() { _ = f.Value.Set(f.DefValue) }()
		if err := f.Value.Set(strconv.Itoa(worlds)); err != nil {
			t.Fatal(err)
		}
	}
	if s.tally == nil {
		s.tally = map[string]int{}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := randomSetting(t)
		w := newWorld(c)
		w.log, w.tally = &trace{}, s.tally
		s.worlds++
		steps := 50 * rapid.IntRange(0, 12).Draw(t, "steps / 50")
		var all []choice
		for range steps {
			all = w.choices(all)
			quiet := calm(all)
			// A drawn number beyond all choices is one without a fault: most are.
			i := rapid.IntRange(0, len(all)+3*len(quiet)-1).Draw(t, "next")
			if i < len(quiet) {
				w.do(quiet[i])
			} else if i < len(all) {
				w.do(all[i])
			} else {
				w.do(quiet[(i-len(all))%len(quiet)])
			}
			w.check()
			w.mustHold(t)
			s.steps++
		}
		w.comeToRest(t)
	})
}

// calm are the choices in which nothing goes wrong.
func calm(all []choice) []choice {
	var quiet []choice
	for _, c := range all {
		if c.f == noFault && (c.kind == goOn || c.kind == tick) {
			quiet = append(quiet, c)
		}
	}
	return quiet
}

func randomSetting(t *rapid.T) *setting {
	few := rapid.Int8Range(0, 2)
	c := &setting{
		name: "simulation", start: rapid.SampledFrom([]func(*world){steady, retiring, born}).Draw(t, "start"),
		procs: rapid.IntRange(1, maxProcs).Draw(t, "processes"), dests: rapid.IntRange(1, maxDests).Draw(t, "destinations"),
		older: oldest, rotations: rapid.IntRange(0, 4).Draw(t, "rotations"), nonces: 20, policy: smallPolicy(), fresh: true,
		newLedger: rapid.Bool().Draw(t, "new ledger id"), mayPark: true,
		budget: budget{
			crash: few.Draw(t, "crashes"), lost: few.Draw(t, "lost answers"), refused: few.Draw(t, "refusals"),
			rotate: few.Draw(t, "rotate"), rollback: few.Draw(t, "rollback"), leak: few.Draw(t, "leak"),
			hand: few.Draw(t, "hand edits"), partial: few.Draw(t, "partial"), unseen: few.Draw(t, "unreachable"),
			config: few.Draw(t, "configurations"), removed: few.Draw(t, "removed keys"), unmark: few.Draw(t, "removed marks"),
			foreign: few.Draw(t, "foreign values"), down: few.Draw(t, "stores down"),
			mint: few.Draw(t, "minted keys"), retire: few.Draw(t, "retire"), erase: few.Draw(t, "secrets deleted"),
			rename: few.Draw(t, "renamed keys"), raise: few.Draw(t, "forged marks"), lag: few.Draw(t, "lag"),
			jump: few.Draw(t, "clock jumps"), unverified: few.Draw(t, "unverified"), throttled: few.Draw(t, "throttled"),
		},
		wild: true, late: rapid.Bool().Draw(t, "listings are answered late"),
		leaks: []leakWords{{}, {now: true}, {overlap: 2}},
	}
	if rapid.IntRange(0, 9).Draw(t, "the account vanishes") == 9 {
		c.budget.vanish = 1
	}
	if rapid.IntRange(0, 4).Draw(t, "the platform limits keys") == 4 {
		c.slots = 3
	}
	c.policy.Overlap = oneTick * 3
	switch rapid.IntRange(0, 3).Draw(t, "ledger") {
	case 1:
		c.budget.loss, c.findings = 2, true
	case 2:
		c.budget.backup, c.budget.restore, c.findings = 1, 1, true
	}
	for d := range c.dests {
		c.cas[d] = rapid.Bool().Draw(t, "compare-and-set")
		c.writeOnly[d] = d > 0 && rapid.Bool().Draw(t, "write-only")
	}
	var every []int8
	for d := range int8(c.dests) {
		every = append(every, d)
	}
	c.wants, c.shape = [][]int8{every, every, every[:1], {}, every}, []Shape{"raw", "a form", "raw", "raw", "raw"}
	c.frozen = []bool{false, false, false, false, true}
	if c.beats = rapid.Bool().Draw(t, "the platform tells of runs"); c.beats {
		c.budget.run, c.policy.MaxOverlap = few.Draw(t, "runs"), 6*oneTick
		if rapid.Bool().Draw(t, "a run goes on") {
			c.start = training
		}
	}
	if rapid.IntRange(0, 4).Draw(t, "the account is switched off") == 4 {
		off := rapid.SampledFrom([]AccountState{Quarantined, Removed}).Draw(t, "state")
		c.wants, c.shape, c.frozen = [][]int8{every, every, every[:1], every}, []Shape{"raw", "raw", "raw", "raw"}, []bool{false, false, false, true}
		c.states = []AccountState{Active, off, off, off}
		c.watched, c.budget.use = rapid.Bool().Draw(t, "its use is known"), few.Draw(t, "use")
	}
	return c
}

func (w *world) mustHold(t *rapid.T) {
	if w.broken != "" {
		t.Fatalf("%s\n%s", w.broken, strings.Join(w.log.lines, "\n"))
	}
}

// comeToRest ends all faults, lets the last process run alone, and has a person
// do what they are called for.
func (w *world) comeToRest(t *rapid.T) {
	w.say(-1, "---- nothing goes wrong from here on")
	calm := *w.c
	calm.slots = 0
	w.c, w.left, w.cfg, w.flights, w.tally = &calm, budget{}, 0, [maxFlights]flight{}, nil
	w.elapse(time.Duration(-w.skew) * oneTick)
	w.skew = 0
	for d := range w.secrets {
		w.secrets[d].unknown = false
	}
	for i := range w.procs {
		w.procs[i] = process{mem: nothing, auth: nothing}
	}
	w.runs = [maxRuns]run{}
	for range 5000 {
		if w.procs[0].phase == horizon {
			return
		}
		a := w.do(choice{proc: 0})
		w.check()
		w.mustHold(t)
		if a == nil || a.Kind != Wait {
			continue
		}
		if w.rec.Parked == "" && w.converged() || (w.gone || w.taken) && w.rec.Parked != "" {
			return
		}
		if !w.personHelps() {
			w.do(choice{proc: -1, kind: tick})
		}
	}
	t.Fatalf("convergence: it never comes to rest: %+v\n%s", w.secrets, strings.Join(w.log.lines, "\n"))
}

// personHelps does what only a person can: it reports whether there was
// something.
func (w *world) personHelps() bool {
	for _, d := range w.c.wants[w.cfg] {
		s := &w.secrets[d]
		switch {
		case s.values[0] == someoneElses:
			w.say(-1, "a person takes someone else's key out of %s", destinations[d])
			w.write(d, garbage, true)
			return true
		case s.n > 0 && !s.marked && !slices.Contains(w.rec.Adopt, destinations[d]):
			w.say(-1, "a person names %s to be taken over", destinations[d])
			r := w.rec.Clone()
			r.Adopt = append(r.Adopt, destinations[d])
			w.put2record(&r)
			return true
		}
	}
	if strangers := w.strangers(); len(strangers) > 0 && len(w.rec.Old) == 0 &&
		(w.rec.Request.Kind == RequestRotate || w.rec.leaked(w.rec.Offer.Edition)) {
		w.say(-1, "a person deletes %s, which nobody uses", keyID(strangers[0]))
		w.keys[strangers[0]].dead, w.keys[strangers[0]].by = true, byPerson
		return true
	}
	if w.rec.Parked == "" || w.made == maxKeys {
		return false
	}
	k := w.addKey("by hand", false)
	w.procs[0].mem = k
	w.say(-1, "a person creates %s by hand and adopts it", keyID(k))
	w.request(Request{Kind: RequestAdopt, Key: keyID(k)})
	return true
}

package rotation

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSimulate runs larger worlds at random: the promises hold at every
// instant, and when nothing goes wrong any more and a person does what is asked
// of them, everything converges. A failing run is shrunk and told.
func TestSimulate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := randomSetting(t)
		w := newWorld(c)
		w.log = &trace{}
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
		},
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
	c.wants, c.shape = [][]int8{every, every, every[:1], {}}, []Shape{"raw", "a form", "raw", "raw"}
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
	w.left, w.cfg, w.flights = budget{}, 0, [maxFlights]flight{}
	for d := range w.secrets {
		w.secrets[d].unknown = false
	}
	for i := range w.procs {
		w.procs[i] = process{mem: nothing, auth: nothing}
	}
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
		if w.rec.Parked == "" && w.converged() {
			return
		}
		if !w.personHelps() {
			w.do(choice{proc: -1, kind: tick})
		}
	}
	t.Fatalf("convergence: it never comes to rest\n%s", strings.Join(w.log.lines, "\n"))
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
	if w.rec.Parked == "" || w.made == maxKeys {
		return false
	}
	k := w.addKey("by hand", false)
	w.procs[0].mem = k
	w.say(-1, "a person creates %s by hand and adopts it", keyID(k))
	w.request(Request{Kind: RequestAdopt, Key: keyID(k)})
	return true
}

package rotation

import "strings"

// What the world knows of runs: which key each holds since it began.

const maxRuns = 1

// run is a job that read a key when it began, and holds it until it ends.
type run struct {
	up      bool
	key     int8
	created int
}

// training is a world in which a rotation has just been agreed, and a run that
// began long before goes on.
func training(w *world) {
	retiring(w)
	w.runs[0] = run{up: true, key: 0, created: -50}
}

// runChoices are the beginnings and ends of runs.
func (w *world) runChoices(all []choice) []choice {
	for i := range int8(maxRuns) {
		if w.runs[i].up && w.c.wild && w.left.run == 0 {
			continue
		}
		if w.runs[i].up {
			all = append(all, choice{proc: -1, kind: runEnds, d: i})
			continue
		}
		for d := range int8(w.c.dests) {
			v := w.secrets[d].values[0]
			if w.left.run > 0 && v >= 0 && !w.keys[v].dead {
				all = append(all, choice{proc: -1, kind: runBegins, d: i, v: d})
			}
		}
	}
	return all
}

func (w *world) runBegin(i, d int8) {
	w.left.run--
	w.runs[i] = run{up: true, key: w.secrets[d].values[0], created: w.now}
	w.say(-1, "a run begins, with %s of %s", keyID(w.runs[i].key), destinations[d])
}

func (w *world) runEnd(i int8) {
	w.say(-1, "a run ends")
	if w.c.wild {
		w.left.run--
	}
	w.runs[i] = run{}
}

// askRuns is what process i is told of runs.
func (w *world) askRuns(i int, f fault) {
	p := &w.procs[i]
	use := Use{Asked: true, Known: f == noFault, Again: f == unanswered}
	if use.Known {
		for _, r := range w.runs {
			if r.up && at(r.created).Before(p.before) {
				use.Beating = append(use.Beating, Beat{Run: "r", Created: at(r.created)})
			}
		}
	} else {
		use.Words = "no answer"
	}
	if len(use.Beating) > 0 {
		w.tell("key in use")
	}
	w.say(i, "asks for runs: %v %v %d", use.Known, use.Again, len(use.Beating))
	o := *p.obs
	o.Use = use
	p.obs = &o
	p.phase = deciding
}

// blind reports whether process p, which decides now, goes by nobody's word: no
// run was ever seen, and nobody may see any, or nobody said for so long or in
// such haste that a key does not wait for it.
func (w *world) blind(p *process) bool {
	u, r := p.obs.Use, p.rec
	if u.Known || len(r.HeldBy) > 0 {
		return false
	}
	return !u.Again || r.Leaked > 0 || !r.Leak.At.IsZero() || !w.clock().Before(r.Agreed.Add(w.c.policy.MaxOverlap))
}

// checkCalled judges what a process decides to save: nobody is called because of
// runs that nobody saw.
func (w *world) checkCalled(p *process, r Record) {
	if p.rec.Parked == "" && strings.Contains(r.Parked, "max_overlap") && len(p.obs.Use.Beating) == 0 && len(p.rec.HeldBy) == 0 {
		w.violate("convergence: a person is called to a run that nobody saw")
	}
}

// checkRuns judges the deletion of a key that nobody gave up: no run that was
// seen may hold it.
func (w *world) checkRuns(k int8, by *process) {
	for _, r := range w.runs {
		if r.up && r.key == k {
			w.tell("run broken")
		}
	}
	if !w.c.beats || by.blind || w.keys[k].known || w.keys[k].ended {
		return
	}
	for _, r := range w.runs {
		if r.up && r.key == k {
			w.violate("promise 1: %s is deleted, and a run that began before its successor holds it", keyID(k))
		}
	}
}

// runs writes the runs.
func (e *encoder) runs(w *world) {
	for _, r := range w.runs {
		e.put(bits(r.up, r.up && at(r.created).Before(w.rec.Agreed.Add(w.c.policy.ClockSkew))), byte(r.key))
		if r.up {
			e.age(w, at(r.created))
		}
	}
}

// seenUse writes what an observation says of runs.
func (e *encoder) seenUse(u Use) {
	e.put(bits(u.Asked, u.Known, u.Again, len(u.Beating) > 0))
}

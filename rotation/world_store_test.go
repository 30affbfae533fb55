package rotation

// look is what a store shows of a destination.
func (w *world) look(d int8) Holding {
	s := &w.secrets[d]
	if s.unknown {
		return Holding{Words: "no answer"}
	}
	h := Holding{Fresh: true, Version: version(s.n)}
	for i := 1; i <= w.c.older && s.n-i > 0; i++ {
		h.Older = append(h.Older, version(s.n-i))
	}
	switch {
	case s.n == 0 || s.values[0] == nothing:
		h.State = StateAbsent
		return h
	case !s.marked:
		h.State = StateBare
		return h
	case s.of == s.n:
		h.State = StateMarked
	default:
		h.State = StateEdited
	}
	h.Mark = s.mark.full()
	return h
}

// lookAs is what one look comes to.
func (w *world) lookAs(d int8, f fault) Holding {
	switch {
	case f == unreachable:
		return Holding{Words: "no answer"}
	case f == lagging && w.since[d] == w.now && !w.secrets[d].unknown:
		now := w.secrets[d]
		w.secrets[d] = w.before[d]
		defer func() { w.secrets[d] = now }()
	}
	return w.look(d)
}

// full reports whether the platform gives the account no further key.
func (w *world) full() bool {
	live := 0
	for k := range w.made {
		if !w.keys[k].dead {
			live++
		}
	}
	return w.c.slots > 0 && live >= w.c.slots
}

// read returns the value at a version, and pruned where it cannot be had any more.
func (w *world) read(d int8, v Version) int8 {
	s := &w.secrets[d]
	back := s.n - versionNumber(v)
	if v == "" {
		back = 0
	}
	if back < 0 || back > w.c.older {
		return pruned
	}
	return s.values[back]
}

// write makes a new current version.
func (w *world) write(d, value int8, byHand bool) {
	s := &w.secrets[d]
	if v := s.values[0]; v >= 0 {
		w.keys[v].held[d] = int16(w.now)
	}
	if w.c.wild {
		w.before[d], w.since[d] = *s, w.now
	}
	copy(s.values[1:], s.values[:oldest])
	s.n++
	s.values[0], s.byHand = value, byHand
	if byHand || value < 0 {
		return
	}
	k := &w.keys[value]
	switch {
	case !k.offered:
		w.violate("only offered keys are written: %s was written to %s and never offered", keyID(value), destinations[d])
	case k.dead && k.by != byPerson && !k.cut:
		w.violate("promise 1: dead key %s was written to %s", keyID(value), destinations[d])
	}
}

// putResult is how one step of a write went.
type putResult struct {
	over    bool
	outcome Outcome
}

// put performs the next step of the write that process i is about. A store
// with compare-and-set takes the mark of ownership of a new secret, the data,
// and then the mark that names the version; one without compares, and then the
// value and its mark land together whatever happened meanwhile.
func (w *world) put(i int, f fault) putResult {
	p := &w.procs[i]
	d := destIndex(p.eff.Destination)
	s := &w.secrets[d]
	value := keyIndex(p.eff.Key)
	m := mark{edition: p.eff.Edition, key: value, ledger: p.ledger, shape: p.shape}
	over := func(r Result, words string) putResult { return putResult{true, Outcome{Result: r, Words: words}} }
	ok := func() putResult {
		if f == lostAfter {
			return over(Unknown, "no answer")
		}
		return putResult{true, Outcome{Result: OK, Holding: w.look(d)}}
	}
	late := w.now >= p.deadline
	switch {
	case f == refusedOnce:
		w.say(i, "%s refuses the write", destinations[d])
		return over(Refused, "refused")
	case f == lostBefore:
		w.say(i, "the write to %s is lost before it arrives", destinations[d])
		return over(Unknown, "no answer")
	case s.unknown:
		return over(Unknown, "no answer")
	case late:
		w.say(i, "sends nothing more to %s: the deadline is over", destinations[d])
		return over(Unknown, "too late")
	}
	switch p.put {
	case putCompare:
		if h := w.look(d); h.State != p.eff.Seen.State || h.Version != p.eff.Seen.Version || h.Mark != p.eff.Seen.Mark {
			w.say(i, "%s changed since it was looked at: not written", destinations[d])
			return over(Conflict, "it changed")
		}
		p.put = putData
		if !w.c.cas[d] {
			w.say(i, "compares %s", destinations[d])
			return putResult{}
		}
		if s.n > 0 && s.values[0] != nothing {
			return w.put(i, f) // what is compared is compared again with the data
		}
		w.say(i, "marks %s as owned", destinations[d])
		if !s.marked {
			s.marked, s.mark, s.of = true, m, 0
		}
		return putResult{}
	case putData:
		if f == lostInFlight {
			for j := range w.flights {
				if !w.flights[j].up {
					w.flights[j] = flight{true, d, value, m, versionNumber(p.eff.Seen.Version), p.deadline}
					break
				}
			}
			w.say(i, "the write of %s to %s is on its way, and nobody waits for it", keyID(value), destinations[d])
			return over(Unknown, "no answer")
		}
		if w.c.cas[d] && s.n != versionNumber(p.eff.Seen.Version) {
			w.say(i, "%s changed since it was looked at: not written", destinations[d])
			return over(Conflict, "it changed")
		}
		w.say(i, "writes %s of edition %d to %s", keyID(value), m.edition, destinations[d])
		w.write(d, value, false)
		if !w.c.cas[d] {
			s.marked, s.mark, s.of = true, m, s.n
			return ok()
		}
		p.put, p.written = putMark, s.n
		if f == lostAfter {
			return over(Unknown, "no answer")
		}
		return putResult{}
	default:
		w.say(i, "marks version %d of %s with edition %d", p.written, destinations[d], m.edition)
		s.marked, s.mark, s.of = true, m, p.written
		return ok()
	}
}

// land lets a write arrive whose sender is gone.
func (w *world) land(j int) {
	f := w.flights[j]
	w.flights[j] = flight{}
	s := &w.secrets[f.dest]
	switch {
	case w.now >= f.deadline:
		return
	case w.c.cas[f.dest] && s.n != f.seen:
		return
	}
	w.say(-1, "the late write of %s arrives at %s", keyID(f.value), destinations[f.dest])
	w.write(f.dest, f.value, false)
	if !w.c.cas[f.dest] {
		s.marked, s.mark, s.of = true, f.mark, s.n
	}
}

package rotation

import "slices"

// choice is one thing that may happen next.
type choice struct {
	proc int8 // -1: not a process
	kind chance
	f    fault
	d    int8
	v    int8
}

type chance uint8

const (
	goOn chance = iota
	crash
	tick
	landing
	loseLedger
	takeBackup
	restore
	askRotate
	askRollback
	leak
	edit
	configure
	remove
	unmark
	goDown
	comeUp
	mint
	answer
	askRetire
	vanish
	erase
	rename
	raise
	jump
	askRetry
	runBegins
	runEnds
	useIt
)

// choices returns everything that may happen in this state, in a fixed order.
// The first for each process is that it goes on without a fault.
func (w *world) choices(into []choice) []choice {
	all := into[:0]
	for i := range w.c.procs {
		if p := &w.procs[i]; p.phase != horizon {
			all = append(all, choice{proc: int8(i)})
		}
	}
	all = append(all, choice{proc: -1, kind: tick})
	l := &w.left
	for i := range w.c.procs {
		p := &w.procs[i]
		all = w.faults(all, int8(i), p)
		if l.crash > 0 && (p.phase != resting || p.mem != nothing) && p.phase != horizon {
			all = append(all, choice{proc: int8(i), kind: crash})
			if p.phase == acting && p.eff.Kind == PutKey && p.put == putData {
				all = append(all, choice{proc: int8(i), kind: crash, f: lostInFlight})
			}
		}
	}
	for j := range w.flights {
		if w.flights[j].up {
			all = append(all, choice{proc: -1, kind: landing, d: int8(j)})
		}
	}
	none := func(k chance, d, v int8) { all = append(all, choice{proc: -1, kind: k, d: d, v: v}) }
	known := w.rec.Account != ""
	if l.loss > 0 && known {
		none(loseLedger, 0, 0)
	}
	if l.backup > 0 && known {
		none(takeBackup, 0, 0)
	}
	if l.restore > 0 && w.backup != nil {
		none(restore, 0, 0)
	}
	if l.rotate > 0 && known && w.rec.Request.Kind == RequestNone {
		none(askRotate, 0, 0)
	}
	if l.rollback > 0 && w.rec.Request.Kind == RequestNone {
		for _, o := range w.rec.Old {
			none(askRollback, 0, keyIndex(o.Key))
		}
	}
	all = w.leakChoices(all)
	all = w.runChoices(all)
	if l.use > 0 && !w.used {
		none(useIt, 0, 0)
	}
	if l.vanish > 0 && !w.deleting() {
		none(vanish, 0, 0)
	}
	all = w.wildChoices(all)
	if l.hand > 0 && !w.deleting() {
		all = w.edits(all)
	}
	for d := range int8(w.c.dests) {
		s := &w.secrets[d]
		if l.unmark > 0 && s.marked && !w.deleting() {
			none(unmark, d, 0)
		}
		if l.foreign > 0 && s.n > 0 && !w.deleting() {
			none(edit, d, someoneElses)
		}
		if l.down > 0 && !s.unknown {
			none(goDown, d, 0)
		}
		if s.unknown {
			none(comeUp, d, 0)
		}
	}
	if l.removed > 0 && !w.deleting() {
		for k := range int8(w.made) {
			if !w.keys[k].dead {
				none(remove, 0, k)
			}
		}
	}
	if l.config > 0 {
		for c := range w.c.wants {
			if int8(c) != w.cfg {
				none(configure, int8(c), 0)
			}
		}
	}
	return all
}

// tickChoice is where among the choices the tick of the clock is.
func (w *world) tickChoice() int {
	n := 0
	for i := range w.c.procs {
		if w.procs[i].phase != horizon {
			n++
		}
	}
	return n
}

// deleting reports whether a process is between its fresh look and a deletion:
// a hand edit in that moment is not survivable, and said to be so.
func (w *world) deleting() bool {
	for i := range w.c.procs {
		if w.procs[i].retire != nil {
			return true
		}
	}
	return false
}

func (w *world) edits(all []choice) []choice {
	for d := range int8(w.c.dests) {
		s := &w.secrets[d]
		if s.n == 0 {
			continue
		}
		all = append(all, choice{proc: -1, kind: edit, d: d, v: garbage})
		for k := range int8(w.made) {
			if !w.keys[k].dead && s.values[0] != k {
				all = append(all, choice{proc: -1, kind: edit, d: d, v: k})
			}
		}
	}
	return all
}

// faults are the ways in which the next effect of a process may go wrong.
func (w *world) faults(all []choice, i int8, p *process) []choice {
	l := &w.left
	add := func(fs ...fault) {
		for _, f := range fs {
			all = append(all, choice{proc: i, f: f})
		}
	}
	all = w.wildFaults(all, i, p)
	switch p.phase {
	case resting, listing:
		if l.partial > 0 && (p.phase == listing) == w.c.late {
			add(partial, partialButNewest)
		}
	case looking, seeking, asking:
		if l.unseen > 0 {
			add(unreachable)
			if p.phase == asking {
				add(unanswered)
			}
		}
	case acting:
		switch p.eff.Kind {
		case SaveRecord, RevokeKey, RemoveAccount:
			if l.lost > 0 {
				add(lostAfter, lostBefore)
			}
		case CreateKey:
			if l.lost > 0 {
				add(lostAfter, lostBefore)
			}
			if l.refused > 0 {
				add(refusedOnce, deniedOnce)
			}
		case PutKey:
			if l.lost > 0 {
				add(lostBefore)
				if p.put != putCompare || w.c.cas[destIndex(p.eff.Destination)] {
					add(lostAfter)
				}
				if p.put == putData {
					add(lostInFlight)
				}
			}
		}
	}
	return all
}

// do lets c happen. It returns what Next decided, if it was asked.
func (w *world) do(c choice) *Action {
	w.count(c)
	a := w.happen(c)
	w.settle()
	return a
}

func (w *world) happen(c choice) *Action {
	l := &w.left
	switch c.kind {
	case goOn:
		w.spend(&w.procs[c.proc], c.f)
		return w.step(int(c.proc), c.f)
	case crash:
		l.crash--
		if c.f == lostInFlight {
			w.put(int(c.proc), lostInFlight)
		}
		w.say(int(c.proc), "crashes")
		w.procs[c.proc] = process{mem: nothing, auth: nothing}
	case tick:
		w.now++
		for j := range w.flights {
			if w.flights[j].up && w.now >= w.flights[j].deadline {
				w.flights[j] = flight{}
			}
		}
		for d := range w.c.dests {
			if v := w.secrets[d].values[0]; v >= 0 {
				w.keys[v].held[d] = int16(w.now)
			}
		}
	case landing:
		w.land(int(c.d))
	case loseLedger:
		l.loss--
		w.say(-1, "the ledger is lost")
		w.rec, w.rev = &Record{}, w.rev+1
		w.forgetCondemned()
		w.forgetLeak()
		if w.c.newLedger {
			w.ledger++
		}
	case takeBackup:
		l.backup--
		w.say(-1, "the ledger is backed up")
		w.backup = w.rec
	case restore:
		l.restore--
		w.say(-1, "the ledger is restored (%s)", w.recordWords(w.backup))
		if !w.backup.Emergency() {
			w.forgetLeak()
		}
		w.rec, w.rev, w.backup = w.backup, w.rev+1, nil
		w.forgetCondemned()
	case askRotate:
		l.rotate--
		w.request(Request{Kind: RequestRotate})
	case askRollback:
		l.rollback--
		w.request(Request{Kind: RequestRollback, Key: keyID(c.v)})
	case leak:
		l.leak--
		w.tellLeak(w.c.says()[c.v], c.d == 1)
	case erase, rename, raise, jump, askRetry:
		w.wildly(c)
	case vanish:
		l.vanish--
		w.say(-1, "the account is gone")
		w.gone = true
		for k := range w.made {
			if key := &w.keys[k]; !key.dead {
				key.dead, key.by = true, byPerson
			}
		}
	case runBegins:
		w.runBegin(c.d, c.v)
	case runEnds:
		w.runEnd(c.d)
	case useIt:
		l.use--
		w.used = true
		w.say(-1, "somebody uses the account")
	case mint:
		l.mint--
		w.mintKey()
	case answer:
		w.answerFor(c.v, c.d == 1)
	case askRetire:
		l.retire--
		var named []KeyID
		for _, o := range w.rec.Old {
			if k := keyIndex(o.Key); c.v == nothing || c.v == k {
				w.keys[k].ended, named = true, append(named, o.Key)
			}
		}
		w.request(Request{Kind: RequestRetire, Keys: named})
	case unmark:
		l.unmark--
		w.say(-1, "a person removes the mark of %s", destinations[c.d])
		w.secrets[c.d].marked, w.secrets[c.d].mark, w.secrets[c.d].of = false, mark{}, 0
	case goDown:
		l.down--
		w.say(-1, "%s is down", destinations[c.d])
		w.secrets[c.d].unknown = true
	case comeUp:
		w.say(-1, "%s is up again", destinations[c.d])
		w.secrets[c.d].unknown = false
	case edit:
		if c.v == someoneElses {
			l.foreign--
		} else {
			l.hand--
		}
		w.say(-1, "a person writes %s to %s", w.valueWords(c.v), destinations[c.d])
		w.write(c.d, c.v, true)
	case remove:
		l.removed--
		w.say(-1, "a person deletes %s at the platform", keyID(c.v))
		w.keys[c.v].dead, w.keys[c.v].by = true, byPerson
	case configure:
		l.config--
		w.say(-1, "a person changes the configuration to %v", w.c.wants[c.d])
		w.cfg = c.d
		if w.rec.Account == "" || w.c.budget.restore > 0 {
			w.loseSight()
		}
	}
	return nil
}

// forgetCondemned: what the ledger does not know any more may be offered again.
func (w *world) forgetCondemned() {
	w.loseSight()
	for k := range w.keys {
		w.keys[k].doomed = false
	}
}

// loseSight notes the destinations that neither configuration nor record tell of.
func (w *world) loseSight() {
	for d := range int8(w.c.dests) {
		if !slices.Contains(w.c.wants[w.cfg], d) && !slices.Contains(w.rec.Dests, destinations[d]) {
			w.secrets[d].unrecorded = true
		}
	}
}

func (w *world) request(q Request) {
	r := w.rec.Clone()
	r.Request = q
	w.say(-1, "a person asks: %s %s%s", q.Kind, q.Key, leakShown(q))
	w.put2record(&r)
}

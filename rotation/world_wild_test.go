package rotation

import "time"

// What hardly any of the explorer's worlds know: there it would be too much.

// wildChoices are what else people and clocks may do.
func (w *world) wildChoices(all []choice) []choice {
	l := &w.left
	none := func(k chance, d, v int8) { all = append(all, choice{proc: -1, kind: k, d: d, v: v}) }
	for d := range int8(w.c.dests) {
		s := &w.secrets[d]
		if l.erase > 0 && s.n > 0 && s.values[0] != nothing && !w.deleting() {
			none(erase, d, 0)
		}
		if l.raise > 0 && s.marked && s.of == s.n && !w.deleting() {
			none(raise, d, 0)
		}
	}
	for k := range int8(w.made) {
		if l.rename > 0 && !w.keys[k].dead {
			none(rename, 0, k)
			if !w.keys[k].ours && !w.rec.knows(keyID(k)) {
				none(rename, 1, k)
			}
		}
	}
	if l.jump > 0 && w.between() {
		none(jump, 0, 5)
		none(jump, 0, -5)
		none(jump, 0, int8(-w.skew))
	}
	if w.c.wild && w.rec.Parked != "" && w.rec.Request.Kind == RequestNone && l.retire > 0 {
		none(askRetry, 0, 0)
	}
	return all
}

// between reports whether no process has a clock's answer that it did not use
// yet: a jump in that very moment is seen by nobody.
func (w *world) between() bool {
	for i := range w.c.procs {
		switch w.procs[i].phase {
		case resting, acting, horizon:
		default:
			return false
		}
	}
	return true
}

// wildly does what wildChoices offers.
func (w *world) wildly(c choice) {
	l := &w.left
	switch c.kind {
	case erase:
		l.erase--
		w.say(-1, "a person deletes %s", destinations[c.d])
		w.write(c.d, nothing, true)
		w.secrets[c.d].marked, w.secrets[c.d].mark, w.secrets[c.d].of = false, mark{}, 0
	case raise:
		l.raise--
		s := &w.secrets[c.d]
		s.mark.edition += 3
		w.say(-1, "a person forges the mark of %s: edition %d", destinations[c.d], s.mark.edition)
	case rename:
		l.rename--
		key := &w.keys[c.v]
		key.label, key.renamed = "renamed", true
		if c.d == 1 {
			key.label, key.forged = NewLabel("prod", accountID, w.rec.Seq+2, w.clock(), "f"), true
		}
		w.say(-1, "a person renames %s to %s", keyID(c.v), key.label)
	case jump:
		l.jump--
		w.say(-1, "the clock jumps by %d ticks", c.v)
		w.skew += int(c.v)
		w.elapse(time.Duration(c.v) * oneTick)
	case askRetry:
		l.retire--
		w.request(Request{Kind: RequestRetry})
	}
}

// elapse has what a process measures come no later for a clock that is set back:
// it goes by whichever of wall and monotonic clock says that less time is left.
func (w *world) elapse(by time.Duration) {
	if by > 0 {
		return
	}
	for i := range w.c.procs {
		p := &w.procs[i]
		if p.issue != nil {
			q := *p.issue
			q.begun = q.begun.Add(by)
			p.issue = &q
		}
		if p.deliver != nil {
			q := *p.deliver
			if !q.deadline.IsZero() {
				q.deadline = q.deadline.Add(by)
			}
			p.deliver = &q
		}
		if p.eff != nil && !p.eff.Deadline.IsZero() {
			e := *p.eff
			e.Deadline = e.Deadline.Add(by)
			p.eff = &e
		}
	}
}

// wildFaults are further ways in which the next effect may go wrong.
func (w *world) wildFaults(all []choice, i int8, p *process) []choice {
	l := &w.left
	add := func(fs ...fault) {
		for _, f := range fs {
			all = append(all, choice{proc: i, f: f})
		}
	}
	switch p.phase {
	case resting, listing:
		if l.lag > 0 && (p.phase == listing) == w.c.late {
			add(lagging)
		}
	case looking:
		if l.lag > 0 && w.c.wild {
			add(lagging)
		}
	case acting:
		switch p.eff.Kind {
		case TryPlace, LookAt:
			if l.unverified > 0 {
				add(unreachable)
			}
			if l.lag > 0 && w.c.wild && p.eff.Kind == LookAt {
				add(lagging)
			}
		case VerifyKey:
			if l.unverified > 0 {
				add(unreachable, deniedOnce)
			}
		case PutKey:
			if l.throttled > 0 {
				add(refusedOnce)
			}
		case RevokeKey:
			if l.throttled > 0 {
				add(refusedOnce, deniedOnce)
			}
		}
	}
	return all
}

// spend takes a fault off what may still go wrong.
func (w *world) spend(p *process, f fault) {
	l := &w.left
	switch f {
	case lostAfter, lostBefore, lostInFlight:
		l.lost--
	case refusedOnce, deniedOnce:
		switch p.eff.Kind {
		case CreateKey:
			l.refused--
		case VerifyKey:
			l.unverified--
		default:
			l.throttled--
		}
	case partial, partialButNewest:
		l.partial--
	case unreachable:
		if p.phase == acting {
			l.unverified--
		} else {
			l.unseen--
		}
	case unanswered:
		l.unseen--
	case lagging:
		l.lag--
	}
}

// chances and faults are what can happen, by the names that the package's
// documentation uses.
func chances() map[chance]string {
	return map[chance]string{
		crash: "crash", landing: "late write", loseLedger: "ledger lost", takeBackup: "backup", restore: "yesterday's ledger",
		askRotate: "rotate", askRollback: "rollback", leak: "leak", edit: "hand edit", configure: "configuration",
		remove: "key deleted", unmark: "mark removed", goDown: "store down", mint: "key minted", answer: "key named",
		askRetire: "retire", vanish: "account gone", erase: "secret deleted", rename: "label forged", raise: "mark forged",
		jump: "clock jump", askRetry: "retry", runBegins: "run begun", runEnds: "run ended", useIt: "use",
	}
}

func faults() map[fault]string {
	return map[fault]string{
		lostAfter: "answer lost", lostBefore: "request lost", lostInFlight: "request in flight", refusedOnce: "refused",
		deniedOnce: "denied", partial: "listing broken off", partialButNewest: "listing broken off late",
		unreachable: "unreachable", unanswered: "not answered", lagging: "lag",
	}
}

var chanceNames, faultNames = chances(), faults()

// tell counts something by its name, where somebody does.
func (w *world) tell(name string) {
	if w.tally != nil {
		w.tally[name]++
	}
}

// count counts what happens, where somebody does.
func (w *world) count(c choice) {
	if w.tally == nil {
		return
	}
	if name := chanceNames[c.kind]; name != "" {
		w.tally[name]++
	}
	if name := faultNames[c.f]; name != "" && c.kind == goOn {
		w.tally[name]++
	}
}

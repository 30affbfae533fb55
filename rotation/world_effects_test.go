package rotation

import "time"

// perform does the effect that process i is about, and goes on.
func (w *world) perform(i int, f fault) {
	p := &w.procs[i]
	e := p.eff
	var out Outcome
	switch e.Kind {
	case LoadRecord:
		p.rec, p.rev = w.rec, w.rev
		w.say(i, "loads the record (%s)", w.recordWords(p.rec))
		out.Result = OK
	case SaveRecord:
		out.Result = w.save(i, f)
	case TryPlace:
		out.Value, p.auth = w.try(i, e.Place)
		if f == unreachable {
			out.Value, p.auth = Value{Place: e.Place, Words: "no answer"}, nothing
		}
		out.Result, out.At = OK, at(w.now)
		w.say(i, "reads %s back: %s %s", w.placeWords(e.Place), verdictWords(out.Value.Verdict), out.Value.Key)
	case LookAt:
		d := destIndex(e.Destination)
		out.Holding = w.lookAs(d, f)
		if out.Holding.Fresh {
			out.Result = OK
		}
		w.say(i, "looks at %s: %s", e.Destination, w.shown(out.Holding))
	case CreateKey:
		out = w.create(i, f)
	case VerifyKey:
		k := keyIndex(e.Key)
		out.Result, out.At = OK, at(w.now)
		out.Value = Value{Verdict: Dead}
		switch {
		case f == unreachable:
			out.Value = Value{Words: "no answer"}
		case f == deniedOnce:
			out.Value = Value{Verdict: Foreign, Words: "it is another account's"}
		case !w.keys[k].dead:
			out.Value = Value{Verdict: Live, Key: e.Key, Account: accountID}
		}
		w.say(i, "verifies %s: %s", e.Key, verdictWords(out.Value.Verdict))
	case RevokeKey:
		out.Result = w.revoke(i, f)
	case RemoveAccount:
		out.Result = w.takeAccount(i, f)
	case PutKey:
		r := w.put(i, f)
		if !r.over {
			return
		}
		out = r.outcome
	}
	if p.act == Save {
		p.rest()
		return
	}
	offered := p.issue != nil && p.issue.step == issueEnd && e.Kind == SaveRecord && e.Record.Offer.Key == p.issue.key && out.Result == OK
	key := nothing
	if offered {
		key = keyIndex(p.issue.key)
	}
	w.advance(i, out)
	if offered {
		w.procs[i].mem = key
	}
}

func (w *world) save(i int, f fault) Result {
	p := &w.procs[i]
	switch {
	case f == lostBefore:
		w.say(i, "the record is not saved, and no answer says so")
		return Unknown
	case p.rev != w.rev:
		w.say(i, "the record moved since it was loaded: not saved")
		if f == lostAfter {
			return Unknown
		}
		return Conflict
	}
	r := p.eff.Record
	w.checkOff(p, &r)
	w.put2record(&r)
	w.say(i, "saves the record (%s)", w.recordWords(&r))
	if f == lostAfter {
		w.say(i, "and gets no answer")
		return Unknown
	}
	p.rec, p.rev = w.rec, w.rev
	return OK
}

// put2record makes r the record, and checks what no record may say.
func (w *world) put2record(r *Record) {
	w.checkLeak(w.rec, r)
	w.rec = r
	w.rev++
	for _, o := range r.Old {
		if k := keyIndex(o.Key); o.Condemned && k >= 0 {
			w.keys[k].doomed = true
		}
	}
	if k := keyIndex(r.Offer.Key); k >= 0 {
		if w.keys[k].doomed {
			w.violate("promise 1: %s is offered, and was condemned before", r.Offer.Key)
		}
		w.keys[k].offered = true
	}
}

func (w *world) try(i int, at Place) (Value, int8) {
	v := Value{Place: at}
	var got int8
	switch at.Kind {
	case PlaceMemory:
		got = w.procs[i].mem
	case PlacePlatform:
		got = 0
	default:
		d := destIndex(at.Destination)
		if w.secrets[d].unknown {
			v.Words = "no answer"
			return v, nothing
		}
		if w.c.writeOnly[d] {
			v.Verdict = Unreadable
			return v, nothing
		}
		got = w.read(d, at.Version)
	}
	switch {
	case at.Kind == PlaceStore && got == pruned:
		v.Words = "that version is not there any more"
	case got == someoneElses:
		v.Verdict = Foreign
	case got >= 0 && !w.keys[got].dead:
		v.Verdict, v.Key, v.Account, v.Skew = Live, keyID(got), accountID, -time.Duration(w.skew)*oneTick
	default:
		v.Verdict = Dead
	}
	return v, got
}

func (w *world) create(i int, f fault) Outcome {
	p := &w.procs[i]
	switch {
	case w.now+w.skew >= ticks(p.eff.Deadline):
		w.say(i, "sends no request for a key any more: the deadline is over")
		return Outcome{Result: Conflict, Words: "too late"}
	case p.auth < 0 || w.keys[p.auth].dead || w.gone || w.taken:
		w.say(i, "creates no key: what it would create it with is dead")
		return Outcome{Result: Denied, Words: "unauthorized"}
	case f == refusedOnce || w.full():
		w.say(i, "creating a key is refused")
		return Outcome{Result: Refused, Words: "limit"}
	case f == deniedOnce:
		w.say(i, "creating a key is denied")
		return Outcome{Result: Denied, Words: "disabled"}
	case f == lostBefore:
		w.say(i, "no key is created, and no answer says so")
		return Outcome{Words: "no answer"}
	}
	if w.made == maxKeys {
		*p = process{phase: horizon, mem: nothing, auth: nothing}
		return Outcome{Words: "horizon"}
	}
	k := w.addKey(p.eff.Label, true)
	w.say(i, "creates %s labelled %s", keyID(k), p.eff.Label)
	if f == lostAfter {
		w.say(i, "and gets no answer")
		return Outcome{Words: "no answer"}
	}
	return Outcome{Result: OK, Key: keyID(k)}
}

func (w *world) revoke(i int, f fault) Result {
	p := &w.procs[i]
	if f == lostBefore {
		w.say(i, "%s is not deleted, and no answer says so", p.eff.Key)
		return Unknown
	}
	if f == refusedOnce || f == deniedOnce {
		w.say(i, "deleting %s is refused", p.eff.Key)
		return map[fault]Result{refusedOnce: Refused, deniedOnce: Denied}[f]
	}
	k := keyIndex(p.eff.Key)
	w.say(i, "deletes %s", p.eff.Key)
	if !w.keys[k].dead {
		w.keys[k].dead, w.keys[k].died = true, w.now
		switch {
		case p.retire != nil:
			w.keys[k].by = retired
		case p.quarantine != nil:
			w.keys[k].by = switchedOff
		default:
			w.keys[k].by = discarded
		}
		w.checkDeletion(k, p)
	}
	if f == lostAfter {
		w.say(i, "and gets no answer")
		return Unknown
	}
	return OK
}

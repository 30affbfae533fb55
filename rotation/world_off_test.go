package rotation

// What the world knows of accounts that are switched off.

// lastUse is what an observation says of the account's use.
func (w *world) lastUse() LastUse {
	u := LastUse{Known: w.c.watched}
	if w.used {
		u.At = at(0)
	}
	return u
}

// wantedOff reports whether the configuration wants the account to have no key,
// and nothing speaks against it.
func (w *world) wantedOff() bool {
	return len(w.c.states) > 0 && w.c.states[w.cfg] != Active && !(w.used && w.rec.Off.Begun.IsZero())
}

// switchedOff reports whether the account is as it is wanted: without a key, or
// frozen on the way there.
func (w *world) switchedOff() bool {
	r := w.rec
	if len(w.c.frozen) > 0 && w.c.frozen[w.cfg] {
		return true // until a person lifts it
	}
	if r.Off.State != w.c.states[w.cfg] || r.Off.Done.IsZero() || r.Offer.Key != "" || len(r.Old) > 0 || r.Request.Kind != RequestNone || r.Emergency() {
		return false
	}
	for k := range w.made {
		if !w.keys[k].dead {
			return false
		}
	}
	return r.Off.State != Removed || w.taken && !r.Off.Gone.IsZero()
}

// takeAccount takes the account out of its team, and its keys with it.
func (w *world) takeAccount(i int, f fault) Result {
	if f == lostBefore {
		w.say(i, "the account is not removed, and no answer says so")
		return Unknown
	}
	w.say(i, "removes the account")
	w.tell("account removed")
	w.taken = true
	for k := range w.made {
		if key := &w.keys[k]; !key.dead {
			key.dead, key.by = true, switchedOff
			if !key.ours && key.born >= ticks(w.rec.Off.Begun) {
				continue // made a moment ago, by whoever knew another
			}
			w.violate("off: the account is removed while %s lives", keyID(int8(k)))
		}
	}
	if f == lostAfter {
		w.say(i, "and gets no answer")
		return Unknown
	}
	return OK
}

// checkQuarantine judges the deletion of a key of an account that is switched
// off.
func (w *world) checkQuarantine(k int8, by *process) {
	s := w.spec(by)
	warned := by.rec.Off.Warned
	switch {
	case !s.off() || warned.IsZero():
		w.violate("promise 1: %s is deleted, and nobody wants the account switched off", keyID(k))
	case !w.keys[k].doomed && w.c.budget.loss+w.c.budget.restore == 0:
		w.violate("%s is deleted and was never condemned", keyID(k))
	case w.trueTime() && w.left.loss+w.left.restore == w.c.budget.loss+w.c.budget.restore && at(w.now).Before(at(w.warned).Add(s.QuarantineWait)),
		!w.trueTime() && w.clock().Before(warned.Add(s.QuarantineWait)):
		w.violate("promise 1: %s is deleted while the account's owner is still being warned", keyID(k))
	case s.Policy.Freeze != nil:
		w.violate("promise 1: %s is deleted during a freeze", keyID(k))
	case by.rec.Offer.Key == keyID(k):
		w.violate("promise 1: %s is deleted while it is offered", keyID(k))
	}
}

// trueTime reports whether the waiting period is checked by the platform's clock.
func (w *world) trueTime() bool { return w.c.wild || w.c.budget.jump > 0 }

// checkOff judges what a record that process p saves says of switching off.
func (w *world) checkOff(p *process, after *Record) {
	before := p.rec.Off
	if !after.Off.Warned.Equal(before.Warned) {
		w.warned = p.decided
	}
	if p.obs != nil && w.c.watched && !p.obs.LastUse.At.IsZero() &&
		(before.Warned.IsZero() && !after.Off.Warned.IsZero() || before.Begun.IsZero() && !after.Off.Begun.IsZero()) {
		w.violate("promise 1: the account is switched off, and its use was seen")
	}
	if !before.Done.IsZero() || after.Off.Done.IsZero() {
		return
	}
	w.tell("account quarantined")
	for k := range w.made {
		if key := &w.keys[k]; !key.dead && (key.ours || key.born < ticks(after.Off.Begun)) {
			w.violate("leak: the account is said to be quarantined, and %s lives", keyID(int8(k)))
		}
	}
}

// off writes how far an account is switched off.
func (e *encoder) off(w *world, o Off) {
	e.put(byte(len(o.State)), bits(!o.Done.IsZero(), !o.Gone.IsZero()))
	e.age(w, o.Warned)
	e.age(w, o.Begun)
}

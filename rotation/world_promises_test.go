package rotation

import "time"

// check looks whether the promises hold in this state.
func (w *world) check() {
	for d := range w.c.dests {
		s := &w.secrets[d]
		if v := s.values[0]; v >= 0 && !s.byHand && !s.unrecorded && w.keys[v].dead && w.keys[v].by != byPerson && w.keys[v].by != switchedOff && !w.keys[v].cut {
			w.violate("promise 1: readers of %s hold %s, which we deleted", destinations[d], keyID(v))
		}
	}
	live := 0
	for k := range w.made {
		key := &w.keys[k]
		if key.dead || !key.ours {
			continue
		}
		live++
		unknown := !w.c.findings || key.offered && w.rec.Account != "" && w.c.budget.restore == 0
		if unknown && !w.explained(int8(k)) {
			w.violate("promise 2: live key %s labelled %s is lost from sight", keyID(int8(k)), key.label)
		}
	}
	// The first key counts as long as it is the first: one put by hand is a person's matter.
	if w.c.budget.loss+w.c.budget.restore == 0 && w.rec.knows(keyID(0)) && !w.keys[0].dead && !w.keys[0].ours && !w.keys[0].named {
		live++
	}
	most := w.c.policy.MaxKeys
	if w.rec.Emergency() {
		most = w.c.policy.EmergencyKeys
	}
	if w.c.wild {
		most += int(w.c.budget.lag) // a listing that lags leaves one out
	}
	if live > most+w.c.procs-1 { // a paused process may yet create the one key that it was about
		w.violate("slots: %d live keys, at most %d", live, most)
	}
}

// explained reports whether the record knows a live key, or its label.
func (w *world) explained(k int8) bool {
	if w.rec.knows(keyID(k)) || w.keys[k].label == w.rec.Intent.Label {
		return true
	}
	if e, _ := w.keys[k].label.EditionFor("prod", accountID); w.c.findings && e > w.rec.Seq {
		return true // the next look at it recovers the record
	}
	if w.keys[k].renamed {
		return true // a person took its label away: it is told as one that nothing explains
	}
	for _, a := range w.rec.Abandoned {
		if a.Label == w.keys[k].label {
			return true
		}
	}
	return false
}

// checkDeletion judges a deletion at its moment.
func (w *world) checkDeletion(k int8, by *process) {
	key := &w.keys[k]
	// A restored ledger does not know of an offer that nobody may deliver any more.
	if key.by == discarded && key.offered && w.c.budget.restore == 0 {
		w.violate("promise 1: %s was offered, and is deleted as if it never was", keyID(k))
	}
	if key.by == switchedOff {
		w.checkQuarantine(k, by)
	}
	if key.by != retired {
		return
	}
	if !key.doomed && w.c.budget.loss+w.c.budget.restore == 0 {
		w.violate("%s is deleted and was never condemned", keyID(k))
	}
	switch {
	case !key.ours && !key.offered && !key.named && !key.forged:
		w.violate("promise 5: %s is deleted, and is not ours", keyID(k))
	case key.kept:
		w.violate("promise 5: %s is deleted, and was kept by name", keyID(k))
	case by.retire.cut && (key.soon || key.named):
		w.checkCut(k, by)
		return
	}
	w.checkRuns(k, by)
	wait := w.overlapOf(k)
	for d := range w.c.dests {
		if w.secrets[d].unrecorded {
			continue
		}
		if w.secrets[d].values[0] == k {
			w.violate("promise 1: %s is deleted, and readers of %s hold it", keyID(k), destinations[d])
			continue
		}
		if held := key.held[d]; held >= 0 && w.now-int(held) < wait {
			w.violate("promise 1: %s is deleted %d ticks after readers of %s could read it, the overlap is %d",
				keyID(k), w.now-int(held), destinations[d], wait)
		}
	}
	if o := keyIndex(by.retire.offer.Key); w.keys[o].dead && w.keys[o].by != retired {
		w.violate("promise 1: %s is deleted, and its successor %s is dead", keyID(k), keyID(o))
	}
}

func (w *world) overlapOf(k int8) int {
	overlap := max(w.c.policy.Overlap, w.c.policy.WriteDeadline)
	if w.keys[k].asked {
		for _, says := range w.c.says() {
			overlap = min(overlap, max(time.Duration(says.overlap)*oneTick, w.c.policy.WriteDeadline))
		}
	}
	if w.keys[k].ended {
		overlap = w.c.policy.WriteDeadline
	}
	if w.c.budget.restore > 0 {
		// What contradicted the agreement between backup and restoring is on no
		// record, nor to be seen once it is put right: the overlap is then counted
		// from the backup's agreement. That nobody holds the key is checked.
		return 0
	}
	return int(overlap / oneTick)
}

// converged reports whether there is nothing left to do.
func (w *world) converged() bool {
	r := w.rec
	if r.Parked != "" {
		return w.c.mayPark || r.Tries >= triesBeforeParking // that many failures call a person
	}
	if w.wantedOff() {
		return w.switchedOff()
	}
	if w.gone || w.taken {
		return false // whoever looks calls a person
	}
	wanted := w.c.wants[w.cfg]
	if len(wanted) == 0 {
		return true // nothing is issued and nothing is deleted
	}
	o := keyIndex(r.Offer.Key)
	if r.Intent.Label != "" || r.Agreed.IsZero() || r.Request.Kind != RequestNone || o < 0 || w.keys[o].dead {
		return false
	}
	for _, d := range wanted {
		s := &w.secrets[d]
		if s.values[0] != o || !s.marked || s.of != s.n || s.mark.edition != r.Offer.Edition {
			return false
		}
	}
	for _, dest := range r.Dests {
		if s := &w.secrets[destIndex(dest)]; s.values[0] != o || s.mark.edition != r.Offer.Edition {
			return true // left the configuration without the offer: nothing is deleted
		}
	}
	if len(r.Old) > 0 {
		return false
	}
	for k := range w.made {
		if key := &w.keys[k]; !key.dead && key.ours && int8(k) != o && !w.c.findings && !key.renamed {
			return false
		}
	}
	for _, k := range w.strangers() {
		if !w.told(k) {
			return false
		}
	}
	return !r.Emergency() || w.inQuestion()
}

func ticks(t time.Time) int { return int(t.Sub(at(0)) / oneTick) }

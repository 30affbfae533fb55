package rotation

import (
	"slices"
	"time"
)

// What the world knows of leaks: which keys others may know, and what a person
// said of each.

// leakWords is one way in which a person tells of a leak.
type leakWords struct {
	overlap int // ticks
	now     bool
}

// says are the leaks that a person may tell of: at least one.
func (c *setting) says() []leakWords {
	if len(c.leaks) == 0 {
		return []leakWords{{}}
	}
	return c.leaks
}

// leakChoices are what a person may say, and what whoever knows a key may do.
func (w *world) leakChoices(all []choice) []choice {
	l := &w.left
	none := func(k chance, d, v int8) { all = append(all, choice{proc: -1, kind: k, d: d, v: v}) }
	strangers := w.strangers()
	if l.leak > 0 && w.rec.Account != "" {
		for i := range w.c.says() {
			none(leak, 0, int8(i))
			if len(strangers) > 0 {
				none(leak, 1, int8(i))
			}
		}
	}
	if l.mint > 0 && w.made < maxKeys && w.mintable() {
		none(mint, 0, 0)
	}
	if w.rec.Emergency() && w.rec.Request.Kind == RequestNone {
		for _, k := range strangers {
			if w.told(k) && !slices.Contains(w.rec.Leak.Keep, keyID(k)) {
				none(answer, 0, k)
				none(answer, 1, k)
			}
		}
	}
	if l.retire > 0 && w.rec.Request.Kind == RequestNone {
		for _, o := range w.rec.Old {
			none(askRetire, 0, keyIndex(o.Key))
		}
		if len(w.rec.Old) > 1 {
			none(askRetire, 0, nothing)
		}
	}
	return all
}

// mintable reports whether somebody has a key to make another with.
func (w *world) mintable() bool {
	for k := range w.made {
		key := &w.keys[k]
		if !key.dead && (w.left.leak == w.c.budget.leak || key.known) {
			return true
		}
	}
	return false
}

// strangers are the live keys that nothing on record explains.
func (w *world) strangers() []int8 {
	var ks []int8
	for k := range int8(w.made) {
		label := w.keys[k].label
		ours := label != "" && (label == w.rec.Intent.Label ||
			slices.ContainsFunc(w.rec.Abandoned, func(a Abandoned) bool { return a.Label == label }))
		if !w.keys[k].dead && !ours && !w.rec.knows(keyID(k)) {
			ks = append(ks, k)
		}
	}
	return ks
}

func (w *world) told(k int8) bool {
	return slices.Contains(w.rec.Strange, keyID(k))
}

// mintKey has somebody make a key of the account with one they hold.
func (w *world) mintKey() {
	k := w.addKey("", false)
	w.keys[k].known = w.left.leak != w.c.budget.leak
	w.say(-1, "somebody makes %s with a key that they know", keyID(k))
}

// tellLeak is a person's word that others may know the account's keys; they
// name every key that nothing explains: to go, or to stay.
func (w *world) tellLeak(words leakWords, keep bool) {
	q := Request{Kind: RequestLeaked, At: at(w.now), Leak: Leak{Overlap: time.Duration(words.overlap) * oneTick, Now: words.now}}
	for _, k := range w.strangers() {
		if keep {
			q.Leak.Keep = append(q.Leak.Keep, keyID(k))
		} else {
			q.Keys = append(q.Keys, keyID(k))
		}
	}
	w.ask(q)
}

// answerFor is a person's word on one key that nothing explains.
func (w *world) answerFor(k int8, keep bool) {
	q := Request{Kind: RequestLeaked, At: at(w.now), Leak: Leak{Overlap: w.rec.Leak.Overlap, Now: w.rec.Leak.Now}}
	if keep {
		q.Leak.Keep = []KeyID{keyID(k)}
	} else {
		q.Keys = []KeyID{keyID(k)}
	}
	w.ask(q)
}

// ask notes what a leak means for every key, and puts it on record.
func (w *world) ask(q Request) {
	again := !w.rec.Continues(q)
	for k := range w.made {
		key := &w.keys[k]
		if key.dead {
			continue
		}
		key.known = key.known || again
		if key.known {
			key.soon = key.soon || q.Leak.Now
			key.asked = true
		}
	}
	w.request(q)
}

// checkLeak judges what a record makes of a leak.
func (w *world) checkLeak(before, after *Record) {
	for _, o := range after.Old {
		if k := keyIndex(o.Key); o.named() || o.foreign() {
			w.keys[k].named, w.keys[k].kept = true, false
		}
	}
	for k := range w.keys {
		w.keys[k].kept = w.keys[k].kept && after.old(keyID(int8(k))) < 0
	}
	for _, k := range after.Leak.Keep {
		w.keys[keyIndex(k)].kept = true
	}
	if before.Request.Kind == RequestLeaked && after.Request.Kind != RequestLeaked && !after.Emergency() {
		w.violate("leak: what a person said is forgotten")
	}
	if k := keyIndex(after.Offer.Key); k >= 0 && before.Offer.Key != after.Offer.Key {
		key := &w.keys[k]
		if key.known && !key.kept && !after.leaked(after.Offer.Edition) {
			w.violate("leak: %s is offered as if nobody else knew it", after.Offer.Key)
		}
		key.known, key.kept = key.known && !key.kept, false // a person says that nobody else does
	}
	if !before.Emergency() || after.Emergency() {
		return
	}
	for k := range w.made {
		if key := &w.keys[k]; !key.dead && key.known && !key.kept {
			w.violate("leak: it is said to be over, and %s lives", keyID(int8(k)))
		}
	}
}

// forgetLeak: the ledger does not know any more what a person said.
func (w *world) forgetLeak() {
	for k := range w.keys {
		key := &w.keys[k]
		key.known, key.named, key.kept = false, false, false
	}
}

// checkCut judges a deletion for which a person let readers be broken.
func (w *world) checkCut(k int8, by *process) {
	o, at := keyIndex(by.retire.offer.Key), by.retire.verified
	if w.keys[o].dead || at.Destination == (Destination{}) || w.keys[o].held[destIndex(at.Destination)] < 0 && w.secrets[destIndex(at.Destination)].values[0] != o || by.rec.leaked(by.retire.offer.Edition) ||
		by.rec.Request.Kind == RequestLeaked {
		w.violate("promise 1: %s is cut off, and no readable destination holds its successor", keyID(k))
	}
	w.keys[k].cut = true
}

// inQuestion reports whether the emergency waits for a person to say whose a
// key is.
func (w *world) inQuestion() bool {
	return slices.ContainsFunc(w.strangers(), func(k int8) bool { return !slices.Contains(w.rec.Leak.Keep, keyID(k)) })
}

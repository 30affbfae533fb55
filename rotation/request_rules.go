package rotation

import (
	"slices"
	"time"
)

// requested does what a person asked for, where that is not a new key.
func (d *decision) requested() (Action, bool) {
	q := d.r.Request
	switch q.Kind {
	case RequestRollback:
		i := d.r.old(q.Key)
		r := d.r.Clone()
		r.Request = Request{}
		if i < 0 || !r.offerable(q.Key) {
			why, words := "the key can no longer be offered", "the key is not among those that can come back"
			if i >= 0 && r.leaked(r.Old[i].Edition) {
				why, words = "others may know that key", "others may know that key, and it is never offered again"
			}
			return save(7, why, r, Event{Kind: EventRequested, Key: q.Key, Words: "rollback refused: " + words})
		}
		r = r.offering(d.r.Seq+1, q.Key, time.Time{})
		return save(7, "a person asked to roll back", r, Event{Kind: EventRolledBack, Key: q.Key, Edition: r.Seq, Words: q.Reason})
	case RequestRetire:
		return d.endOverlap(q)
	case RequestAdopt:
		return d.adopt(q)
	case RequestRetry:
		r := d.r.Clone()
		r.Request, r.Tries, r.NotBefore = Request{}, 0, time.Time{}
		return save(7, "a person asked to try again", r)
	}
	return Action{}, false
}

// endOverlap ends the overlap of the old keys that a person was shown: what
// became old since, readers may have read a moment ago.
func (d *decision) endOverlap(q Request) (Action, bool) {
	r := d.r.Clone()
	r.Request = Request{}
	var events []Event
	for i, o := range r.Old {
		if slices.Contains(q.Keys, o.Key) {
			r.Old[i].Ended = true
			events = append(events, Event{Kind: EventEnded, Key: o.Key, Edition: o.Edition, Words: q.Reason})
		}
	}
	if len(events) == 0 {
		return save(7, "there is no such old key", r, Event{Kind: EventRequested, Words: "retire refused: no key that was named is among the old keys"})
	}
	return save(7, "a person says that the overlap is over", r, events...)
}

func (d *decision) adopt(q Request) (Action, bool) {
	at := Place{Kind: PlaceMemory}
	if q.From != (Destination{}) {
		at = Place{Kind: PlaceStore, Destination: q.From}
	}
	v, tried := d.o.value(at)
	if !tried {
		if at.Kind == PlaceMemory {
			if d.r.handedIn() && d.r.Agreed.IsZero() {
				return Action{}, false // being delivered by whoever has the key
			}
			if d.r.Offer.Key == q.Key {
				r := d.r.Clone()
				r.Request = Request{}
				return save(7, "already adopted", r)
			}
			return blocked(7, "adoption was begun by %s and needs the key again: keyrota adopt %s --key-file -", q.By, d.s.Account.Ref)
		}
		return Action{Kind: Seek, Rule: 7, Places: []Place{at}, Why: "a person asked to adopt the key found there"}, true
	}
	r := d.r.Clone()
	r.Request = Request{}
	switch {
	case v.Verdict == Unreached:
		return blocked(7, "cannot read the key to adopt: %s", v.Words)
	case v.Verdict != Live || !r.offerable(v.Key):
		words := "adoption refused: " + map[Verdict]string{
			Live: "that key is being deleted, is deleted already, or is known to others", Dead: "no key there, or one that does not work",
			Foreign: "that key belongs to someone else", Unreadable: "it cannot be read back",
		}[v.Verdict]
		return save(7, words, r, Event{Kind: EventRequested, Key: v.Key, Words: words})
	case v.Key == r.Offer.Key && d.r.handedIn() && r.Agreed.IsZero():
		return Action{}, false
	case v.Key == r.Offer.Key:
		return save(7, "already adopted", r)
	}
	if at.Kind == PlaceMemory {
		r.Request = q // until it is delivered: nobody else has the value
	}
	r = r.offering(d.r.Seq+1, v.Key, time.Time{})
	return save(7, "a person asked to adopt this key", r, Event{Kind: EventAdopted, Key: v.Key, Edition: r.Seq, Words: q.Reason})
}

// emergency issues at a person's word, or because keys are known to others.
func (d *decision) emergency() (Action, bool) {
	leaked := d.r.leaked(d.r.Offer.Edition)
	asked := d.r.Request.Kind == RequestRotate && !d.s.Policy.frozen(d.now)
	if !asked && !leaked || d.r.Offer.Key == "" {
		return Action{}, false
	}
	if !d.slotFree() || d.now.Before(d.r.NotBefore) {
		return Action{}, false // what is in the way is retired or forgotten first; what holds is delivered
	}
	if !d.reachesOne() {
		a, ok := blocked(8, "a new key is wanted, and there is no destination that it could be written to now")
		a.Destinations = d.s.Destinations(d.r)
		return a, ok
	}
	why := "a person asked for it"
	if leaked {
		why = "others may know the offered key" + d.overrides()
	}
	return d.issue(8, why)
}

// reachesOne reports whether a new key could be written to some destination: a
// key that can be written nowhere is lost with the process that created it.
func (d *decision) reachesOne() bool {
	return slices.ContainsFunc(d.s.Wants, func(w Want) bool {
		s := d.s.Standing(d.r, d.o.Holding(w.Destination), w.Destination)
		return s == StandsHolds || s == StandsLacks
	})
}

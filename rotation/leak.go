package rotation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Emergency reports whether a person said that others may know keys of the
// account, and not every one of those is deleted or kept by name yet.
func (r Record) Emergency() bool { return r.Leaked > 0 || !r.Leak.At.IsZero() }

// Continues reports whether a request of kind RequestLeaked goes on with the
// emergency under way: it names keys, or says otherwise how fast the old ones
// go. One that does neither says that the keys offered since have leaked too.
func (r Record) Continues(q Request) bool {
	return r.Emergency() && r.Offer.Key != "" && !r.leaked(r.Offer.Edition) &&
		(len(q.Keys)+len(q.Leak.Keep) > 0 || q.Leak.Now != r.Leak.Now || q.Leak.Overlap != r.Leak.Overlap)
}

// Requesting returns the record with a person's request in place of one that
// nobody took up yet. That the keys offered since have leaked too is not taken
// back by a later word about the emergency under way.
func (r Record) Requesting(q Request) Record {
	r = r.Clone()
	if before := r.Request; before.Kind == RequestLeaked && q.Kind == RequestLeaked && r.Emergency() && !r.Continues(before) {
		r.Leaked = r.Seq
	}
	r.Request = q
	return r
}

// leaked reports whether keys of an edition are known to others.
func (r Record) leaked(e Edition) bool { return r.Leaked > 0 && e <= r.Leaked }

// cut reports whether an old key goes as soon as one readable destination holds
// its successor, whoever still reads it elsewhere: only what is known to others
// does, only for a successor that is not, and only at a person's last word.
func (r Record) cut(o Old) bool {
	return r.Leak.Now && r.Request.Kind != RequestLeaked && r.leaked(o.Edition) && r.Offer.Key != "" && !r.leaked(r.Offer.Edition)
}

// suspects reports whether a key that was found, rather than made by us or named
// by a person, counts as known to others: whoever holds one key can make more.
func (r Record) suspects(found KeyID) bool {
	return r.Emergency() && !slices.Contains(r.Leak.Keep, found)
}

// named reports whether a person named this key, which is not of our making,
// to be deleted with those that leaked.
func (o Old) named() bool { return o.Edition == 0 && o.Ended }

// told puts it on record that others may know the account's keys, before
// anything is looked at: whatever is parked or found afterwards, it stays known.
func (d *decision) told() (Action, bool) {
	q := d.r.Request
	if q.Kind != RequestLeaked {
		return Action{}, false
	}
	r := d.r.Clone()
	r.Request = Request{}
	for _, k := range q.Leak.Keep {
		if i := r.old(k); k == r.Offer.Key || i >= 0 && !(r.Old[i].named() && !r.Old[i].Condemned) {
			return save(7, "a key that is to be kept is one of ours", r, Event{Kind: EventRequested, Key: k,
				Words: "leaked refused: key " + string(k) + " is one of ours, or is being deleted, and cannot be kept; ask again without it"})
		}
	}
	words := q.Reason
	if !r.Continues(q) {
		r.Leaked = r.Seq
	}
	keep := slices.DeleteFunc(slices.Clone(r.Leak.Keep), func(k KeyID) bool { return slices.Contains(q.Keys, k) })
	r.Leak = Leak{At: q.At, Overlap: q.Leak.Overlap, Now: q.Leak.Now, Keep: keep}
	events := []Event{{Kind: EventLeaked, Key: r.Offer.Key, Edition: r.Leaked, Words: words}}
	for _, k := range q.Leak.Keep {
		if i := r.old(k); i >= 0 {
			r.Old = slices.Delete(r.Old, i, i+1)
		}
		if !slices.Contains(r.Leak.Keep, k) {
			r.Leak.Keep = append(r.Leak.Keep, k)
			events = append(events, Event{Kind: EventLeaked, Key: k, Words: "stays, at a person's word"})
		}
		if !slices.Contains(r.Strange, k) {
			r.Strange = append(r.Strange, k)
		}
	}
	for _, k := range q.Keys {
		if !r.knows(k) {
			r.Old = append(r.Old, Old{Key: k, Ended: true})
			events = append(events, Event{Kind: EventLeaked, Key: k, Words: "not of our making; goes too, at a person's word"})
		}
	}
	return save(7, "a person says that others may know the keys of this account", r, events...)
}

// cutOff deletes what others know as soon as one readable destination has its
// successor, where a person asked for that; every other is delivered to
// afterwards.
func (d *decision) cutOff() (Action, bool) {
	at, ok := d.cutReady()
	if !ok {
		return Action{}, false
	}
	for _, old := range d.r.Old {
		if !d.r.cut(old) || !d.deletable(old) {
			continue
		}
		if a, ok := d.askUse(); ok {
			return a, true
		}
		if !d.readFromStore(d.r.Offer.Key) {
			if places := d.untried(d.placesOf(d.r.Offer.Key)); len(places) > 0 {
				return Action{Kind: Seek, Rule: 11, Key: d.r.Offer.Key, Places: places, Why: "its successor is verified first"}, true
			}
			return Action{}, false
		}
		return Action{Kind: DoRetire, Rule: 11, Key: old.Key, Why: "others know it, and " + at.String() + " holds its successor" + d.overrides(), Breaks: d.breaks()}, true
	}
	return Action{}, false
}

// cutReady returns a wanted destination that holds the offer and can be read.
func (d *decision) cutReady() (Destination, bool) {
	for _, w := range d.s.Wants {
		if w.Readable && d.s.Standing(d.r, d.o.Holding(w.Destination), w.Destination) == StandsHolds {
			return w.Destination, true
		}
	}
	return Destination{}, false
}

// cutting reports whether an old key waits for nothing but one destination
// that holds its successor.
func (d *decision) cutting() bool {
	_, ready := d.cutReady()
	return !ready && slices.ContainsFunc(d.r.Old, func(o Old) bool { return d.r.cut(o) && d.deletable(o) })
}

// leakOver ends the emergency once the account has no key but the offered one
// and those that stay by name. Whoever else held a key could make more as long
// as it worked; at the moment of that listing none did.
func (d *decision) leakOver() (Action, bool) {
	l := d.o.Listing
	if !d.r.Emergency() || len(d.r.Old) > 0 || d.r.leaked(d.r.Offer.Edition) || !l.Complete || len(d.inQuestion()) > 0 {
		return Action{}, false
	}
	r := d.r.Clone()
	r.Leaked, r.Leak = 0, Leak{}
	return save(11, "no key lives that others may know", r, Event{Kind: EventLeakOver, Key: r.Offer.Key, Edition: r.Offer.Edition})
}

// inQuestion returns the live keys that are neither offered nor old nor kept by
// name: whose they are, a person says.
func (d *decision) inQuestion() []Key {
	return slices.DeleteFunc(slices.Clone(d.o.Listing.Keys), func(k Key) bool {
		return d.r.knows(k.ID) || slices.Contains(d.r.Leak.Keep, k.ID)
	})
}

// strange tells people once of every key on the account that nothing on record
// explains.
func (d *decision) strange() (Action, bool) {
	l := d.o.Listing
	if d.r.Offer.Key == "" || d.r.Request.Kind == RequestAdopt || !l.Complete || l.Account != d.r.Account || d.outdated() {
		return Action{}, false
	}
	var here []KeyID
	var events []Event
	for _, k := range Unexplained(d.r, d.o) {
		if slices.ContainsFunc(d.r.Gone, func(g Gone) bool {
			return g.Key == k.ID && d.listedAt().Before(g.At.Add(d.s.Policy.WriteDeadline))
		}) {
			continue // listed a moment longer than it lives
		}
		here = append(here, k.ID)
		if !slices.Contains(d.r.Strange, k.ID) {
			events = append(events, Event{Kind: EventStrange, Key: k.ID, Label: k.Label, Words: "nothing on record explains it"})
		}
	}
	gone := slices.ContainsFunc(d.r.Strange, func(k KeyID) bool { return !slices.Contains(here, k) })
	if len(events) == 0 && !gone {
		return Action{}, false
	}
	r := d.r.Clone()
	r.Strange = here
	why := "a key is there that nothing on record explains"
	if len(events) == 0 {
		why = "a key that nothing explained is gone, or explained"
	}
	return save(6, why, r, events...)
}

// overrides says what an emergency does not wait for.
func (d *decision) overrides() string {
	switch {
	case d.s.Policy.frozen(d.now):
		return ", although it is frozen"
	case !d.s.Policy.open(d.now):
		return ", although the window is closed"
	}
	return ""
}

// waitLeak says what an emergency waits for.
func (d *decision) waitLeak(a *Action) (words []string) {
	if !d.r.Emergency() {
		return nil
	}
	add := func(format string, args ...any) {
		a.Overdue = true
		words = append(words, fmt.Sprintf(format, args...))
	}
	switch {
	case d.r.Offer.Key == "":
	case !d.o.Listing.Complete:
		unknown, _ := d.unlisted(a.Rule)
		add("others may know keys of this account, and whether all of those are gone cannot be told: %s", unknown.Why)
	case d.r.leaked(d.r.Offer.Edition) && !d.slotFree():
		add("others may know the offered key; the account has as many keys as it may, so its successor waits for an old one to go")
	}
	var ids []string
	for _, k := range d.inQuestion() {
		if !slices.ContainsFunc(d.r.Abandoned, func(ab Abandoned) bool { return ab.Label == k.Label }) {
			ids = append(ids, string(k.ID))
		}
	}
	if len(ids) > 0 {
		add("others may know keys of this account, whoever knows one can make more, and nothing on record explains %s: for each, run keyrota rotate --leaked %s with --delete KEY or --keep KEY",
			strings.Join(ids, ", "), d.s.Account.Ref)
	}
	return words
}

// Breaks returns the destinations that are not seen freshly to hold the offered
// key or to be able to get a new one: whoever reads them is left with a dead key
// if the old ones go at once.
func Breaks(s Spec, r Record, o Observed) []Destination {
	var broken []Destination
	for _, dest := range s.Destinations(r) {
		h := o.Holding(dest)
		standing := s.Standing(r, h, dest)
		_, wanted := s.want(dest)
		empty := h.Fresh && h.State == StateAbsent
		if standing == StandsUnknown || standing == StandsForeign || !wanted && !empty {
			broken = append(broken, dest)
		}
	}
	return broken
}

// overlap returns how long an old key is kept once everything agreed on its
// successor. W protects the stores without compare-and-set from a late write.
func (s Spec) overlap(r Record, o Old) time.Duration {
	kept := s.Policy.Overlap
	switch {
	case r.leaked(o.Edition):
		kept = r.Leak.Overlap
	case o.Ended:
		kept = 0
	}
	return max(kept, s.Policy.WriteDeadline)
}

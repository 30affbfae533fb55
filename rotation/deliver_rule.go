package rotation

import (
	"slices"
	"time"
)

// deliver brings the offer to every wanted destination that lacks it, and
// finds or replaces a value that is nowhere to be read.
func (d *decision) deliver() (Action, bool) {
	var lacks []Destination
	for _, w := range d.s.Wants {
		h := d.o.Holding(w.Destination)
		if d.s.Standing(d.r, h, w.Destination) != StandsLacks {
			continue
		}
		if h.State == StateEdited && w.Readable {
			at := Place{Destination: w.Destination, Version: h.Version}
			v, tried := d.o.value(at)
			switch {
			case !tried:
				return Action{Kind: Seek, Rule: 9, Places: []Place{at}, Why: w.Destination.String() + " was changed since it was delivered"}, true
			case v.Verdict == Unreached || v.Verdict == Foreign:
				continue // not known to be worthless: left as it is
			case v.Verdict == Live && !d.r.knows(v.Key) && d.r.suspects(v.Key):
				// Overwritten, and not deleted: whose it is, a person says.
			case v.Verdict == Live && !d.r.knows(v.Key) && d.r.offerable(v.Key) && d.outdated():
				return lookAgain() // a lost ledger does not know what was deleted since
			case v.Verdict == Live && !d.r.knows(v.Key) && d.r.offerable(v.Key):
				r := d.r.offering(d.r.Seq+1, v.Key, d.r.Offer.Issued)
				return save(9, w.Destination.String()+" holds another live key of this account, put there by hand", r,
					Event{Kind: EventAdopted, Key: v.Key, Edition: r.Seq, Destination: w.Destination, Words: "found in place of the delivered one"})
			}
		}
		lacks = append(lacks, w.Destination)
	}
	dead := d.absent(d.r.Offer.Key, d.r.Offer.Edition, d.r.Offer.Issued) || d.foundDead()
	if len(lacks) == 0 && !dead {
		return Action{}, false
	}
	if _, ok := d.o.live(d.r.Offer.Key); ok && !dead {
		if first := d.readables(lacks); len(first) > 0 && d.cutting() {
			return Action{Kind: DoDeliver, Rule: 9, Key: d.r.Offer.Key, Destinations: first, Enough: true,
				Why: "as soon as one destination holds the new key, those that others know go"}, true
		}
		return Action{Kind: DoDeliver, Rule: 9, Key: d.r.Offer.Key, Destinations: lacks, Why: "not all destinations hold the offered key"}, true
	}
	if places := d.untried(d.places()); len(places) > 0 {
		return Action{Kind: Seek, Rule: 9, Key: d.r.Offer.Key, Places: places, Why: "the value of the offered key is looked for"}, true
	}
	if at, words := d.unreached(); words != "" && !dead {
		a, ok := blocked(9, "the offered key cannot be read back: %s", words)
		a.Destinations = at
		return a, ok
	}
	if d.outdated() {
		return lookAgain()
	}
	if q := d.r.Request; d.r.handedIn() && !dead {
		return blocked(9, "%s hands the offered key in; if that was cut short: keyrota adopt %s --key-file -", q.By, d.s.Account.Ref)
	}
	why := "the value of the offered key is lost"
	if dead {
		why = "the offered key was deleted at the platform"
	}
	switch {
	case d.slotFree() || d.foundDead() && !d.s.Admin:
		return d.issue(9, why)
	case !d.o.Listing.Complete:
		return d.unlisted(9)
	}
	return d.withdraw(why)
}

// readables returns those of the destinations that give a key back.
func (d *decision) readables(of []Destination) []Destination {
	return slices.DeleteFunc(slices.Clone(of), func(dest Destination) bool { return !d.readable(dest) })
}

// foundDead reports whether the offered key was read back from where its mark
// says it is, and does not work.
func (d *decision) foundDead() bool {
	if _, ok := d.o.live(d.r.Offer.Key); ok {
		return false
	}
	for _, p := range d.placesOf(d.r.Offer.Key) {
		if v, tried := d.o.value(p); tried && v.Verdict == Dead {
			return true
		}
	}
	return false
}

// withdraw offers a live key again whose value can be read, where no further
// key may be created: the lost one becomes old and is retired like any other.
func (d *decision) withdraw(why string) (Action, bool) {
	for i := len(d.r.Old) - 1; i >= 0; i-- {
		old := d.r.Old[i]
		if _, held := d.o.live(old.Key); held && d.r.offerable(old.Key) {
			r := d.r.offering(d.r.Seq+1, old.Key, time.Time{})
			return save(9, why+", and no further key may be created", r,
				Event{Kind: EventWithdrawn, Key: d.r.Offer.Key, Edition: r.Seq, Words: why})
		}
	}
	if label, ok := d.stray(); ok {
		a, ok := blocked(9, "%s, and the account has as many keys as it may until the one labelled %s, which nobody was ever offered, is deleted", why, label)
		a.Until = d.strayDue()
		return a, ok
	}
	return d.park(9, "%s, and the account has as many keys as it may: delete one that is not used, then create one by hand and run: keyrota adopt %s --key-file -", why, d.s.Account.Ref)
}

// first finds a key where none was ever offered.
func (d *decision) first() (Action, bool) {
	if d.r.Offer.Key != "" {
		return Action{}, false
	}
	for _, v := range d.o.Values {
		if v.Verdict == Live && d.r.offerable(v.Key) {
			if d.outdated() {
				return lookAgain()
			}
			r := d.r.offering(d.r.Seq+1, v.Key, d.r.Provision)
			if r.suspects(v.Key) {
				r.Leaked = r.Seq // to be replaced at once
			}
			return save(9, "the account's first key", r, Event{Kind: EventAdopted, Key: v.Key, Edition: r.Seq})
		}
	}
	if places := d.untried(d.places()); len(places) > 0 {
		return Action{Kind: Seek, Rule: 9, Places: places, Why: "a first live key of the account is looked for"}, true
	}
	if v, ok := d.o.value(Place{Kind: PlacePlatform}); ok && v.Verdict == Unreached {
		return blocked(9, "the account's first key cannot be read: %s", v.Words)
	}
	if at, words := d.unreached(); words != "" {
		a, ok := blocked(9, "no live key can be read back: %s", words)
		a.Destinations = at
		return a, ok
	}
	const byHand = "Sign in as an admin, open the service account %[2]q, create an API key, and run: keyrota adopt %[1]s --key-file -"
	ref, name := d.s.Account.Ref, d.s.Account.Name
	if at, ok := d.notOurs(); ok {
		return d.park(9, "no key of this account is known. Where %[3]s holds one, run: keyrota adopt %[1]s --from %[3]s. Otherwise: "+byHand, ref, name, at)
	}
	return d.park(9, "no key of this account is known: the platform shows a key once, to the person who creates it. "+
		byHand+" (or --from STORE:PATH#FIELD where it already sits in a store)", ref, name)
}

// notOurs returns a wanted destination with a value that is not ours yet and
// could be read.
func (d *decision) notOurs() (Destination, bool) {
	for _, w := range d.s.Wants {
		if w.Readable && d.o.Holding(w.Destination).State == StateBare {
			return w.Destination, true
		}
	}
	return Destination{}, false
}

package rotation

import (
	"fmt"
	"slices"
	"time"
)

// Next returns the one thing to do for an account: the first rule that
// matches. o must have been taken before r was loaded.
func Next(s Spec, r Record, o Observed, now time.Time) Action {
	d := decision{s: s, r: r, o: o, now: now}
	for _, rule := range []func() (Action, bool){
		d.observeOnly, // what a person wants left alone
		d.switching,   //    what a person wants of the account as a whole
		d.parked,      // 1
		d.told,        // 7, a leak: nothing need be seen for that
		d.find,        // 2, an account without a record
		d.overtaken,   // 2, a mark or label above what we recorded
		d.abandon,     // 3
		d.strays,      // 4
		d.forget,      // 5
		d.count,       // 5, a place that is wanted again
		d.lookFreshly, // 6
		d.strange,     //    what nothing explains is told
		d.off,         //    an account that is to have no key
		d.renew,       //    and one that had none, and is wanted again
		d.moved,       //    the account itself is gone or another
		d.requested,   // 7
		d.emergency,   // 8
		d.first,       //    nothing was ever offered
		d.cutOff,      // 11, a leak, and a person who cannot wait for the others
		d.leakOver,    //    the end of an emergency
		d.deliver,     // 9
		d.agree,       // 10
		d.retire,      // 11
		d.rotate,      // 12
	} {
		if a, ok := rule(); ok {
			return a
		}
	}
	return d.wait() // 13
}

// decision holds what one call of Next looks at.
type decision struct {
	s   Spec
	r   Record
	o   Observed
	now time.Time
}

func save(rule int, why string, r Record, events ...Event) (Action, bool) {
	return Action{Kind: Save, Rule: rule, Why: why, Record: r, Events: events}, true
}

func wait(rule int, until time.Time, format string, args ...any) (Action, bool) {
	return Action{Kind: Wait, Rule: rule, Until: until, Why: fmt.Sprintf(format, args...)}, true
}

// outdated reports whether the record changed since it was looked at: what
// was seen may be what another worker is just putting right.
func (d *decision) outdated() bool {
	return d.o.Listing.Record != 0 && d.o.Listing.Record != d.r.Stamp()
}

func lookAgain() (Action, bool) {
	return Action{Kind: LookFreshly, Rule: 6, Why: "the record changed since the last look"}, true
}

// blocked waits for something that is in the way of what should be done.
func blocked(rule int, format string, args ...any) (Action, bool) {
	a, ok := wait(rule, time.Time{}, format, args...)
	a.Overdue = true
	return a, ok
}

func (d *decision) park(rule int, format string, args ...any) (Action, bool) {
	if d.outdated() {
		return lookAgain()
	}
	r := d.r.Clone()
	r.Parked = fmt.Sprintf(format, args...)
	if r.Emergency() {
		r.Parked += "; others may know keys of this account, and those that are left still work"
	}
	r.Request = Request{}
	return save(rule, r.Parked, r, Event{Kind: EventParked, Key: r.Offer.Key, Edition: r.Offer.Edition, Words: r.Parked})
}

// Idle reports whether nothing is done for an account whatever is seen of it, by
// the first two rules: nobody need look.
func (s Spec) Idle(r Record) bool {
	return s.Account.Scope == ScopeExternal || s.Policy.Observe || r.Parked != "" && r.Request.Kind == RequestNone && s.settled(r)
}

func (d *decision) observeOnly() (Action, bool) {
	switch {
	case d.s.Account.Scope == ScopeExternal:
		return wait(0, time.Time{}, "external account: it owns no key")
	case d.s.Policy.Observe && (d.r.Emergency() || d.r.Request.Kind == RequestLeaked):
		a, ok := blocked(0, "manage: observe; others may know keys of this account, and none is replaced before it is manage: rotate")
		return a, ok
	case d.s.Policy.Observe:
		return wait(0, time.Time{}, "manage: observe")
	}
	return Action{}, false
}

func (d *decision) parked() (Action, bool) {
	if d.r.Parked == "" {
		return Action{}, false
	}
	if d.r.Request.Kind == RequestNone {
		return wait(1, time.Time{}, "%s", d.r.Parked)
	}
	r := d.r.Clone()
	r.Parked, r.Tries, r.NotBefore = "", 0, time.Time{}
	return save(1, "a person asked to go on", r)
}

func (d *decision) abandon() (Action, bool) {
	if d.r.Intent.Label == "" {
		return Action{}, false
	}
	return save(3, "creation was cut short", d.r.abandoning(d.now), Event{
		Kind: EventAbandoned, Label: d.r.Intent.Label, Words: "begun by " + d.r.Intent.Worker,
	})
}

// strays deletes keys that were created and never offered. Only a label that
// is an abandoned intent of this very record says so; any other label that
// nothing explains is for people to judge. And only by a listing that began
// when no write could be under way any more: in a restored ledger an intent can
// be one whose key was offered after the backup, and once its value has landed
// somewhere, the mark there says so.
func (d *decision) strays() (Action, bool) {
	for _, dest := range d.s.Destinations(d.r) {
		if h := d.o.Holding(dest); h.State == StateUnknown || h.State == StateEdited {
			return Action{}, false // its value may be the stray
		}
	}
	for _, k := range d.o.Listing.Keys {
		if d.r.knows(k.ID) || slices.Contains(d.o.Stuck, k.ID) {
			continue
		}
		for _, a := range d.r.Abandoned {
			if a.Label == k.Label && !d.o.Listing.At.Before(a.At.Add(d.s.Policy.WriteDeadline)) {
				return d.withAuth(Action{Kind: DoDiscard, Rule: 4, Key: k.ID, Label: k.Label, Why: "created, and never offered to anyone"})
			}
		}
	}
	return Action{}, false
}

// withAuth puts a search for a live key before an action that needs one,
// where no admin credential does.
func (d *decision) withAuth(a Action) (Action, bool) {
	if d.s.Admin {
		return a, true
	}
	for _, v := range d.o.Values {
		if v.Verdict == Live && v.Key != a.Key {
			return a, true
		}
	}
	if places := d.untried(d.places()); len(places) > 0 {
		return Action{Kind: Seek, Rule: a.Rule, Places: places, Why: "a live key of the account is needed to " + a.Kind.String()}, true
	}
	return Action{}, false
}

func (d *decision) forget() (Action, bool) {
	for i, old := range d.r.Old {
		if old.Edition == 0 && d.outdated() {
			continue // it may be younger than the listing: no edition tells
		}
		if d.absent(old.Key, old.Edition, old.Issued) && d.surelyGone(old) {
			return save(5, "it is gone", d.r.forgetting(i, d.now), Event{Kind: EventGone, Key: old.Key, Edition: old.Edition})
		}
	}
	for _, a := range d.r.Abandoned {
		if d.neverMade(a) {
			return save(5, "no key came of it", d.r.without(a.Label))
		}
	}
	return Action{}, false
}

// surelyGone reports whether an old key that a listing leaves out may be forgotten.
// Listings lag, and how long a key is there already our clock says: so one that
// nobody was to delete yet is forgotten only while the platform agrees with the
// clock. Until then it stays among the old ones, and is retired like them.
func (d *decision) surelyGone(o Old) bool {
	if o.Condemned || o.named() || d.r.leaked(o.Edition) {
		return true
	}
	v, ok := d.o.live(d.r.Offer.Key)
	return ok && v.Skew.Abs() <= d.s.Policy.ClockSkew
}

// absent reports whether the platform is seen not to have a key of ours. What a
// listing leaves out that was created a moment before is not taken for deleted:
// platforms lag behind their own writes.
func (d *decision) absent(k KeyID, e Edition, issued time.Time) bool {
	present, known := d.o.listed(k, e)
	return known && !present && !d.listedAt().Before(issued.Add(d.s.Policy.WriteDeadline))
}

// listedAt returns when the listing was begun, or now where nobody says.
func (d *decision) listedAt() time.Time {
	if d.o.Listing.At.IsZero() {
		return d.now
	}
	return d.o.Listing.At
}

// neverMade reports that no key bears an abandoned label, by a listing begun
// so late that none can come any more.
func (d *decision) neverMade(a Abandoned) bool {
	l := d.o.Listing
	return l.Complete && l.Fresh && l.At.After(a.At.Add(d.s.Policy.WriteDeadline)) &&
		!slices.ContainsFunc(l.Keys, func(k Key) bool { return k.Label == a.Label })
}

// lookFreshly comes before every rule that acts on what was seen. Waiting
// needs no fresh look: if the stale one shows nothing to do, none is taken.
func (d *decision) lookFreshly() (Action, bool) {
	stale := d.o.Listing.Complete && !d.o.Listing.Fresh
	for _, dest := range d.s.Destinations(d.r) {
		h := d.o.Holding(dest)
		stale = stale || h.State != StateUnknown && !h.Fresh
	}
	if !stale {
		return Action{}, false
	}
	assumed := *d
	assumed.o = d.o.AsFresh()
	if a := Next(d.s, d.r, assumed.o, d.now); a.Kind == Wait {
		return a, true
	}
	return Action{Kind: LookFreshly, Rule: 6, Why: "the last look is not fresh"}, true
}

// AsFresh returns o as if everything in it had been looked at just now: for
// deciding whether a fresh look is worth taking, and for plans.
func (o Observed) AsFresh() Observed {
	o.Listing.Fresh = true
	held := make([]Held, len(o.Holdings))
	for i, h := range o.Holdings {
		h.Holding.Fresh = h.Holding.State != StateUnknown
		held[i] = h
	}
	o.Holdings = held
	return o
}

func (d *decision) moved() (Action, bool) {
	l := d.o.Listing
	if !l.Complete || !l.AccountsKnown || l.Account != d.r.Account {
		return Action{}, false
	}
	for _, id := range l.Accounts {
		if id == d.r.Account {
			return Action{}, false
		}
	}
	if len(l.Accounts) == 0 {
		return d.park(0, "the platform no longer lists this account (id %s): find out who removed it; then remove it from the configuration, or go on with a new account under another name, here and there", d.r.Account)
	}
	return d.park(0, "the platform lists another account by this name (id %s, recorded %s): someone removed and created it again; give the new one another name, here and there", l.Accounts[0], d.r.Account)
}

// agree starts the overlap.
func (d *decision) agree() (Action, bool) {
	if !d.r.Agreed.IsZero() || len(d.s.Wants) == 0 || !d.allHold(wantedOnly) {
		return Action{}, false
	}
	if a, ok := d.clock(); ok {
		return a, true
	}
	r := d.r.Clone()
	r.Agreed = d.now
	if r.handedIn() {
		r.Request = Request{}
	}
	r.Adopt = nil // taken over: from here on our marks speak
	return save(10, "every destination holds the offered key", r,
		Event{Kind: EventAgreed, Key: r.Offer.Key, Edition: r.Offer.Edition})
}

// clock comes before an overlap is counted from now: the offered key is tried
// once more, and the platform says what time it is.
func (d *decision) clock() (Action, bool) {
	v, ok := d.o.live(d.r.Offer.Key)
	if !ok {
		if places := d.untried(d.placesOf(d.r.Offer.Key)); len(places) > 0 {
			return Action{Kind: Seek, Rule: 10, Key: d.r.Offer.Key, Places: places, Why: "the key that every destination holds is tried before its predecessor's overlap begins"}, true
		}
		_, words := d.unreached()
		return blocked(10, "every destination holds the offered key, and whether it works cannot be told: %s", words)
	}
	if skew := v.Skew.Abs(); skew > d.s.Policy.ClockSkew {
		return blocked(10, "every destination holds the offered key, and our clock and the platform's are apart by %s: set the clock", skew.Round(time.Second))
	}
	return Action{}, false
}

// rotate issues when the schedule says so, if nothing is under way.
func (d *decision) rotate() (Action, bool) {
	due := d.s.Due(d.r)
	if d.r.Off.State != "" || due.IsZero() || d.now.Before(due) || d.r.Agreed.IsZero() || len(d.r.Old) > 0 ||
		!d.s.Policy.open(d.now) || !d.allHold(everWritten) || !d.slotFree() {
		return Action{}, false
	}
	return d.issue(12, "its rotation is due")
}

// issue asks for a new key, once a live one was read to create it with.
func (d *decision) issue(rule int, why string) (Action, bool) {
	if d.now.Before(d.r.NotBefore) {
		a, ok := wait(rule, d.r.NotBefore, "the last creation failed; the next try is at %s", d.r.NotBefore.UTC().Format(time.RFC3339))
		a.Overdue = true
		return a, ok
	}
	if v, ok := d.o.live(d.r.Offer.Key); ok {
		return Action{Kind: DoIssue, Rule: rule, Why: why, Places: []Place{v.Place}}, true
	}
	for _, v := range d.o.Values {
		if v.Verdict == Live && d.r.usable(v.Key) {
			return Action{Kind: DoIssue, Rule: rule, Why: why, Places: []Place{v.Place}}, true
		}
	}
	if places := d.untried(d.places()); len(places) > 0 {
		return Action{Kind: Seek, Rule: rule, Key: d.r.Offer.Key, Places: places, Why: "a live key of the account is needed to create the next"}, true
	}
	if at, words := d.unreached(); words != "" {
		a, ok := blocked(rule, "no live key can be read back: %s", words)
		a.Destinations = at
		return a, ok
	}
	const none = "no live key of this account can be read back from any destination: "
	if d.r.Emergency() {
		return d.park(rule, none+"if it was not you who deleted them, an admin deletes the account at the platform, and a new one gets another name, here and there; otherwise create a key by hand and run: keyrota adopt %s --key-file -", d.s.Account.Ref)
	}
	return d.park(rule, none+"create one by hand and run: keyrota adopt %s --key-file -", d.s.Account.Ref)
}

func (d *decision) unlisted(rule int) (Action, bool) {
	words := d.o.Listing.Words
	switch {
	case words != "":
	case d.s.Admin:
		words = "not asked"
	default:
		words = "no live key of the account can be read back to list them with"
	}
	return blocked(rule, "the platform's keys are unknown: %s", words)
}

// slotFree reports whether one more live key is allowed: at most three of
// ours, four when one has leaked.
func (d *decision) slotFree() bool {
	if !d.o.Listing.Complete {
		return false
	}
	limit := d.s.Policy.MaxKeys
	if d.r.Emergency() {
		limit = d.s.Policy.EmergencyKeys
	}
	live := 0
	for _, k := range d.o.Listing.Keys {
		_, ours := k.Label.EditionFor(d.s.Instance, d.r.Account)
		if i := d.r.old(k.ID); ours || d.r.knows(k.ID) && !(i >= 0 && d.r.Old[i].named()) {
			live++
		}
	}
	return live < limit
}

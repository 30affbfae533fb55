package rotation

import (
	"fmt"
	"slices"
	"time"
)

// AccountState is what is wanted of an account as a whole.
type AccountState string

// The states. An empty one is Active.
const (
	Active      AccountState = "active"
	Quarantined AccountState = "quarantined" // it has no key; its secrets stay as they are
	Removed     AccountState = "removed"     // and it is taken out of its team
)

// Off is how far an account is switched off, as its configuration says.
type Off struct {
	State  AccountState // what it is on its way to; empty: it works as ever
	Warned time.Time    // when its waiting period began
	Begun  time.Time    // when that was over: from here on nothing is delivered or healed
	Done   time.Time    // when it was first seen to have no key left
	Gone   time.Time    // when it was taken out of its team, or seen to be gone
}

// LastUse is when an account was last used, by whatever shows uses.
type LastUse struct {
	Known bool
	At    time.Time // zero: never, as far as is known
	Words string    // for people: why it is not known
}

// RecentUse is how short ago an account may not have been used that is to be
// switched off.
const RecentUse = 14 * 24 * time.Hour

// off reports whether the configuration wants the account to have no key.
func (s Spec) off() bool { return s.State == Quarantined || s.State == Removed }

// settled reports whether nothing need begin or end because of the state that is
// wanted.
func (s Spec) settled(r Record) bool {
	if s.off() {
		return r.Off.State == s.State && !r.Off.Begun.IsZero()
	}
	return r.Off.State == ""
}

// refused says why an account is not switched off although its configuration
// says so; empty: nothing speaks against it.
func (d *decision) refused() string {
	use := d.o.LastUse
	switch {
	case !d.s.off():
	case !d.s.Admin:
		return "only an admin's key lists and deletes every key of it: name one in the configuration, or delete its keys by hand at the platform"
	case d.s.Force:
	case !use.Known:
		return "whether it was used in the last 14 days is not known" + because(use.Words) + ": observe its use, or write force: true beside it"
	case d.recentlyUsed():
		return "it was used at " + moment(use.At) + ", in the last 14 days: find out by whom, or write force: true beside it"
	}
	return ""
}

func (d *decision) recentlyUsed() bool {
	use := d.o.LastUse
	return use.Known && !use.At.IsZero() && d.now.Sub(use.At) < RecentUse
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// offDue returns when the waiting period of an account is over.
func (d *decision) offDue() time.Time { return d.r.Off.Warned.Add(d.s.QuarantineWait) }

// switching puts on record what the configuration wants of the account as a
// whole: also of one that is parked, since a person decided otherwise.
func (d *decision) switching() (Action, bool) {
	r := d.r.Clone()
	is := func(k EventKind, format string, args ...any) Event {
		return Event{Kind: k, Key: d.r.Offer.Key, Edition: d.r.Offer.Edition, Words: fmt.Sprintf(format, args...)}
	}
	switch off := d.r.Off; {
	case d.s.settled(d.r):
		return Action{}, false
	case !d.s.off() && off.State != Active:
		r.Parked = ""
		r.Off = Off{}
		if r.Offer.Key == "" && !off.Done.IsZero() && d.s.canRenew() {
			off.State = Active // to be made anew first
			r.Off = off
		}
		return save(0, "state: active", r, is(EventActivating, "%s", d.r.Off.ended()))
	case !d.s.off():
		return Action{}, false
	case off.State == "" && d.refused() != "":
		return Action{}, false
	case off.State != d.s.State && off.State != "":
		r.Off.State = d.s.State
		return save(0, "state: "+string(d.s.State), r, is(EventQuarantining, "state: %s", d.s.State))
	case off.State == "":
		if a, ok := d.skewed(); ok {
			return a, true
		}
		r.Off = Off{State: d.s.State, Warned: d.now}
		return save(0, "state: "+string(d.s.State), r, is(EventQuarantining, "state: %s; every key of the account is deleted from %s on, whoever reads it; %s",
			d.s.State, moment(d.now.Add(d.s.QuarantineWait)), d.s.wayBack()))
	case !d.s.Force && d.recentlyUsed():
		r.Off = Off{}
		return save(0, "it is in use", r, is(EventActivating, "it was used at %s, and is not switched off: find out by whom, or write force: true beside state: %s", moment(d.o.LastUse.At), d.s.State))
	case d.now.Before(d.offDue()) || d.refused() != "" || !d.s.Policy.open(d.now):
		return Action{}, false
	}
	if a, ok := d.skewed(); ok {
		return a, true
	}
	return d.beginOff("its waiting period is over")
}

// skewed comes before what is counted by our clock: where the offered key can be
// read, the platform says with it what time it is.
func (d *decision) skewed() (Action, bool) {
	if v, ok := d.o.live(d.r.Offer.Key); ok {
		if skew := v.Skew.Abs(); skew > d.s.Policy.ClockSkew {
			return blocked(0, "the account is to be switched off (state: %s), and our clock and the platform's are apart by %s: set the clock", d.s.State, skew.Round(time.Second))
		}
		return Action{}, false
	}
	if places := d.untried(d.placesOf(d.r.Offer.Key)); len(places) > 0 {
		return Action{Kind: Seek, Key: d.r.Offer.Key, Places: places, Why: "the platform is asked what time it is before the account is switched off"}, true
	}
	return Action{}, false
}

// ended says what ends where an account is wanted to work.
func (o Off) ended() string {
	if o.Done.IsZero() {
		return "it is not switched off after all"
	}
	return "it had no key since " + moment(o.Done)
}

// wayBack says how an account gets a key again that has none: the platform lets
// an account make only its own.
func (s Spec) wayBack() string {
	switch {
	case s.canRenew():
		return "state: active takes it out of its team and makes it anew, under another id, since the platform shows a key of new accounts only"
	case s.State == Removed:
		return "after that it does not come back: a new account gets another name, here and there"
	}
	return fmt.Sprintf("to bring it back after that, write state: active, create a key by hand, and run: keyrota adopt %s --key-file -", s.Account.Ref)
}

// canRenew reports whether an account without a key can be made anew, with one.
func (s Spec) canRenew() bool {
	return s.Provision && s.FirstKey && s.Admin && !s.Renamed && s.Account.Scope == ScopeTeam
}

// beginOff is the end of the waiting period: whoever delivers or creates may go
// on for as long as a write takes, and nobody begins.
func (d *decision) beginOff(why string) (Action, bool) {
	r := d.r.Clone()
	r.Off.Begun = d.now
	r.Parked = ""
	return save(0, why, r, Event{Kind: EventQuarantining, Key: r.Offer.Key, Edition: r.Offer.Edition,
		Words: why + "; nothing is delivered any more, and its keys go from " + moment(d.now.Add(d.s.Policy.WriteDeadline)) + " on"})
}

// off takes an account's keys away. Before, in its waiting period, it works as
// ever; from then on no rule below sees it.
func (d *decision) off() (Action, bool) {
	off := d.r.Off
	if !d.s.off() {
		return Action{}, false
	}
	l := d.o.Listing
	gone := l.Complete && l.AccountsKnown && !slices.Contains(l.Accounts, d.r.Account)
	if off.Begun.IsZero() {
		switch {
		case off.State != "" && l.Complete && (gone || len(l.Keys) == 0) && d.s.Policy.open(d.now) && !d.outdated():
			return d.beginOff("it has no key")
		case d.r.Offer.Key == "":
			return d.waitOff()
		}
		return Action{}, false
	}
	if q := d.r.Request; q.Kind != RequestNone {
		r := d.r.Clone()
		r.Request = Request{}
		words := fmt.Sprintf("%s refused: the account is to be %s, as its configuration says", q.Kind, off.State)
		return save(7, words, r, Event{Kind: EventRequested, Key: q.Key, Words: words})
	}
	settled := off.Begun.Add(d.s.Policy.WriteDeadline)
	switch {
	case d.now.Before(settled):
		return wait(0, settled, "to be %s: what is being written or created ends first", off.State)
	case d.outdated():
		return lookAgain()
	case !l.Complete:
		return d.unlisted(0)
	}
	if !gone {
		if k, ok := d.toDelete(); ok {
			if !d.s.Policy.open(d.now) {
				return d.waitOff()
			}
			if a, ok := d.skewed(); ok {
				return a, true
			}
			return Action{Kind: DoQuarantine, Key: k, Why: "state: " + string(off.State), Breaks: d.whatItWas(k)}, true
		}
	}
	return d.allGone(gone)
}

// toDelete returns the next key to be deleted. The offered one is the last: as
// long as it is there, the account can come back as it was.
func (d *decision) toDelete() (KeyID, bool) {
	var next KeyID
	for _, k := range d.o.Listing.Keys {
		lags := slices.ContainsFunc(d.r.Gone, func(g Gone) bool {
			return g.Key == k.ID && d.listedAt().Before(g.At.Add(d.s.Policy.WriteDeadline))
		})
		if !lags && !slices.Contains(d.o.Stuck, k.ID) && (next == "" || next == d.r.Offer.Key) {
			next = k.ID
		}
	}
	return next, next != ""
}

// whatItWas says of a key that is deleted what people should know of it.
func (d *decision) whatItWas(k KeyID) string {
	switch {
	case k == d.r.Offer.Key:
		return "state: " + string(d.r.Off.State) + "; whoever reads it holds a dead key"
	case !d.r.knows(k):
		return "state: " + string(d.r.Off.State) + "; nothing on record explains it"
	}
	return "state: " + string(d.r.Off.State)
}

// allGone notes that no key of the account is left, and has it removed where
// that is wanted.
func (d *decision) allGone(gone bool) (Action, bool) {
	if i := slices.IndexFunc(d.r.Old, func(o Old) bool { return !slices.Contains(d.o.Stuck, o.Key) }); i >= 0 {
		o, kind := d.r.Old[i], EventGone
		if o.Condemned {
			kind = EventRevoked
		}
		return save(5, "it is gone", d.r.forgetting(i, d.now), Event{Kind: kind, Key: o.Key, Edition: o.Edition})
	}
	if len(d.o.Stuck) > 0 {
		return d.waitOff()
	}
	if o := d.r.Offer; o.Key != "" {
		r := d.r.condemningOffer()
		return save(5, "it is gone", r.forgetting(len(r.Old)-1, d.now), Event{Kind: EventGone, Key: o.Key, Edition: o.Edition})
	}
	r := d.r.Clone()
	var events []Event
	if r.Emergency() {
		r.Leaked, r.Leak = 0, Leak{}
		events = append(events, Event{Kind: EventLeakOver, Words: "the account has no key any more"})
	}
	if r.Off.Done.IsZero() {
		r.Off.Done, r.Strange = d.now, nil
		events = append(events, Event{Kind: EventQuarantined, Words: "the account has no key any more; its secrets are as they were"})
	}
	if gone && r.Off.Gone.IsZero() && d.s.State == Removed {
		r.Off.Gone = d.now
		events = append(events, Event{Kind: EventRemoved, Words: "the platform lists it no more"})
	}
	switch {
	case len(events) > 0:
		return save(0, "the account has no key any more", r, events...)
	case d.s.State == Removed && !gone && d.s.Policy.open(d.now):
		return Action{Kind: DoRemove, Why: "state: removed"}, true
	}
	return d.waitOff()
}

// renew makes an account anew that is wanted again and has no key left: the
// platform shows a key of new accounts only. A key that a person made meanwhile
// is theirs to adopt.
func (d *decision) renew() (Action, bool) {
	if d.s.off() || d.r.Off.State != Active {
		return Action{}, false
	}
	l := d.o.Listing
	r := d.r.Clone()
	r.Off = Off{}
	switch {
	case d.r.Offer.Key != "" || !d.s.canRenew() || l.Complete && len(l.Keys) > 0:
		return save(0, "it need not be made anew", r)
	case d.r.Request.Kind == RequestAdopt:
		return Action{}, false
	case !l.Complete:
		return d.unlisted(2)
	case d.outdated():
		return lookAgain()
	case !l.AccountsKnown || slices.Contains(l.Accounts, d.r.Account): // its keys alone were listed, by its id
		return Action{Kind: DoRemove, Why: "to be made anew, with a key"}, true
	case len(l.Accounts) > 0:
		return Action{}, false // somebody else made it anew
	}
	r.Former = append(r.Former, r.Account)
	r.Account, r.Provision, r.Tries, r.NotBefore = "", time.Time{}, 0, time.Time{}
	return save(2, "it is to be made anew", r)
}

// waitOff says what an account waits for that has no key, or is to have none.
func (d *decision) waitOff() (Action, bool) {
	a := Action{Kind: Wait}
	switch off := d.r.Off; {
	case !off.Gone.IsZero() && d.s.State == Removed:
		a.Why = "removed since " + moment(off.Gone)
	case !off.Done.IsZero() && d.s.State == Quarantined:
		a.Why = "quarantined since " + moment(off.Done) + ": it has no key; " + d.s.wayBack()
	case len(d.o.Stuck) > 0:
		a.Why, a.Overdue = "a key of it could not be deleted", true
	default:
		a.Why = d.waitState(&a)
	}
	return a, true
}

// waitState says of an account that works what its configuration wants of it as
// a whole; empty: nothing but that.
func (d *decision) waitState(a *Action) string {
	why := d.refused()
	if !d.r.Off.Begun.IsZero() {
		why = "" // too late for that
	}
	switch due := d.offDue(); {
	case !d.s.off():
		return ""
	case d.r.Off.State == "" && why != "":
		a.Overdue = true
		return "state: " + string(d.s.State) + " is not carried out: " + why
	case d.r.Off.State == "":
		return ""
	case d.now.Before(due):
		a.sooner(due)
		return fmt.Sprintf("every key of the account is deleted from %s on, as its configuration says (state: %s); %s", moment(due), d.s.State, d.s.wayBack())
	case why != "":
		a.Overdue = true
		return "state: " + string(d.s.State) + " is held back: " + why
	case d.s.Policy.frozen(d.now):
		until := d.s.Policy.nextOpen(d.now)
		a.sooner(until)
		return "state: " + string(d.s.State) + " is held back " + frozenUntil(until) + ": keyrota unfreeze lifts the freeze"
	}
	a.sooner(d.s.Policy.nextOpen(d.now))
	return "state: " + string(d.s.State) + " is held back until the window opens"
}

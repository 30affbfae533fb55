package rotation

import (
	"slices"
	"time"
)

// Spec is what is wanted of one account.
type Spec struct {
	Account  Account
	Instance string
	Ledger   string // id of our ledger
	Policy   Policy
	State    AccountState // what is wanted of the account as a whole
	Force    bool         // it may be switched off although it was used a short while ago
	// QuarantineWait is how long its owner is warned before its keys are deleted.
	QuarantineWait time.Duration
	Wants          []Want
	// Before are places where wanted destinations were before. Which of them still
	// have readers is on record, and where nothing is, they are looked at.
	Before    []Destination
	Admin     bool // the issuer lists and deletes keys without a key of the account
	Provision bool // the issuer can create this account
	Renamed   bool // it had another name (formerly:): one that is not found is not made anew
	FirstKey  bool // the issuer can show a new account's first key
	Beats     bool // the issuer can say which runs go on, and they keep an old key
}

// Want is a destination that should hold the offered key.
type Want struct {
	Destination Destination
	Shape       Shape
	Readable    bool // its store and format give the key back
}

func (s Spec) want(d Destination) (Want, bool) {
	for _, w := range s.Wants {
		if w.Destination == d {
			return w, true
		}
	}
	return Want{}, false
}

// Destinations returns every destination that counts for r: the wanted ones,
// then those once written that left the configuration. A record without an offer
// may be one that was lost: then those count too where anything was before.
func (s Spec) Destinations(r Record) []Destination {
	all := make([]Destination, 0, len(s.Wants)+len(r.Dests))
	for _, w := range s.Wants {
		all = append(all, w.Destination)
	}
	all = append(all, s.LeftDestinations(r)...)
	if r.Offer.Key == "" {
		for _, d := range s.Before {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}

// Observed is what was seen, taken before the record was loaded that it is
// used with. Its zero value knows nothing, which is never taken for absence.
type Observed struct {
	Listing  Listing
	Holdings []Held
	Values   []Value
	Use      Use
	LastUse  LastUse // of an account that is to be switched off
	// Stuck are keys that could not be deleted in this pass: they wait for the
	// next, and are in nobody's way.
	Stuck []KeyID
}

// Listing is the platform's account and its keys.
type Listing struct {
	Complete bool   // false: failed, partial, or never taken
	Fresh    bool   // taken for this decision
	Words    string // why it is not complete, for people
	// Accounts are the ids of the accounts that bear exactly the wanted name.
	// AccountsKnown is false where accounts cannot be listed (no admin key).
	Accounts      []AccountID
	AccountsKnown bool
	Keys          []Key
	// Offered and Account are what was on record before the listing was taken:
	// it cannot tell that a key offered later, or an account found later, is
	// absent.
	Offered Edition
	Account AccountID
	// Record is the Stamp of what was on record before anything was looked at;
	// zero if nobody says. Nobody is called to an account that others worked on
	// meanwhile: it is looked at again first.
	Record uint64
	At     time.Time // when it was begun; zero: not known
}

func (l Listing) has(k KeyID) bool {
	return slices.ContainsFunc(l.Keys, func(key Key) bool { return key.ID == k })
}

// Held is a holding and where it was seen.
type Held struct {
	Destination Destination
	Holding     Holding
}

// Holding returns what was seen at d: unknown if nothing was.
func (o Observed) Holding(d Destination) Holding {
	for _, h := range o.Holdings {
		if h.Destination == d {
			return h.Holding
		}
	}
	return Holding{}
}

// Place is where the value of a key can be read from.
type Place struct {
	Kind        PlaceKind
	Destination Destination
	Version     Version
}

// PlaceKind says what kind of place it is.
type PlaceKind uint8

const (
	// PlaceStore is one version of a destination.
	PlaceStore PlaceKind = iota
	// PlaceMemory is a value that whoever performs the effects still holds.
	PlaceMemory
	// PlacePlatform is the platform's own listing of a new account's first key.
	PlacePlatform
)

// Verdict says what reading a place showed. The zero Verdict is Unreached.
type Verdict uint8

const (
	// Unreached: the place, or the platform, could not be asked; or the version
	// that was asked for is not there any more, which says nothing of the key.
	Unreached Verdict = iota
	// Live: a key of this account that works.
	Live
	// Dead: no key, or one that does not work.
	Dead
	// Foreign: a key that works, of someone else.
	Foreign
	// Unreadable: written in a way that does not give the key back, or reading
	// is not allowed.
	Unreadable
)

// Value is what reading one place showed. The value itself stays with whoever
// read it.
type Value struct {
	Place   Place
	Verdict Verdict
	Key     KeyID         // of Live
	Account AccountID     // of Live: whose key the platform says it is
	Skew    time.Duration // of Live: how far the platform's clock was ahead of ours; zero if it did not say
	Words   string        // for people, of Unreached and Unreadable
}

func (o Observed) value(p Place) (Value, bool) {
	for _, v := range o.Values {
		if v.Place == p {
			return v, true
		}
	}
	return Value{}, false
}

// live returns a place from which the value of k was read in this pass.
func (o Observed) live(k KeyID) (Value, bool) {
	for _, v := range o.Values {
		if v.Verdict == Live && v.Key == k {
			return v, true
		}
	}
	return Value{}, false
}

// listed reports whether k, offered under edition e, is among the keys, and
// whether that can be told: a listing older than the key says nothing of it.
func (o Observed) listed(k KeyID, e Edition) (present, known bool) {
	if o.Listing.has(k) {
		return true, true
	}
	return false, o.Listing.Complete && e <= o.Listing.Offered
}

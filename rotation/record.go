package rotation

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// Record is what the ledger knows of one account. Its zero value is an account
// that was never worked on. A Record is changed by saving a changed copy on
// condition of the revision it was loaded at.
type Record struct {
	Account   AccountID   // empty until found or provisioned
	Former    []AccountID // ids that it had before it was made anew
	Off       Off
	Seq       Edition   // the highest edition used, by offers and by intents
	Provision time.Time // when its creation at the platform was last begun, zero if not
	Intent    Intent    // a key is being created; zero if not
	Abandoned []Abandoned
	Offer     Offer
	Old       []Old         // offered once, oldest first
	Gone      []Gone        // offered once, and deleted since
	Agreed    time.Time     // when all destinations were first seen to hold the offer; zero: they do not
	Dests     []Destination // every destination ever written
	Adopt     []Destination // secrets without a mark that a person named to be taken over
	Leaked    Edition       // keys of this edition and below are known to others; zero: none are
	Leak      Leak          // what a person said of them
	HeldBy    []Beat        // runs that were seen to keep an old key
	Strange   []KeyID       // keys on the account that nothing of ours explains and people were told of
	Left      time.Time     // when the account was first seen to have left the configuration; zero: it is in it
	Request   Request
	Parked    string // words of what a person must do; empty: not parked
	Tries     int    // failures to create a key in a row
	NotBefore time.Time
}

// Intent is on record before a key is created.
type Intent struct {
	Label  Label
	Worker string // who creates it, for people
}

// Abandoned is a label whose key, should it exist, was never offered.
type Abandoned struct {
	Label Label
	At    time.Time
}

// Offer is what readers should have. Saving it is the point of no return: only
// an offered key may be written to a store.
type Offer struct {
	Edition Edition
	Key     KeyID
	Issued  time.Time // when we created the key; zero: not ours, age unknown
}

// Old is a key that was offered once and is to be retired.
type Old struct {
	Key       KeyID
	Edition   Edition // the last it was offered under; 0 if it never was: a person named it to go
	Issued    time.Time
	Condemned bool // its deletion was begun: never to be offered again
	Ended     bool // a person said that its overlap is over
}

// Leak is what a person said about keys that others may know: the rest of an
// emergency, until every key of the account is deleted or kept by name.
type Leak struct {
	At      time.Time     // when it was said; zero: there is none
	Overlap time.Duration // as asked; what is below W counts as W, unless Now
	Now     bool          // the old keys go as soon as one readable destination holds the new one
	Keep    []KeyID       // keys that nothing of ours explains and that stay, by name
}

// Gone is a key that was offered once and is deleted. What was read before its
// deletion may still show it alive, so it is remembered for a while, and never
// offered again.
type Gone struct {
	Key KeyID
	At  time.Time
}

// RequestKind says what a person asked for.
type RequestKind string

// What can be asked for.
const (
	RequestNone     RequestKind = ""
	RequestRotate   RequestKind = "rotate"   // issue a new key now
	RequestLeaked   RequestKind = "leaked"   // replace and delete every key of the account
	RequestRollback RequestKind = "rollback" // offer Request.Key, an old key, again
	RequestRetire   RequestKind = "retire"   // the overlap of Request.Keys ends now
	RequestAdopt    RequestKind = "adopt"    // offer Request.Key, found at Request.From or handed in
	RequestRetry    RequestKind = "retry"    // leave the parking place
)

// Request is a person's wish, carried out by whoever works on the account.
type Request struct {
	Kind   RequestKind
	Key    KeyID
	From   Destination // of RequestAdopt: where the key's value can be read
	At     time.Time
	By     string // the claimed actor
	Reason string
	// Keys are, of RequestLeaked, those that nothing of ours explains and that go
	// too, confirmed by id; of RequestRetire, the old keys that a person was shown.
	Keys []KeyID
	Leak Leak // of RequestLeaked: what the record's becomes, with what is kept already; its At is Request.At
}

// Phase is the state of a rotation as people are shown it.
type Phase string

// The phases, derived from a record.
const (
	PhaseNew        Phase = "new"
	PhaseIssuing    Phase = "issuing"
	PhaseDelivering Phase = "delivering"
	PhaseRetiring   Phase = "retiring"
	PhaseSteady     Phase = "steady"
	PhaseParked     Phase = "parked"

	PhaseQuarantining Phase = "quarantining" // its keys are, or will be, deleted
	PhaseQuarantined  Phase = "quarantined"
	PhaseRemoved      Phase = "removed"
)

// Phase derives what people are shown.
func (r Record) Phase() Phase {
	switch {
	case r.Parked != "":
		return PhaseParked
	case !r.Off.Gone.IsZero():
		return PhaseRemoved
	case !r.Off.Done.IsZero():
		return PhaseQuarantined
	case r.Off.State != "":
		return PhaseQuarantining
	case r.Intent.Label != "":
		return PhaseIssuing
	case r.Offer.Key == "":
		return PhaseNew
	case r.Agreed.IsZero():
		return PhaseDelivering
	case len(r.Old) > 0:
		return PhaseRetiring
	default:
		return PhaseSteady
	}
}

// Clone returns a copy that shares no memory with r.
func (r Record) Clone() Record {
	r.Former = slices.Clone(r.Former)
	r.Abandoned = slices.Clone(r.Abandoned)
	r.Old = slices.Clone(r.Old)
	r.Gone = slices.Clone(r.Gone)
	r.Dests = slices.Clone(r.Dests)
	r.Adopt = slices.Clone(r.Adopt)
	r.HeldBy = slices.Clone(r.HeldBy)
	r.Strange = slices.Clone(r.Strange)
	r.Leak.Keep = slices.Clone(r.Leak.Keep)
	r.Request.Keys = slices.Clone(r.Request.Keys)
	r.Request.Leak.Keep = slices.Clone(r.Request.Leak.Keep)
	return r
}

// Stamp tells a record from what it was before: equal stamps are equal records,
// as far as 64 bits can tell. It is not kept anywhere.
func (r Record) Stamp() uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, r.Account, r.Seq, r.Intent.Label, r.Offer.Edition, r.Offer.Key, r.Agreed.UnixNano(),
		r.Leaked, r.Request.Kind, r.Request.Key, r.Parked, r.Tries, r.NotBefore.UnixNano(),
		len(r.Abandoned), len(r.Gone), len(r.Dests), len(r.Adopt),
		r.Leak.At.UnixNano(), r.Leak.Overlap, r.Leak.Now, r.Leak.Keep, r.Strange,
		r.Request.Keys, r.Request.Leak.Overlap, r.Request.Leak.Now, r.Request.Leak.Keep,
		r.Off.State, r.Off.Warned.UnixNano(), r.Off.Begun.UnixNano(), r.Off.Done.UnixNano(), r.Off.Gone.UnixNano())
	for _, b := range r.HeldBy {
		_, _ = fmt.Fprint(h, b.Run, b.Created.UnixNano())
	}
	for _, o := range r.Old {
		_, _ = fmt.Fprint(h, o.Key, o.Edition, o.Condemned, o.Ended)
	}
	return h.Sum64()
}

// knows reports whether the record explains a key by its id.
func (r Record) knows(k KeyID) bool {
	return k == r.Offer.Key || r.old(k) >= 0
}

// handedIn reports whether the offered key is one that a person hands in: as
// long as its request stands, only their process has the value.
func (r Record) handedIn() bool {
	q := r.Request
	return q.Kind == RequestAdopt && q.From == (Destination{}) && q.Key == r.Offer.Key
}

func (r Record) old(k KeyID) int {
	return slices.IndexFunc(r.Old, func(o Old) bool { return o.Key == k })
}

// offering returns the record with k offered under edition e, its predecessor
// old, and nothing agreed.
func (r Record) offering(e Edition, k KeyID, issued time.Time) Record {
	r = r.Clone()
	r.Seq = e
	if i := r.old(k); i >= 0 {
		issued = r.Old[i].Issued
		r.Old = slices.Delete(r.Old, i, i+1)
	}
	if r.Offer.Key != "" && r.Offer.Key != k {
		r.Old = append(r.Old, Old{Key: r.Offer.Key, Edition: r.Offer.Edition, Issued: r.Offer.Issued})
	}
	r.Leak.Keep = slices.DeleteFunc(r.Leak.Keep, func(kept KeyID) bool { return kept == k }) // it is the account's own now
	r.Offer = Offer{Edition: e, Key: k, Issued: issued}
	r.Agreed = time.Time{}
	return r
}

// usable reports whether nothing on record says that k is being deleted, or is
// deleted already.
func (r Record) usable(k KeyID) bool {
	i := r.old(k)
	return k != "" && (i < 0 || !r.Old[i].Condemned) &&
		!slices.ContainsFunc(r.Gone, func(g Gone) bool { return g.Key == k })
}

// offerable reports whether k may be offered to readers: what others know never
// is again.
func (r Record) offerable(k KeyID) bool {
	i := r.old(k)
	return r.usable(k) && (i < 0 || !r.leaked(r.Old[i].Edition) && !r.Old[i].named())
}

// forgetting returns the record with its i-th old key gone.
func (r Record) forgetting(i int, now time.Time) Record {
	r = r.Clone()
	r.Gone = slices.DeleteFunc(r.Gone, func(g Gone) bool { return now.Sub(g.At) > abandonedFor })
	r.Gone = append(r.Gone, Gone{Key: r.Old[i].Key, At: now})
	r.Old = slices.Delete(r.Old, i, i+1)
	if len(r.Old) == 0 {
		r.HeldBy = nil
	}
	return r
}

// without returns the record with one abandoned label forgotten.
func (r Record) without(l Label) Record {
	r = r.Clone()
	r.Abandoned = slices.DeleteFunc(r.Abandoned, func(a Abandoned) bool { return a.Label == l })
	return r
}

// abandonedFor is how long a label without a key, and a key that is gone, are
// remembered.
const abandonedFor = 30 * 24 * time.Hour

// abandoning returns the record without its intent, the intent's label among
// those whose key must not live.
func (r Record) abandoning(now time.Time) Record {
	r = r.Clone()
	if r.Intent.Label != "" {
		r.Abandoned = slices.DeleteFunc(r.Abandoned, func(a Abandoned) bool { return now.Sub(a.At) > abandonedFor })
		r.Abandoned = append(r.Abandoned, Abandoned{Label: r.Intent.Label, At: now})
		r.Intent = Intent{}
	}
	return r
}

package rotation

import (
	"slices"
	"time"
)

// Blank reports whether nothing is on record: the account was never worked on,
// or its record was given up.
func (r Record) Blank() bool {
	return r.Account == "" && r.Seq == 0 && r.Offer == (Offer{}) && r.Intent == (Intent{}) && r.Request.Kind == RequestNone &&
		r.Parked == "" && r.Provision.IsZero() && !r.Emergency() && r.Off == (Off{}) && len(r.Old)+len(r.Abandoned)+len(r.Dests)+len(r.Adopt)+len(r.Strange) == 0
}

// Enrolled notes that an account is in the configuration, or is not: once, when
// that changes. Without events there is nothing to save. A record that nothing
// is on has nothing to lose, and is not noted.
func (r Record) Enrolled(in bool, now time.Time) (Record, []Event) {
	if r.Left.IsZero() == in || !in && r.Blank() {
		return r, nil
	}
	r = r.Clone()
	e := Event{Key: r.Offer.Key, Edition: r.Offer.Edition}
	if in {
		e.Kind, e.Words = EventReturned, "out of it since "+r.Left.UTC().Format(time.RFC3339)
		r.Left = time.Time{}
	} else {
		e.Kind = EventLeft
		r.Left = now
	}
	return r, []Event{e}
}

// Without returns the record without a destination, which no longer counts: no
// key is kept for its sake.
func (r Record) Without(d Destination) Record {
	r = r.Clone()
	is := func(other Destination) bool { return other == d }
	r.Dests = slices.DeleteFunc(r.Dests, is)
	r.Adopt = slices.DeleteFunc(r.Adopt, is)
	return r
}

// LeftDestinations returns the destinations once written that are not wanted any
// more.
func (s Spec) LeftDestinations(r Record) []Destination {
	return slices.DeleteFunc(slices.Clone(r.Dests), func(d Destination) bool {
		_, wanted := s.want(d)
		return wanted
	})
}

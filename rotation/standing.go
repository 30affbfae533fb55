package rotation

import "slices"

// Standing is how a destination stands to the offer.
type Standing uint8

const (
	// StandsUnknown: not looked at freshly, or the store could not say.
	StandsUnknown Standing = iota
	// StandsHolds: it holds the offered key in the wanted shape.
	StandsHolds
	// StandsLacks: it is ours, or free, and holds something else.
	StandsLacks
	// StandsForeign: it is someone else's.
	StandsForeign
)

// String returns the standing as people read it.
func (s Standing) String() string {
	return [...]string{"unknown", "holds", "lacks", "not ours"}[s]
}

// Standing judges what was seen at one destination.
func (s Spec) Standing(r Record, h Holding, dest Destination) Standing {
	if !h.Fresh {
		return StandsUnknown
	}
	switch h.State {
	case StateAbsent:
		return StandsLacks
	case StateBare:
		for _, named := range r.Adopt {
			if named == dest {
				return StandsLacks
			}
		}
		return StandsForeign
	case StateMarked, StateEdited:
		if !s.ours(r, h.Mark) {
			return StandsForeign
		}
	default:
		return StandsUnknown
	}
	holds := h.State == StateMarked && h.Mark.Edition == r.Offer.Edition && h.Mark.Key == r.Offer.Key
	if w, wanted := s.want(dest); wanted {
		holds = holds && h.Mark.Shape == w.Shape
	}
	if holds {
		return StandsHolds
	}
	return StandsLacks
}

func (s Spec) ours(r Record, m Mark) bool {
	return m.Instance == s.Instance && (m.Account == r.Account || m.Account != "" && slices.Contains(r.Former, m.Account))
}

type extent uint8

const (
	wantedOnly extent = iota
	everWritten
)

// allHold reports whether every destination freshly holds the offer. No
// destination at all is not "all": it may be a configuration gone wrong.
func (d *decision) allHold(e extent) bool {
	if len(d.s.Wants) == 0 || d.r.Offer.Key == "" {
		return false
	}
	dests := d.s.Destinations(d.r)
	if e == wantedOnly {
		dests = dests[:len(d.s.Wants)]
	}
	for _, dest := range dests {
		if d.s.Standing(d.r, d.o.Holding(dest), dest) != StandsHolds {
			return false
		}
	}
	return true
}

// olderVersionsTried bounds how far back into a secret's history a lost value
// is looked for.
const olderVersionsTried = 3

// places returns where live values of the account may be read, the likeliest
// first: what is marked with the offered key, then every other value of ours,
// then older versions, then what the platform itself may show.
func (d *decision) places() []Place {
	first := d.placesOf(d.r.Offer.Key)
	var other, older []Place
	for _, dest := range d.s.Destinations(d.r) {
		h := d.o.Holding(dest)
		if !d.readable(dest) || (h.State != StateAbsent && !((h.State == StateMarked || h.State == StateEdited) && d.s.ours(d.r, h.Mark))) {
			continue
		}
		if h.State != StateAbsent && (h.State != StateMarked || h.Mark.Key != d.r.Offer.Key) {
			other = append(other, Place{Destination: dest, Version: h.Version})
		}
		for i, v := range h.Older {
			if i == olderVersionsTried {
				break
			}
			older = append(older, Place{Destination: dest, Version: v})
		}
	}
	all := append(append(first, other...), older...)
	if d.s.FirstKey {
		all = append(all, Place{Kind: PlacePlatform})
	}
	return all
}

// placesOf returns where a mark says that the value of k is.
func (d *decision) placesOf(k KeyID) []Place {
	var at []Place
	for _, dest := range d.s.Destinations(d.r) {
		h := d.o.Holding(dest)
		if k != "" && d.readable(dest) && h.State == StateMarked && d.s.ours(d.r, h.Mark) && h.Mark.Key == k {
			at = append(at, Place{Destination: dest, Version: h.Version})
		}
	}
	return at
}

// readable: a destination that left the configuration is tried all the same,
// it may be the last that holds a value.
func (d *decision) readable(dest Destination) bool {
	w, wanted := d.s.want(dest)
	return !wanted || w.Readable
}

func (d *decision) untried(at []Place) []Place {
	var left []Place
	for _, p := range at {
		if _, ok := d.o.value(p); !ok {
			left = append(left, p)
		}
	}
	return left
}

// unreached returns the destinations where a value may be that could not be
// read or seen, and why.
func (d *decision) unreached() (at []Destination, words string) {
	add := func(dest Destination, why string) {
		if words != "" {
			words += "; "
		}
		words += dest.String()
		if why != "" {
			words += ": " + why
		}
		at = append(at, dest)
	}
	for _, dest := range d.s.Destinations(d.r) {
		if h := d.o.Holding(dest); h.State == StateUnknown && d.readable(dest) {
			add(dest, h.Words)
		}
	}
	for _, v := range d.o.Values {
		if v.Verdict == Unreached && v.Place.Kind == PlaceStore {
			add(v.Place.Destination, v.Words)
		}
	}
	return at, words
}

// Places returns where live values of the account may be read, the likeliest
// first: for those who need one before the keys can be listed.
func (s Spec) Places(r Record, o Observed) []Place {
	d := decision{s: s, r: r, o: o}
	return d.untried(d.places())
}

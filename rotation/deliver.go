package rotation

import (
	"slices"
	"time"
)

// Deliver writes the offered key to one destination. The version is looked at
// first and the record reloaded after, so that whoever offered a later edition
// meanwhile has either been seen here or sees this write refused.
type Deliver struct {
	Destination Destination
	Offer       Offer

	step     deliverStep
	deadline time.Time
}

type deliverStep uint8

const (
	deliverLook deliverStep = iota
	deliverReload
	deliverSave
	deliverPut
	deliverTell
	deliverEnd
)

// DeliverState is what one delivery has seen: kept beside the procedure, which
// stays comparable.
type DeliverState struct{ Seen Holding }

// Step takes the outcome of the last effect (of the first call: none) and the
// record as last loaded or saved, and returns the next effect.
func (p Deliver) Step(s Spec, r Record, seen *DeliverState, in Outcome, now time.Time) (Deliver, Effect) {
	switch p.step {
	case deliverLook:
		p.step = deliverReload
		return p, Effect{Kind: LookAt, Destination: p.Destination}

	case deliverReload:
		if in.Result != OK {
			return p, done("it cannot be looked at: " + in.Words)
		}
		seen.Seen = in.Holding
		// Counted from before the record is loaded: whoever offers a later
		// edition after that waits longer than this write can take.
		p.deadline = now.Add(s.Policy.WriteDeadline)
		p.step = deliverSave
		return p, Effect{Kind: LoadRecord}

	case deliverSave:
		if in.Result != OK || r.Offer.Edition != p.Offer.Edition || r.Offer.Key != p.Offer.Key {
			return p, done("another edition was offered meanwhile")
		}
		if !r.Off.Begun.IsZero() {
			return p, done("the account is being switched off")
		}
		switch s.Standing(r, seen.Seen, p.Destination) {
		case StandsLacks:
		case StandsHolds:
			return p, Effect{Kind: Done}
		default:
			return p, done("it is not ours to write")
		}
		p.step = deliverPut
		// What was once there is not any more. A place that is new, or whose
		// form is to be another, heals nobody's change.
		m, h := seen.Seen.Mark, seen.Seen
		healed := !r.Agreed.IsZero() && slices.Contains(r.Dests, p.Destination) &&
			!(h.State == StateMarked && m.Edition == p.Offer.Edition && m.Key == p.Offer.Key)
		r = r.Clone()
		if !slices.Contains(r.Dests, p.Destination) {
			r.Dests = append(r.Dests, p.Destination)
		}
		r.Agreed = time.Time{}
		e := Event{Kind: EventDelivering, Key: p.Offer.Key, Edition: p.Offer.Edition, Destination: p.Destination}
		if healed {
			e.Kind, e.Words = EventHealed, "it no longer held what was delivered: "+seen.Seen.State.String()
		}
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{e}}

	case deliverPut:
		if in.Result != OK {
			return p, done("the destination could not be put on record: " + in.Words)
		}
		p.step = deliverTell
		return p, Effect{
			Kind: PutKey, Destination: p.Destination, Seen: seen.Seen,
			Key: p.Offer.Key, Edition: p.Offer.Edition, Deadline: p.deadline,
		}

	case deliverTell:
		if in.Result != OK {
			return p, done("not written: " + in.Words)
		}
		p.step = deliverEnd
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{
			Kind: EventDelivered, Key: p.Offer.Key, Edition: p.Offer.Edition, Destination: p.Destination,
		}}}
	}
	return p, Effect{Kind: Done}
}

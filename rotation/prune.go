package rotation

import (
	"slices"
	"strings"
	"time"
)

// Prune deletes a destination that left the configuration, at a person's word,
// and strikes it from the record. What is deleted may be the last place where a
// live key can be read back: so the offered key is read from another place
// first, or found dead. The intent is on record before, as with every effect.
type Prune struct {
	Destination Destination
	Reason      string // a person's, for the record

	step  pruneStep
	at    int // which other destination is looked at
	offer Offer
	// elsewhere: the offered key was just read from another destination.
	elsewhere bool
}

type pruneStep uint8

const (
	pruneLook pruneStep = iota
	pruneJudge
	pruneOther
	pruneTry
	pruneOwn
	pruneConfirm
	pruneRemove
	pruneStrike
	pruneReload
	pruneAgain
	pruneSeen
)

// PruneState is what a Prune has seen: kept beside the procedure, which stays
// comparable.
type PruneState struct{ Seen Holding }

// Prunable says why a destination may not be pruned by what is on record and
// wanted; empty: it may.
func (s Spec) Prunable(r Record, d Destination) string {
	_, wanted := s.want(d)
	switch {
	case wanted:
		return "it is in the configuration"
	case !slices.Contains(r.Dests, d):
		return "it is not on record as one that was delivered to"
	case r.Intent.Label != "":
		return "a key is being created: wait until that is over"
	case r.Request.Kind != RequestNone:
		return "a person's request (" + string(r.Request.Kind) + ") is not carried out yet: wait until that is over"
	case len(s.Wants) > 0 && r.Agreed.IsZero():
		return "not every destination in the configuration holds the offered key yet: wait until they do"
	}
	return ""
}

// Step takes the outcome of the last effect (of the first call: none) and the
// record as last loaded or saved, and returns the next effect. The last effect
// is Done without words if the destination is struck from the record.
func (p Prune) Step(s Spec, r Record, seen *PruneState, in Outcome, now time.Time) (Prune, Effect) {
	switch p.step {
	case pruneLook:
		if words := s.Prunable(r, p.Destination); words != "" {
			return p, done(words)
		}
		p.step, p.offer = pruneJudge, r.Offer
		return p, Effect{Kind: LookAt, Destination: p.Destination}

	case pruneJudge:
		if in.Result != OK {
			return p, done("it cannot be looked at: " + in.Words)
		}
		seen.Seen = in.Holding
		switch h := seen.Seen; {
		case h.State == StateAbsent:
			p.step = pruneConfirm
			return p, Effect{Kind: LoadRecord}
		case h.State == StateBare:
			return p, done("it bears no mark of keyrota any more, so it is someone else's: release it")
		case h.State == StateUnknown:
			return p, done("it cannot be looked at: " + h.Words)
		case !s.ours(r, h.Mark):
			return p, done("it belongs to keyrota " + h.Mark.Instance + ", account " + string(h.Mark.Account) + ": release it")
		case h.Mark.Ledger != s.Ledger:
			return p, done("it was written by another ledger, " + h.Mark.Ledger + "; ours is " + s.Ledger + ": a daemon elsewhere may keep it; release it")
		case h.State == StateEdited && p.Destination.Field == "":
			return p, done("it was changed since keyrota delivered it, so what is in it is not only keyrota's: look at it, remove it by hand, and release it")
		}
		return p.other(s, r, seen.Seen)

	case pruneOther:
		dest := p.others(s, r)[p.at-1]
		if in.Result == OK && s.Standing(r, in.Holding, dest) == StandsHolds {
			p.step = pruneTry
			return p, Effect{Kind: TryPlace, Place: Place{Destination: dest, Version: in.Holding.Version}}
		}
		return p.other(s, r, seen.Seen)

	case pruneTry:
		if in.Value.Verdict != Live || in.Value.Key != p.offer.Key {
			return p.other(s, r, seen.Seen)
		}
		p.elsewhere = true
		if seen.Seen.State == StateEdited {
			return p.own(seen.Seen)
		}
		p.step = pruneConfirm
		return p, Effect{Kind: LoadRecord}

	case pruneOwn:
		edited := seen.Seen.State == StateEdited
		switch v := in.Value; {
		case edited && v.Verdict != Live:
			return p, done("it was changed since keyrota delivered it, and no key of this account can be read from it: look at it, remove it by hand, and release it")
		case !p.elsewhere && v.Verdict != Dead:
			return p, done(p.last(s))
		}
		p.step = pruneConfirm
		return p, Effect{Kind: LoadRecord}

	case pruneConfirm:
		if in.Result != OK || r.Offer != p.offer {
			return p, done("the record changed meanwhile: try again")
		}
		if words := s.Prunable(r, p.Destination); words != "" {
			return p, done(words)
		}
		if seen.Seen.State == StateAbsent {
			return p.strike(r, strings.TrimSuffix("it was gone already; "+p.Reason, "; "))
		}
		p.step = pruneRemove
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{
			Kind: EventPruning, Key: seen.Seen.Mark.Key, Edition: seen.Seen.Mark.Edition, Destination: p.Destination, Words: p.Reason,
		}}}

	case pruneRemove:
		if in.Result != OK {
			return p, done("the record changed meanwhile: try again")
		}
		p.step = pruneStrike
		return p, Effect{
			Kind: RemoveSecret, Destination: p.Destination, Seen: seen.Seen, Deadline: now.Add(s.Policy.WriteDeadline),
		}

	case pruneStrike:
		switch in.Result {
		case OK:
		case Unknown:
			return p, done("whether it was deleted is not known, so look again with keyrota prune: " + in.Words)
		default:
			return p, done("it was not deleted: " + in.Words)
		}
		return p.strike(r, "")

	case pruneReload:
		switch in.Result {
		case OK:
			return p, Effect{Kind: Done}
		case Conflict:
			// Others save it too, one of them perhaps to deliver there again: only
			// what is still gone is struck, on record as it is when that is seen.
			p.step = pruneAgain
			return p, Effect{Kind: LoadRecord}
		}
		return p, done("it is deleted, and still on record: run keyrota prune again")

	case pruneAgain:
		if words := s.Prunable(r, p.Destination); in.Result != OK || words != "" {
			return p, done("it is deleted, and what is on record moved meanwhile: run keyrota prune again")
		}
		p.step = pruneSeen
		return p, Effect{Kind: LookAt, Destination: p.Destination}

	case pruneSeen:
		if in.Result != OK || in.Holding.State != StateAbsent {
			return p, done("it was deleted, and is there again, or cannot be looked at: somebody delivers to it; it stays on record")
		}
		return p.strike(r, "")
	}
	return p, Effect{Kind: Done}
}

// others are the places that the offered key may be read from instead: those in
// the configuration, which nobody prunes. Of an account that left as a whole it
// is those on record before this one, so that of two people who prune at once
// each does not rely on what the other deletes.
func (p Prune) others(s Spec, r Record) []Destination {
	if len(s.Wants) == 0 {
		return r.Dests[:max(slices.Index(r.Dests, p.Destination), 0)]
	}
	var others []Destination
	for _, w := range s.Wants {
		if w.Readable {
			others = append(others, w.Destination)
		}
	}
	return others
}

// other goes on to the next place, and after the last to what is at the
// destination itself: if its key is dead, nothing is lost with it.
func (p Prune) other(s Spec, r Record, h Holding) (Prune, Effect) {
	others := p.others(s, r)
	if p.at < len(others) {
		p.at++
		p.step = pruneOther
		return p, Effect{Kind: LookAt, Destination: others[p.at-1]}
	}
	return p.own(h)
}

func (p Prune) own(h Holding) (Prune, Effect) {
	p.step = pruneOwn
	return p, Effect{Kind: TryPlace, Place: Place{Destination: p.Destination, Version: h.Version}}
}

// last says why a destination is kept as the last place of a live key.
func (p Prune) last(s Spec) string {
	if len(s.Wants) == 0 {
		return "it is kept as the last place that a live key of the account can be read back from: delete the account or its keys at the platform first, or put the account back into the configuration; release leaves everything as it is"
	}
	return "the offered key could not be read back from any destination in the configuration, and this may be its last place: see keyrota status; release leaves everything as it is"
}

func (p Prune) strike(r Record, words string) (Prune, Effect) {
	p.step = pruneReload
	return p, Effect{Kind: SaveRecord, Record: r.Without(p.Destination), Events: []Event{{
		Kind: EventPruned, Destination: p.Destination, Words: words,
	}}}
}

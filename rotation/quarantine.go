package rotation

import (
	"slices"
	"time"
)

// Quarantine deletes one key of an account that is being switched off, whoever
// reads it: the configuration says so, and its waiting period is over. The key is
// condemned first, so that nothing offers it again.
type Quarantine struct {
	Key   KeyID
	Words string // what people should know of it, for the record

	step quarantineStep
}

type quarantineStep uint8

const (
	quarantineCondemn quarantineStep = iota
	quarantineReload
	quarantineRevoke
	quarantineForget
	quarantineEnd
)

// Step takes the outcome of the last effect (of the first call: none) and the
// record as last loaded or saved, and returns the next effect.
func (p Quarantine) Step(s Spec, r Record, in Outcome, now time.Time) (Quarantine, Effect) {
	switch p.step {
	case quarantineCondemn:
		if !s.off() || r.Off.Begun.IsZero() {
			return p, done("the record changed meanwhile")
		}
		p.step = quarantineReload
		i := r.old(p.Key)
		if i >= 0 && r.Old[i].Condemned {
			p.step = quarantineRevoke
			return p, Effect{Kind: LoadRecord}
		}
		e := Event{Kind: EventCondemned, Key: p.Key, Words: p.Words}
		switch {
		case p.Key == r.Offer.Key:
			e.Edition = r.Offer.Edition
			r = r.condemningOffer()
		case i >= 0:
			e.Edition = r.Old[i].Edition
			r = r.Clone()
			r.Old[i].Condemned = true
		default:
			r = r.Clone()
			r.Old = append(r.Old, Old{Key: p.Key, Condemned: true})
			r.Leak.Keep = slices.DeleteFunc(r.Leak.Keep, func(kept KeyID) bool { return kept == p.Key })
		}
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{e}}

	case quarantineReload:
		if in.Result != OK {
			return p, done("it could not be condemned: " + in.Words)
		}
		p.step = quarantineRevoke
		return p, Effect{Kind: LoadRecord}

	case quarantineRevoke:
		i := r.old(p.Key)
		if in.Result != OK || r.Off.Begun.IsZero() || i < 0 || !r.Old[i].Condemned {
			return p, done("the record changed meanwhile")
		}
		p.step = quarantineForget
		return p, Effect{Kind: RevokeKey, Key: p.Key}

	case quarantineForget:
		if in.Result != OK {
			return p, done("it could not be deleted: " + in.Words)
		}
		i := r.old(p.Key)
		if i < 0 {
			return p, Effect{Kind: Done}
		}
		p.step = quarantineEnd
		return p, Effect{Kind: SaveRecord, Record: r.forgetting(i, now), Events: []Event{{
			Kind: EventRevoked, Key: p.Key, Edition: r.Old[i].Edition,
		}}}
	}
	return p, Effect{Kind: Done}
}

// foreign reports whether an old key was never ours, and goes only because the
// account is switched off.
func (o Old) foreign() bool { return o.Edition == 0 && o.Condemned && !o.Ended }

// condemningOffer returns the record with nothing offered, and what was among
// the old keys, to be deleted.
func (r Record) condemningOffer() Record {
	r = r.Clone()
	r.Old = append(r.Old, Old{Key: r.Offer.Key, Edition: r.Offer.Edition, Issued: r.Offer.Issued, Condemned: true})
	r.Offer, r.Agreed, r.HeldBy = Offer{}, time.Time{}, nil
	return r
}

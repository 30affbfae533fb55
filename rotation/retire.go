package rotation

import "time"

// Retire deletes an old key. It is condemned first, so that nothing offers it
// again; then every destination is looked at, and its successor, read from a
// store, is verified; and if the record still agrees, it is deleted. A key that
// others know goes as soon as one destination is seen to hold its successor, if
// a person who was shown what that breaks said so.
type Retire struct {
	Key    KeyID
	Breaks string // whose work ends with it, for the record

	step     retireStep
	cut      bool // it goes as soon as one destination holds its successor
	offer    Offer
	at       int   // which destination is looked at
	verified Place // where the successor is read
	agreed   time.Time
}

type retireStep uint8

const (
	retireCondemn retireStep = iota
	retireLook
	retireVerify
	retireConfirm
	retireRevoke
	retireForget
	retireEnd
)

// Step takes the outcome of the last effect (of the first call: none) and the
// record as last loaded or saved, and returns the next effect.
func (p Retire) Step(s Spec, r Record, in Outcome, now time.Time) (Retire, Effect) {
	switch p.step {
	case retireCondemn:
		i := r.old(p.Key)
		if i < 0 || r.Agreed.IsZero() && !r.cut(r.Old[i]) {
			return p, done("the record changed meanwhile")
		}
		p.cut = r.cut(r.Old[i])
		p.step, p.offer, p.agreed = retireLook, r.Offer, r.Agreed
		if r.Old[i].Condemned {
			return p.look(s, r)
		}
		r = r.Clone()
		r.Old[i].Condemned = true
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{
			Kind: EventCondemned, Key: p.Key, Edition: r.Old[i].Edition, Words: p.Breaks,
		}}}

	case retireLook:
		if in.Result != OK {
			return p, done("it could not be condemned: " + in.Words)
		}
		return p.look(s, r)

	case retireVerify:
		dest := s.Destinations(r)[p.at-1]
		if in.Result != OK || s.Standing(r, in.Holding, dest) != StandsHolds {
			if p.cut {
				return p.look(s, r)
			}
			return p, done(dest.String() + " is not seen to hold its successor")
		}
		if w, wanted := s.want(dest); wanted && w.Readable && p.verified == (Place{}) {
			p.verified = Place{Destination: dest, Version: in.Holding.Version}
		}
		return p.look(s, r)

	case retireConfirm:
		skew := in.At.Sub(now).Abs()
		switch {
		case p.cut && in.Value.Verdict == Unreached && p.at < len(s.Destinations(r)):
			p.verified = Place{}
			return p.look(s, r)
		case in.Value.Verdict != Live || in.Value.Key != p.offer.Key:
			return p, done("its successor could not be verified: " + in.Words)
		case in.At.IsZero():
			return p, done("the platform does not say what time it is")
		case skew > s.Policy.ClockSkew:
			return p, done("our clock and the platform's are apart by " + skew.String() + ": set the clock")
		}
		// Decided by a clock that may have been wrong, and is right now.
		if i := r.old(p.Key); !p.cut && (i < 0 || now.Before(r.Agreed.Add(s.overlap(r, r.Old[i])))) {
			return p, done("its overlap is not over")
		}
		p.step = retireRevoke
		return p, Effect{Kind: LoadRecord}

	case retireRevoke:
		// Whoever puts right what contradicted the agreement says so first: what
		// was just looked at may have been put right a moment ago.
		i := r.old(p.Key)
		if in.Result != OK || i < 0 || !r.Old[i].Condemned || r.Offer != p.offer || !r.Agreed.Equal(p.agreed) || p.cut && !r.cut(r.Old[i]) {
			return p, done("the record changed meanwhile")
		}
		p.step = retireForget
		return p, Effect{Kind: RevokeKey, Key: p.Key}

	case retireForget:
		if in.Result != OK {
			return p, done("it could not be deleted: " + in.Words)
		}
		i := r.old(p.Key)
		if i < 0 {
			return p, Effect{Kind: Done}
		}
		p.step = retireEnd
		return p, Effect{Kind: SaveRecord, Record: r.forgetting(i, now), Events: []Event{{
			Kind: EventRevoked, Key: p.Key, Edition: r.Old[i].Edition,
		}}}
	}
	return p, Effect{Kind: Done}
}

// look goes on to the next destination, and after the last to verifying.
func (p Retire) look(s Spec, r Record) (Retire, Effect) {
	dests := s.Destinations(r)
	if p.at < len(dests) && !(p.cut && p.verified != (Place{})) {
		p.at++
		p.step = retireVerify
		return p, Effect{Kind: LookAt, Destination: dests[p.at-1]}
	}
	if p.verified == (Place{}) {
		return p, done("its successor cannot be read back from any destination")
	}
	p.step = retireConfirm
	return p, Effect{Kind: TryPlace, Place: p.verified}
}

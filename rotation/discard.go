package rotation

import "time"

// Discard deletes a key that was created and never offered.
type Discard struct {
	Key   KeyID
	Label Label

	revoked bool
	end     bool
}

// Step takes the outcome of the last effect (of the first call: none) and the
// record as last loaded or saved, and returns the next effect.
func (p Discard) Step(_ Spec, r Record, in Outcome, _ time.Time) (Discard, Effect) {
	switch {
	case p.end:
		return p, Effect{Kind: Done}
	case !p.revoked:
		if r.knows(p.Key) {
			return p, done("the record changed meanwhile")
		}
		p.revoked = true
		return p, Effect{Kind: RevokeKey, Key: p.Key}
	case in.Result != OK:
		return p, done("it could not be deleted: " + in.Words)
	}
	p.end = true
	return p, Effect{Kind: SaveRecord, Record: r.without(p.Label), Events: []Event{{
		Kind: EventDiscarded, Key: p.Key, Label: p.Label,
	}}}
}

// Provision creates an account at the platform. Creating is not idempotent, so
// its beginning is on record first, and a later pass looks for it by name.
type Provision struct {
	Worker string

	step provisionStep
}

type provisionStep uint8

const (
	provisionSave provisionStep = iota
	provisionCreate
	provisionFound
	provisionEnd
)

// Step takes the outcome of the last effect (of the first call: none) and the
// record as last loaded or saved, and returns the next effect.
func (p Provision) Step(s Spec, r Record, in Outcome, now time.Time) (Provision, Effect) {
	switch p.step {
	case provisionSave:
		if r.Account != "" {
			return p, done("the record changed meanwhile")
		}
		r = r.Clone()
		r.Provision = now
		p.step = provisionCreate
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{Kind: EventProvisioning, Words: "begun by " + p.Worker}}}

	case provisionCreate:
		if in.Result != OK {
			return p, done("the intent could not be saved: " + in.Words)
		}
		p.step = provisionFound
		return p, Effect{Kind: CreateAccount}

	case provisionFound:
		r = r.Clone()
		p.step = provisionEnd
		switch in.Result {
		case OK:
			r.Account, r.Tries, r.NotBefore = in.Account, 0, time.Time{}
			return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{Kind: EventProvisioned, Words: string(in.Account)}}}
		case Denied, Refused, Conflict:
			r.Provision = time.Time{}
			r.Tries++
			r.NotBefore = s.Policy.backoff(r.Tries, now, in.Until)
			events := []Event{{Kind: EventIssueFailed, Words: "the account could not be created: " + in.Words}}
			if in.Result == Denied {
				r.Parked = "the account could not be created: " + in.Words + "; then run: keyrota rotate " + string(s.Account.Ref)
				events = append(events, Event{Kind: EventParked, Words: r.Parked})
			}
			return p, Effect{Kind: SaveRecord, Record: r, Events: events}
		}
		return p, done("its creation may have happened: " + in.Words)
	}
	return p, Effect{Kind: Done}
}

package rotation

import "time"

// Issue creates a key, authenticated by the live key at Auth, and offers it.
// The intent is on record before the key exists; a key that fails before it
// is offered was seen by nobody and is deleted by a later pass.
type Issue struct {
	Auth   Place
	Nonce  string // never used before
	Worker string
	Why    string

	step  issueStep
	label Label
	key   KeyID
	begun time.Time
}

type issueStep uint8

const (
	issueReadAuth issueStep = iota
	issueSaveIntent
	issueCreate
	issueVerify
	issueOffer
	issueEnd
)

// Step takes the outcome of the last effect (of the first call: none) and the
// record as last loaded or saved, and returns the next effect.
func (p Issue) Step(s Spec, r Record, in Outcome, now time.Time) (Issue, Effect) {
	switch p.step {
	case issueReadAuth:
		p.step = issueSaveIntent
		return p, Effect{Kind: TryPlace, Place: p.Auth}

	case issueSaveIntent:
		if in.Value.Verdict != Live {
			return p, done("the key to create the next one with does not work any more: " + in.Words)
		}
		if r.Account == "" || r.Intent.Label != "" || !r.usable(in.Value.Key) {
			return p, done("the record changed meanwhile")
		}
		r = r.Clone()
		r.Seq++
		p.begun = now
		p.label = NewLabel(s.Instance, r.Account, r.Seq, now, p.Nonce)
		r.Intent = Intent{Label: p.label, Worker: p.Worker}
		p.step = issueCreate
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{
			Kind: EventIssuing, Label: p.label, Edition: r.Seq, Words: p.Why,
		}}}

	case issueCreate:
		if in.Result != OK {
			return p, done("the intent could not be saved: " + in.Words)
		}
		p.step = issueVerify
		return p, Effect{Kind: CreateKey, Label: p.label, Deadline: p.begun.Add(s.Policy.WriteDeadline)}

	case issueVerify:
		if in.Result != OK {
			return p.failed(s, r, in, now)
		}
		p.key = in.Key
		p.step = issueOffer
		return p, Effect{Kind: VerifyKey, Key: p.key}

	case issueOffer:
		if in.Value.Verdict != Live || in.Value.Key != p.key {
			in.Result = Unknown
			if in.Value.Verdict == Foreign {
				in.Words = "the new key belongs to another account: " + in.Words
			}
			return p.failed(s, r, in, now)
		}
		r = r.offering(r.Seq, p.key, p.begun) // the intent has raised Seq
		r.Intent = Intent{}
		r.Tries, r.NotBefore = 0, time.Time{}
		if r.Request.Kind == RequestRotate {
			r.Request = Request{}
		}
		p.step = issueEnd
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{
			Kind: EventOffered, Key: p.key, Label: p.label, Edition: r.Seq,
		}}}
	}
	if in.Result != OK {
		return p, done("not offered: " + in.Words)
	}
	return p, Effect{Kind: Done}
}

// failed records a creation that ended before its key was offered.
func (p Issue) failed(s Spec, r Record, in Outcome, now time.Time) (Issue, Effect) {
	event := Event{Kind: EventIssueFailed, Label: p.label, Key: p.key, Words: in.Words}
	switch in.Result {
	case Conflict, Refused, Denied:
		r = r.Clone() // no key exists: there is nothing to look for later
		r.Intent = Intent{}
	default:
		r = r.abandoning(now)
	}
	if in.Result == Conflict { // we were late: that is no failure of the platform's
		p.step = issueEnd
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{event}}
	}
	r.Tries++
	r.NotBefore = s.Policy.backoff(r.Tries, now, in.Until)
	events := []Event{event}
	if in.Result == Denied || in.Result != Refused && r.Tries >= triesBeforeParking {
		r.Parked = "no key could be created: " + in.Words + "; then run: keyrota rotate " + string(s.Account.Ref)
		r.Request = Request{}
		events = append(events, Event{Kind: EventParked, Words: r.Parked})
	}
	p.step = issueEnd
	return p, Effect{Kind: SaveRecord, Record: r, Events: events}
}

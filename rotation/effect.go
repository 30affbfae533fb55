package rotation

import "time"

// EffectKind says what a procedure asks to be done.
type EffectKind uint8

const (
	// Done: the procedure is over. Effect.Words says why it ended early, if it
	// did; nothing is left half done that a later pass does not see.
	Done EffectKind = iota
	// LoadRecord: load the record. Success carries no more: the record is given
	// to the next step.
	LoadRecord
	// SaveRecord: save Effect.Record with Effect.Events, if the record is still
	// at the revision it was last loaded or saved at.
	SaveRecord
	// TryPlace: read Effect.Place back and ask the platform whose key it is.
	TryPlace
	// LookAt: look freshly at Effect.Destination.
	LookAt
	// CreateKey: create a key labelled Effect.Label, with the value read last;
	// exactly one request, and none after Effect.Deadline: a label that was
	// abandoned longer ago than that is the label of no key to come. Conflict if
	// the deadline was over before the request was sent.
	CreateKey
	// VerifyKey: ask the platform whether the key just created works and whose
	// it is; wait a while for one that is not valid yet.
	VerifyKey
	// PutKey: write key Effect.Key to Effect.Destination under Effect.Edition,
	// if it still is as Effect.Seen, sending nothing after Effect.Deadline.
	PutKey
	// RemoveSecret: delete what is at Effect.Destination, if it still is as
	// Effect.Seen, sending nothing after Effect.Deadline.
	RemoveSecret
	// RevokeKey: delete key Effect.Key.
	RevokeKey
	// CreateAccount: create the account; exactly one request.
	CreateAccount
	// RemoveAccount: take the account out of its team, by its id.
	RemoveAccount
)

// Effect is one thing for the performer to do.
type Effect struct {
	Kind        EffectKind
	Record      Record
	Events      []Event
	Place       Place
	Destination Destination
	Seen        Holding
	Key         KeyID
	Edition     Edition
	Label       Label
	Deadline    time.Time
	Words       string
}

// Result says how an effect went.
type Result uint8

const (
	// Unknown: it may have happened, or may yet. The zero Result.
	Unknown Result = iota
	// OK: it happened.
	OK
	// Conflict: it did not happen, since something changed in between.
	Conflict
	// Refused: it did not happen; it may another time.
	Refused
	// Denied: it did not happen, and will not until a person acts.
	Denied
)

// Outcome is what came of an effect.
type Outcome struct {
	Result  Result
	Value   Value     // of TryPlace and VerifyKey
	Holding Holding   // of LookAt and PutKey
	Key     KeyID     // of CreateKey
	Account AccountID // of CreateAccount
	At      time.Time // of TryPlace and VerifyKey: the platform's clock, zero if it did not say
	Until   time.Time // of Refused: when the service said to come back, zero if it did not
	Words   string    // for people
}

func done(format string) Effect { return Effect{Kind: Done, Words: format} }

// backoff returns when to try again after the n-th failure in a row.
func (p Policy) backoff(n int, now, until time.Time) time.Time {
	pause := p.RetryBase
	for range min(n-1, 8) {
		pause *= 4
	}
	if next := now.Add(pause); next.After(until) {
		return next
	}
	return until
}

package rotation

import "time"

// ActionKind says what kind of thing to do.
type ActionKind uint8

const (
	// Wait: nothing to do before Action.Until.
	Wait ActionKind = iota
	// Save: save Action.Record with Action.Events.
	Save
	// LookFreshly: take the listing and every holding again, freshly.
	LookFreshly
	// Seek: read Action.Places back and ask the platform whose keys they are.
	Seek
	// AskUse: ask the platform which runs of the account go on that were created
	// before Action.Before.
	AskUse
	// DoProvision: perform the procedure Provision.
	DoProvision
	// DoIssue: perform Issue, authenticated by the value read at Action.Places[0].
	DoIssue
	// DoDeliver: perform Deliver of the offered key for each of Action.Destinations.
	DoDeliver
	// DoRetire: perform Retire for Action.Key.
	DoRetire
	// DoDiscard: perform Discard for Action.Key, which was never offered.
	DoDiscard
	// DoQuarantine: perform Quarantine for Action.Key.
	DoQuarantine
	// DoRemove: perform Remove.
	DoRemove
)

// String returns the kind as people read it.
func (k ActionKind) String() string {
	return [...]string{
		"wait", "record", "look", "read back", "ask for runs", "provision", "issue", "deliver", "retire", "discard",
		"delete", "remove",
	}[k]
}

// Action is the one thing to do next.
type Action struct {
	Kind ActionKind
	Rule int    // the rule that asked for it, for people
	Why  string // for people

	Record       Record        // of Save
	Events       []Event       // of Save
	Places       []Place       // of Seek and DoIssue
	Key          KeyID         // of DoRetire, DoDiscard and DoQuarantine; of Seek: what is sought, may be empty
	Label        Label         // of DoDiscard
	Destinations []Destination // of DoDeliver; of Wait: those that are in the way
	Enough       bool          // of DoDeliver: one destination that takes it is enough, then Next is asked again
	Before       time.Time     // of AskUse
	Breaks       string        // of DoRetire and DoQuarantine: whose work ends with the key, for people
	Until        time.Time     // of Wait: when the next thing is due by itself; zero: unknown
	Overdue      bool          // of Wait: something is in the way of what is due
}

// EventKind names what happened. The names are stable.
type EventKind string

// What can happen to an account.
const (
	EventProvisioning EventKind = "account.provisioning"
	EventProvisioned  EventKind = "account.provisioned"
	EventFound        EventKind = "account.found"
	EventQuarantining EventKind = "account.quarantining" // its keys will be deleted, as its configuration says
	EventQuarantined  EventKind = "account.quarantined"  // they are
	EventRemoving     EventKind = "account.removing"     // it is about to be taken out of its team
	EventRemoved      EventKind = "account.removed"      // and was
	EventActivating   EventKind = "account.activating"   // it is to work again, or to go on working
	EventRecovered    EventKind = "account.recovered"
	EventParked       EventKind = "account.parked"
	EventRequested    EventKind = "account.requested"
	EventIssuing      EventKind = "key.issuing"
	EventIssueFailed  EventKind = "key.issue_failed"
	EventAbandoned    EventKind = "key.abandoned"
	EventDiscarded    EventKind = "key.discarded"
	EventOffered      EventKind = "key.offered"
	EventAdopted      EventKind = "key.adopted"
	EventRolledBack   EventKind = "key.rolled_back"
	EventWithdrawn    EventKind = "key.withdrawn"
	EventCondemned    EventKind = "key.condemned"
	EventRevoked      EventKind = "key.revoked"
	EventGone         EventKind = "key.gone"
	EventDelivering   EventKind = "key.delivering"
	EventDelivered    EventKind = "key.delivered"
	EventHealed       EventKind = "destination.healed"
	EventAgreed       EventKind = "rotation.agreed"
	EventLeaked       EventKind = "key.leaked"            // a person said that others may know the account's keys
	EventLeakOver     EventKind = "key.leak_over"         // every key that others may know is deleted, or kept by name
	EventStrange      EventKind = "key.unexplained"       // a key appeared that nothing of ours explains
	EventEnded        EventKind = "key.overlap_ended"     // a person ended an old key's overlap
	EventInUse        EventKind = "key.in_use"            // a run holds an old key whose overlap is over
	EventHeld         EventKind = "rotation.held"         // due, and held back by max_rotations_per_day or a canary
	EventLeft         EventKind = "account.left"          // it is no longer in the configuration
	EventReturned     EventKind = "account.returned"      // it is in the configuration again
	EventMoved        EventKind = "account.moved"         // the record goes on under another name
	EventForgotten    EventKind = "account.forgotten"     // the record was given up at a person's word
	EventReleased     EventKind = "destination.released"  // a person said that nobody reads it any more
	EventPruning      EventKind = "destination.pruning"   // the secret is about to be deleted at a person's word
	EventPruned       EventKind = "destination.pruned"    // and was
	EventUnmarking    EventKind = "destination.unmarking" // its mark is about to be removed at a person's word
	EventFrozen       EventKind = "freeze.begun"
	EventUnfrozen     EventKind = "freeze.lifted"
	// Of findings, at a person's word.
	EventAcknowledged   EventKind = "finding.acknowledged"
	EventUnacknowledged EventKind = "finding.unacknowledged"
	EventJWTKept        EventKind = "jwt.kept" // fresh JWTs of external accounts were written where jobs read them
)

// Event is something that happened to an account, or is about to: events that
// end in "ing" are saved before their effect.
type Event struct {
	Kind        EventKind
	Key         KeyID
	Label       Label
	Edition     Edition
	Destination Destination
	Words       string
}

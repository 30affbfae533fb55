package export

import "github.com/keyrota/keyrota/rotation"

// class is where an event belongs in the categories of the Elastic Common
// Schema (ECS 8.17, "Categorization Fields").
type class struct {
	kind     string   // event.kind
	category string   // event.category
	types    []string // event.type
	outcome  string   // event.outcome; empty: it has none
}

// The values that are used here.
const (
	kindEvent = "event"
	kindAlert = "alert" // a person should look at it now
	kindState = "state" // of the head, once a heartbeat

	categoryIAM           = "iam"           // accounts and their keys
	categoryConfiguration = "configuration" // secrets that are written, freezes

	outcomeSuccess = "success"
	outcomeFailure = "failure"
	outcomeUnknown = "unknown" // of what is on record before its effect
)

// classOf returns the class of a kind of event, and false for a kind of a later
// version.
func classOf(k rotation.EventKind) (class, bool) {
	user := func(what string, outcome string) class {
		return class{kindEvent, categoryIAM, []string{"user", what}, outcome}
	}
	secret := func(what string, outcome string) class {
		return class{kindEvent, categoryConfiguration, []string{what}, outcome}
	}
	alert := func(c class) class {
		c.kind = kindAlert
		return c
	}
	switch k {
	case rotation.EventProvisioning, rotation.EventIssuing:
		return user("creation", outcomeUnknown), true
	case rotation.EventProvisioned, rotation.EventOffered:
		return user("creation", outcomeSuccess), true
	case rotation.EventIssueFailed, rotation.EventAbandoned:
		return user("creation", outcomeFailure), true
	case rotation.EventCondemned:
		return user("deletion", outcomeUnknown), true
	case rotation.EventRevoked, rotation.EventDiscarded:
		return user("deletion", outcomeSuccess), true
	case rotation.EventGone: // someone else deleted it
		return alert(user("deletion", "")), true
	case rotation.EventStrange: // someone else made it
		return alert(user("creation", "")), true
	case rotation.EventLeaked:
		return alert(user("info", "")), true
	case rotation.EventParked:
		return alert(user("info", outcomeFailure)), true
	case rotation.EventFound, rotation.EventRequested, rotation.EventHeld, rotation.EventAgreed, rotation.EventLeft, rotation.EventReturned:
		return user("info", ""), true
	case rotation.EventRecovered, rotation.EventAdopted, rotation.EventRolledBack, rotation.EventWithdrawn,
		rotation.EventLeakOver, rotation.EventEnded, rotation.EventMoved, rotation.EventForgotten:
		return user("change", outcomeSuccess), true
	case rotation.EventDelivering, rotation.EventHealed:
		return secret("change", outcomeUnknown), true
	case rotation.EventDelivered, rotation.EventReleased, rotation.EventFrozen, rotation.EventUnfrozen:
		return secret("change", outcomeSuccess), true
	case rotation.EventPruned:
		return secret("deletion", outcomeSuccess), true
	}
	return class{kindEvent, categoryIAM, []string{"info"}, ""}, false
}

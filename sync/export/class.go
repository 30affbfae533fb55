package export

import (
	"slices"

	"github.com/keyrota/keyrota/rotation"
)

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

// classes are all classes, with the kinds of events that are in them.
func classes() []classified {
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
	type kinds = []rotation.EventKind
	return []classified{
		{user("creation", outcomeUnknown), kinds{rotation.EventProvisioning, rotation.EventIssuing}},
		{user("creation", outcomeSuccess), kinds{rotation.EventProvisioned, rotation.EventOffered}},
		{user("creation", outcomeFailure), kinds{rotation.EventIssueFailed, rotation.EventAbandoned}},
		{user("deletion", outcomeUnknown), kinds{rotation.EventCondemned, rotation.EventQuarantining, rotation.EventRemoving}},
		{user("deletion", outcomeSuccess), kinds{rotation.EventRevoked, rotation.EventDiscarded, rotation.EventQuarantined, rotation.EventRemoved}},
		{user("change", outcomeSuccess), kinds{
			rotation.EventRecovered, rotation.EventAdopted, rotation.EventRolledBack, rotation.EventWithdrawn,
			rotation.EventLeakOver, rotation.EventEnded, rotation.EventActivating, rotation.EventMoved, rotation.EventForgotten,
		}},
		{user("info", ""), kinds{
			rotation.EventFound, rotation.EventInUse, rotation.EventRequested, rotation.EventHeld, rotation.EventAgreed, rotation.EventLeft, rotation.EventReturned,
			rotation.EventAcknowledged, rotation.EventUnacknowledged,
		}},
		{secret("change", outcomeUnknown), kinds{rotation.EventDelivering, rotation.EventHealed, rotation.EventUnmarking}},
		{secret("change", outcomeSuccess), kinds{
			rotation.EventDelivered, rotation.EventReleased, rotation.EventFrozen, rotation.EventUnfrozen, rotation.EventJWTKept,
		}},
		{secret("deletion", outcomeUnknown), kinds{rotation.EventPruning}},
		{secret("deletion", outcomeSuccess), kinds{rotation.EventPruned}},
		// What somebody else did, or what waits for a person.
		{alert(user("creation", "")), kinds{rotation.EventStrange}},
		{alert(user("deletion", "")), kinds{rotation.EventGone}},
		{alert(user("info", "")), kinds{rotation.EventLeaked}},
		{alert(user("info", outcomeFailure)), kinds{rotation.EventParked}},
	}
}

type classified struct {
	class
	kinds []rotation.EventKind
}

// Kinds returns all kinds of events that there are.
func Kinds() []rotation.EventKind {
	var all []rotation.EventKind
	for _, c := range classes() {
		all = append(all, c.kinds...)
	}
	slices.Sort(all)
	return all
}

// classOf returns the class of a kind of event. One of a later version is in
// none, and told as an account's.
func classOf(k rotation.EventKind) class {
	for _, c := range classes() {
		if slices.Contains(c.kinds, k) {
			return c.class
		}
	}
	return class{kindEvent, categoryIAM, []string{"info"}, ""}
}

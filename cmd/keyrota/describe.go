package main

import (
	"fmt"

	"github.com/keyrota/keyrota/rotation"
)

// describe tells an event in the words of sync, history and demo.
func describe(e rotation.Event) string {
	key := string(e.Key)
	var text string
	switch e.Kind {
	case rotation.EventProvisioning:
		text = "creating the account"
	case rotation.EventProvisioned:
		return "account created, id " + e.Words
	case rotation.EventFound:
		return "account found, id " + e.Words
	case rotation.EventQuarantining:
		text = "to be switched off"
	case rotation.EventQuarantined:
		text = "quarantined"
	case rotation.EventRemoving:
		text = "taking the account out of its team"
	case rotation.EventRemoved:
		text = "account removed"
	case rotation.EventActivating:
		text = "to work again"
	case rotation.EventInUse:
		text = fmt.Sprintf("key %s is still in use", key)
	case rotation.EventRecovered:
		if key == "" {
			return fmt.Sprintf("record made again from labels and marks: edition %d, no key", e.Edition)
		}
		return fmt.Sprintf("record made again from labels and marks: edition %d, key %s", e.Edition, key)
	case rotation.EventParked:
		text = "parked"
	case rotation.EventRequested:
		text = "request"
	case rotation.EventIssuing:
		text = fmt.Sprintf("creating a key for edition %d", e.Edition)
	case rotation.EventIssueFailed:
		text = "no key was created"
	case rotation.EventAbandoned:
		text = "a creation was cut short and is given up"
	case rotation.EventDiscarded:
		text = fmt.Sprintf("key %s deleted: it was never offered", key)
	case rotation.EventOffered:
		text = fmt.Sprintf("key %s created, verified and offered as edition %d", key, e.Edition)
	case rotation.EventAdopted:
		text = fmt.Sprintf("key %s adopted as edition %d", key, e.Edition)
	case rotation.EventRolledBack:
		text = fmt.Sprintf("rolled back to key %s as edition %d", key, e.Edition)
	case rotation.EventWithdrawn:
		text = fmt.Sprintf("key %s withdrawn; edition %d offers an earlier one", key, e.Edition)
	case rotation.EventCondemned:
		text = fmt.Sprintf("deleting key %s", key)
	case rotation.EventRevoked:
		text = fmt.Sprintf("key %s deleted at the platform", key)
	case rotation.EventGone:
		text = fmt.Sprintf("key %s is gone: someone else deleted it", key)
	case rotation.EventDelivering:
		text = fmt.Sprintf("delivering edition %d to %s", e.Edition, e.Destination)
	case rotation.EventDelivered:
		text = fmt.Sprintf("edition %d delivered to %s", e.Edition, e.Destination)
	case rotation.EventHealed:
		text = fmt.Sprintf("healing %s with edition %d", e.Destination, e.Edition)
	case rotation.EventLeaked:
		if text = "others may know the keys of this account: all of them go"; e.Edition == 0 && key != "" {
			text = "key " + key
		}
	case rotation.EventLeakOver:
		text = "the emergency is over: no key lives that others may know"
	case rotation.EventStrange:
		text = "key " + key + " is there, and was not made by keyrota"
	case rotation.EventEnded:
		text = "the overlap of key " + key + " is over"
	case rotation.EventFrozen:
		text = "frozen"
	case rotation.EventUnfrozen:
		text = "freeze lifted"
	case rotation.EventAgreed:
		text = fmt.Sprintf("every destination holds edition %d", e.Edition)
	case rotation.EventHeld:
		text = "rotations wait"
	case rotation.EventMoved:
		text = "the record moves"
	case rotation.EventLeft:
		text = "left the configuration: its keys keep working, and are not rotated"
	case rotation.EventReturned:
		text = "in the configuration again"
	case rotation.EventForgotten:
		text = "forgotten: the record was given up, its keys and secrets stay"
	case rotation.EventReleased:
		text = fmt.Sprintf("%s released: nobody reads it any more", e.Destination)
	case rotation.EventPruning:
		text = fmt.Sprintf("deleting %s, which holds key %s of edition %d", e.Destination, key, e.Edition)
	case rotation.EventPruned:
		text = fmt.Sprintf("%s deleted, and off the record", e.Destination)
	case rotation.EventUnmarking:
		text = fmt.Sprintf("removing keyrota's mark from %s", e.Destination)
	default:
		text = string(e.Kind)
	}
	if e.Words != "" {
		text += ": " + e.Words
	}
	return text
}

package plan

import (
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// kinds names the step that an event is the record of. An event that is not
// here only accompanies one.
var kinds = map[rotation.EventKind]Kind{
	rotation.EventProvisioned: Provision,
	rotation.EventFound:       Find,
	rotation.EventRecovered:   Recover,
	rotation.EventOffered:     Issue,
	rotation.EventAdopted:     Adopt,
	rotation.EventRolledBack:  Rollback,
	rotation.EventWithdrawn:   Withdraw,
	rotation.EventDelivered:   Deliver,
	rotation.EventRevoked:     Retire,
	rotation.EventDiscarded:   Discard,
	rotation.EventAbandoned:   Abandon,
	rotation.EventGone:        Forget,
	rotation.EventRequested:   Refuse,
	rotation.EventParked:      Park,
	rotation.EventLeaked:      Leaked,
	rotation.EventLeakOver:    LeakOver,
	rotation.EventEnded:       End,
	rotation.EventInUse:       InUse,

	rotation.EventQuarantining: Quarantining,
	rotation.EventQuarantined:  Quarantined,
	rotation.EventRemoved:      Removed,
	rotation.EventActivating:   Activate,
}

// tell makes a step of an event that would be saved.
func (f *fold) tell(e rotation.Event) {
	kind, ok := kinds[e.Kind]
	if !ok {
		return
	}
	why, assuming := f.action.Why, f.assumed
	switch {
	case kind == Deliver:
		why = f.written
	case kind == Quarantining, kind == Quarantined, kind == Activate, kind == InUse:
		why = e.Words
	case kind == Retire && f.action.Breaks != "":
		why += "; " + f.action.Breaks
	case kind == Discard && !f.spec.Admin:
		assuming = append(assuming, "the key was created: its answer was lost")
	}
	f.steps = append(f.steps, Step{
		Ref: f.spec.Account.Ref, When: f.now, Kind: kind, Key: e.Key, Edition: e.Edition,
		Destination: e.Destination, Why: why, Rule: f.action.Rule, Routine: f.action.Routine(), Assuming: strings.Join(assuming, "; "),
	})
}

// reason says why a destination that was seen so is written.
func (f *fold) reason(seen rotation.Holding) string {
	offer, mark := f.record.Offer, seen.Mark
	switch {
	case seen.State == rotation.StateAbsent:
		return "nothing is there"
	case seen.State == rotation.StateBare:
		return "a person named it to be taken over"
	case seen.State == rotation.StateEdited:
		return "it was changed since it was delivered, or a delivery was cut short"
	case mark.Key != offer.Key:
		return "it holds key " + string(mark.Key)
	case mark.Edition != offer.Edition:
		return "it holds this key under another edition"
	}
	return "its format changed"
}

const noLedger = "planned without the ledger, from marks and labels: what a person asked for or must do, creations that were begun, destinations that left the configuration, and the age of keys without a label are unknown"

// notes says what the plan takes for granted of an account with steps.
func (f *fold) notes() []string {
	if f.spec.Admin || len(f.steps) == 0 {
		return nil
	}
	return []string{"without an admin key, the account's keys are taken to be those on record, until one of its own keys lists them"}
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

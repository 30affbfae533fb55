// Package plan says what would be done, now and later, and does nothing. It
// folds rotation.Next over accounts that a sweep has seen, answers the
// procedures of package rotation as a world without failures would, and keeps
// what they would put on record as steps. It knows rotation and the standard
// library, performs no I/O and never asks for the time.
//
//	p := plan.Make(accounts, now, now.Add(30*24*time.Hour))
//	for _, s := range p.Steps { … }
//
// What a plan says for now is what sync/execute does now, as long as nothing
// fails and nothing changed since the sweep. What only doing can show, such as
// whether a value that a person typed is a live key, is assumed, and the steps
// that rest on it say so.
package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Account is what a plan is made from.
type Account struct {
	Spec     rotation.Spec
	Record   rotation.Record
	Observed rotation.Observed // as a sweep saw it, fresh or not
	// NoLedger: the ledger could not be asked. Record is not looked at, and the
	// account is planned from marks and labels alone.
	NoLedger bool
	// Held is what holds a routine rotation back that would begin now.
	Held rotation.Hold
}

// Plan is what would be done.
type Plan struct {
	Now, Until time.Time
	Steps      []Step    // by time, then by account; those of one account in their order
	Waiting    []Waiting // one for each account, by account
}

// Kind says what kind of step it is. The words are stable.
type Kind string

// What a step can be.
const (
	Provision Kind = "provision" // create the account
	Find      Kind = "find"      // take on an account that exists
	Recover   Kind = "recover"   // make the record again, from marks and labels
	Issue     Kind = "issue"     // create a key and offer it
	Adopt     Kind = "adopt"     // offer a key that we did not create
	Rollback  Kind = "rollback"  // offer an old key again, at a person's word
	Withdraw  Kind = "withdraw"  // offer an old key again, since the newer one's value is lost
	Deliver   Kind = "deliver"   // write the offered key to a destination
	Retire    Kind = "retire"    // delete a key whose overlap is over
	Discard   Kind = "discard"   // delete a key that nobody was ever offered
	Abandon   Kind = "abandon"   // give up a creation that was cut short
	Forget    Kind = "forget"    // strike an old key that is gone
	Leaked    Kind = "leaked"    // count keys as known to others, at a person's word
	LeakOver  Kind = "leak-over" // end the emergency: no such key lives
	End       Kind = "end"       // end an old key's overlap, at a person's word
	InUse     Kind = "in-use"    // note which runs keep an old key
	Refuse    Kind = "refuse"    // turn a person's request down
	Park      Kind = "park"      // wait for a person

	Quarantining Kind = "quarantining" // warn: every key of the account is to be deleted
	Quarantined  Kind = "quarantined"  // note that it has none
	Removed      Kind = "removed"      // take it out of its team
	Activate     Kind = "activate"     // have it work again, or go on working
)

// New is the id that a plan gives to what would be created: the second of an
// account is "(new 2)", and so on.
const New = "(new)"

// Unknown is the id of a key or account that only reading a value shows.
const Unknown = "(unknown)"

// Step is one thing that would be done.
type Step struct {
	Ref         rotation.Ref
	When        time.Time // Plan.Now or later
	Kind        Kind
	Key         rotation.KeyID
	Edition     rotation.Edition
	Destination rotation.Destination // zero where none is concerned
	Why         string
	Rule        int  // of rotation.Next
	Routine     bool // of a rotation that is due by its schedule
	// Assuming says what this step rests on that only doing shows; empty:
	// nothing.
	Assuming string
}

// Waiting is what an account waits for once everything that can be done now
// is done.
type Waiting struct {
	Ref          rotation.Ref
	Phase        rotation.Phase
	Until        time.Time // when something happens next by itself; zero: unknown
	Due          time.Time // when the offered key's rotation is due; zero: on request only, or nothing offered
	Why          string
	Rule         int
	Overdue      bool                   // something is in the way of what is due
	Destinations []rotation.Destination // those in the way
	Notes        []string               // what the plan does not know
}

// Changes reports whether something would be done now.
func (p Plan) Changes() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return !s.When.After(p.Now) })
}

// Make plans what would be done now and, as far as nothing else happens, up to
// until; an until that is not after now plans only now.
func Make(accounts []Account, now, until time.Time) Plan {
	p := Plan{Now: now, Until: until, Waiting: make([]Waiting, 0, len(accounts))}
	for _, a := range accounts {
		steps, w := a.plan(now, until)
		p.Steps = append(p.Steps, steps...)
		p.Waiting = append(p.Waiting, w)
	}
	slices.SortStableFunc(p.Steps, func(a, b Step) int {
		return cmp.Or(a.When.Compare(b.When), cmp.Compare(a.Ref, b.Ref))
	})
	slices.SortStableFunc(p.Waiting, func(a, b Waiting) int { return cmp.Compare(a.Ref, b.Ref) })
	return p
}

// Pending returns the accounts with something to do now, in the order given:
// those that are worth a pass.
func Pending(accounts []Account, now time.Time) []rotation.Ref {
	var refs []rotation.Ref
	for _, a := range accounts {
		if a.Next(now).Kind != rotation.Wait {
			refs = append(refs, a.Spec.Account.Ref)
		}
	}
	return refs
}

// Next decides on what a sweep saw, as if it were fresh.
func (a Account) Next(now time.Time) rotation.Action {
	action, _ := a.first(now)
	return action
}

// first decides on what a sweep saw, and returns the record that it knew.
func (a Account) first(now time.Time) (rotation.Action, rotation.Record) {
	var r rotation.Record
	if !a.NoLedger {
		r = a.Record
	}
	a.Spec.Account.ID = r.Account
	return a.held(rotation.Next(a.Spec, r, a.Observed.AsFresh(), now)), r
}

// held lets no routine rotation begin that is held back.
func (a Account) held(action rotation.Action) rotation.Action {
	if a.Held != (rotation.Hold{}) && action.Routine() {
		return action.Held(a.Held)
	}
	return action
}

// passesPerAccount bounds how far into the future one account is planned.
const passesPerAccount = 1000

// plan folds one account. Most have nothing to do: for those, one decision is
// all it takes.
func (a Account) plan(now, until time.Time) ([]Step, Waiting) {
	action, record := a.first(now)
	later := func() bool { return action.Until.After(now) && !action.Until.After(until) }
	if action.Kind == rotation.Wait && !later() {
		return nil, a.waiting(record, action)
	}
	f := begin(a.Spec, record, a.Observed, now)
	f.held = a.held
	if action.Kind != rotation.Wait {
		action = f.pass()
	}
	w := a.waiting(f.record, action)
	f.held = func(action rotation.Action) rotation.Action { return action } // of later days nothing is known
	passes := 0
	for ; later() && passes < passesPerAccount; passes++ {
		now = action.Until
		f.now = now
		action = f.pass()
	}
	w.Notes = append(w.Notes, f.notes()...)
	switch {
	case later():
		w.Notes = append(w.Notes, "planned up to "+moment(now)+" only: there is too much to plan further")
	case passes > 0 && action.Overdue:
		w.Notes = append(w.Notes, "from "+moment(now)+" on: "+action.Why)
	}
	return f.steps, w
}

func (a Account) waiting(r rotation.Record, wait rotation.Action) Waiting {
	w := Waiting{
		Ref: a.Spec.Account.Ref, Phase: r.Phase(), Until: wait.Until, Why: wait.Why, Rule: wait.Rule,
		Overdue: wait.Overdue, Destinations: wait.Destinations,
	}
	if r.Offer.Key != "" {
		w.Due = a.Spec.Due(r)
	}
	if a.NoLedger {
		w.Notes = []string{noLedger}
	}
	return w
}

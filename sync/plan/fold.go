package plan

import (
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// fold plans one account: it works as execute.Worker does, pass by pass, in a
// world that exists in memory only and in which nothing fails.
type fold struct {
	spec    rotation.Spec
	record  rotation.Record
	now     time.Time
	world   world
	seen    rotation.Observed
	lastUse rotation.LastUse
	kept    rotation.KeyID   // the key whose value would be in memory
	slots   []rotation.KeyID // those whose values this pass would have read or created
	held    func(rotation.Action) rotation.Action

	action  rotation.Action // being performed
	written string          // why the last destination is written
	assumed []string        // since the last look
	steps   []Step
}

func begin(s rotation.Spec, r rotation.Record, o rotation.Observed, now time.Time) *fold {
	return &fold{spec: s, record: r, now: now, world: newWorld(o), lastUse: o.LastUse}
}

// actionsPerPass is more than any account needs: rotation converges.
const actionsPerPass = 60

// pass works until there is something to wait for.
func (f *fold) pass() rotation.Action {
	f.slots = f.slots[:0]
	for range actionsPerPass {
		f.look()
		f.action = f.decide()
		if f.action.Kind == rotation.Wait {
			if !f.record.Agreed.IsZero() || f.record.Offer.Key != f.kept {
				f.kept = ""
			}
			return f.action
		}
		if trouble := f.perform(); trouble != "" {
			return rotation.Action{Kind: rotation.Wait, Rule: f.action.Rule, Why: trouble, Overdue: true}
		}
	}
	return rotation.Action{Kind: rotation.Wait, Why: "not planned to an end: please report this with the output of keyrota plan", Overdue: true}
}

// look takes everything as freshly as the world is. Where no admin credential
// lists keys, one of the account's own does, if one can be read.
func (f *fold) look() {
	f.spec.Account.ID = f.record.Account
	f.assumed = f.assumed[:0]
	f.seen = rotation.Observed{Holdings: f.world.held, LastUse: f.lastUse}
	if f.kept != "" {
		f.seen.Values = append(f.seen.Values, f.try(rotation.Place{Kind: rotation.PlaceMemory}))
	}
	if !f.spec.Admin && !f.readsOwnKey() {
		return
	}
	f.seen.Listing = f.world.listing
	f.seen.Listing.Complete = f.seen.Listing.Complete || !f.spec.Admin
	f.seen.Listing.Offered, f.seen.Listing.Account = f.record.Offer.Edition, f.record.Account
	f.seen.Listing.At = f.now
}

func (f *fold) readsOwnKey() bool {
	live := func(v rotation.Value) bool { return v.Verdict == rotation.Live }
	if slices.ContainsFunc(f.seen.Values, live) {
		return true
	}
	for _, at := range f.spec.Places(f.record, f.seen) {
		v := f.try(at)
		f.seen.Values = append(f.seen.Values, v)
		if live(v) {
			return true
		}
	}
	return false
}

func (f *fold) decide() rotation.Action {
	for {
		action := f.held(rotation.Next(f.spec, f.record, f.seen, f.now))
		switch action.Kind {
		case rotation.AskUse:
			f.seen.Use = f.assumeUse()
			continue
		case rotation.Seek:
		default:
			return action
		}
		for _, at := range action.Places {
			v := f.try(at)
			f.seen.Values = append(f.seen.Values, v)
			if v.Verdict == rotation.Live && (action.Key == "" || action.Key == v.Key) {
				break
			}
		}
	}
}

// perform does one action in the world. Trouble is why it would not come off.
func (f *fold) perform() (trouble string) {
	switch a := f.action; a.Kind {
	case rotation.Save:
		if offered := a.Record.Offer.Key; offered != f.record.Offer.Key && slices.Contains(f.slots, offered) {
			f.kept = offered
		}
		f.save(a.Record, a.Events)
	case rotation.DoProvision:
		return run(f, rotation.Provision{}, rotation.Provision.Step)
	case rotation.DoIssue:
		return run(f, rotation.Issue{Auth: a.Places[0], Nonce: f.world.next(), Why: a.Why}, rotation.Issue.Step)
	case rotation.DoRetire:
		return run(f, rotation.Retire{Key: a.Key, Breaks: a.Breaks}, rotation.Retire.Step)
	case rotation.DoQuarantine:
		return run(f, rotation.Quarantine{Key: a.Key, Words: a.Breaks}, rotation.Quarantine.Step)
	case rotation.DoRemove:
		return run(f, rotation.Remove{Why: a.Why}, rotation.Remove.Step)
	case rotation.DoDiscard:
		return run(f, rotation.Discard{Key: a.Key, Label: a.Label}, rotation.Discard.Step)
	case rotation.DoDeliver:
		for _, d := range a.Destinations {
			seen := &rotation.DeliverState{}
			words := run(f, rotation.Deliver{Destination: d, Offer: f.record.Offer},
				func(p rotation.Deliver, s rotation.Spec, r rotation.Record, in rotation.Outcome, now time.Time) (rotation.Deliver, rotation.Effect) {
					return p.Step(s, r, seen, in, now)
				})
			if words == "" && a.Enough {
				return ""
			}
			if words != "" {
				if trouble != "" {
					trouble += "; "
				}
				trouble += d.String() + ": " + words
			}
		}
	}
	return trouble
}

func run[P any](f *fold, proc P, step func(P, rotation.Spec, rotation.Record, rotation.Outcome, time.Time) (P, rotation.Effect)) (trouble string) {
	var out rotation.Outcome
	for {
		var effect rotation.Effect
		proc, effect = step(proc, f.spec, f.record, out, f.now)
		if effect.Kind == rotation.Done {
			return effect.Words
		}
		out = f.effect(effect)
	}
}

func (f *fold) save(r rotation.Record, events []rotation.Event) {
	f.record = r
	f.spec.Account.ID = r.Account
	for _, e := range events {
		f.tell(e)
	}
}

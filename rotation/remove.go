package rotation

import "time"

// Remove takes an account that has no key out of its team.
type Remove struct {
	Why string

	step removeStep
}

type removeStep uint8

const (
	removeSave removeStep = iota
	removeReload
	removeAccount
	removeNote
	removeEnd
)

// Step takes the outcome of the last effect (of the first call: none) and the
// record as last loaded or saved, and returns the next effect.
func (p Remove) Step(s Spec, r Record, in Outcome, now time.Time) (Remove, Effect) {
	switch p.step {
	case removeSave:
		if !r.removable() {
			return p, done("the record changed meanwhile")
		}
		p.step = removeReload
		return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{Kind: EventRemoving, Words: p.Why}}}

	case removeReload:
		if in.Result != OK {
			return p, done("the intent could not be saved: " + in.Words)
		}
		p.step = removeAccount
		return p, Effect{Kind: LoadRecord}

	case removeAccount:
		if in.Result != OK || !r.removable() {
			return p, done("the record changed meanwhile")
		}
		p.step = removeNote
		return p, Effect{Kind: RemoveAccount}

	case removeNote:
		r = r.Clone()
		p.step = removeEnd
		switch in.Result {
		case OK:
			r.Off.Gone = now
			return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{Kind: EventRemoved, Words: string(r.Account)}}}
		case Denied:
			r.Parked = "the account could not be taken out of its team: " + in.Words + "; it has no key; remove it by hand, then run: keyrota retry " + string(s.Account.Ref)
			return p, Effect{Kind: SaveRecord, Record: r, Events: []Event{{Kind: EventParked, Words: r.Parked}}}
		}
		return p, done("the account may not have been taken out of its team: " + in.Words)
	}
	return p, Effect{Kind: Done}
}

// removable reports whether the account is on its way out, or to be made anew,
// and has no key.
func (r Record) removable() bool {
	return (r.Off.State == Removed || r.Off.State == Active) && !r.Off.Done.IsZero() && r.Off.Gone.IsZero() && r.Offer.Key == ""
}

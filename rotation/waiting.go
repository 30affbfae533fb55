package rotation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// wait says what is waited for, and until when.
func (d *decision) wait() Action {
	a := Action{Kind: Wait, Rule: 13}
	var words []string
	wanted := len(d.s.Wants)
	for i, dest := range d.s.Destinations(d.r) {
		h := d.o.Holding(dest)
		switch standing := d.s.Standing(d.r, h, dest); {
		case standing == StandsHolds:
			continue
		case standing == StandsUnknown:
			words = append(words, dest.String()+" cannot be looked at"+because(h.Words))
		case standing == StandsForeign && h.Mark.Instance != "":
			words = append(words, fmt.Sprintf("%s is not ours (keyrota %s, account %s): have it released there (keyrota release ACCOUNT %[1]s --strip-mark), then adopt it by name; or deliver elsewhere",
				dest, h.Mark.Instance, h.Mark.Account))
		case standing == StandsForeign:
			words = append(words, dest.String()+" is not ours"+because(h.Owner)+": adopt it by name, or deliver elsewhere")
		case i >= wanted:
			words = append(words, dest.String()+" left the configuration without the offered key, and may still be read: no key is deleted and none is due until it is delivered to again, released or pruned")
		default:
			words = append(words, dest.String()+" was changed by hand to a key of someone else, or cannot be read back")
		}
		a.Destinations = append(a.Destinations, dest)
	}
	words = append(words, d.waitLeak(&a)...)
	if state := d.waitState(&a); state != "" {
		words = append(words, state)
	}
	asked := d.r.Request.Kind == RequestRotate
	switch {
	case !asked && !d.r.leaked(d.r.Offer.Edition) || d.r.Offer.Key == "":
	case asked && d.s.Policy.frozen(d.now):
		until := d.s.Policy.Freeze.NextOpen(d.now)
		a.sooner(until)
		words = append(words, "a rotation was asked for, and is held back "+frozenUntil(until)+
			": keyrota unfreeze lifts the freeze, keyrota rotate --leaked overrides it")
	case d.now.Before(d.r.NotBefore):
		a.Overdue = true
		a.sooner(d.r.NotBefore)
		words = append(words, "the last creation failed; the next try is at "+d.r.NotBefore.UTC().Format(time.RFC3339))
	case !asked:
	case !d.o.Listing.Complete:
		unknown, _ := d.unlisted(a.Rule)
		words = append(words, "a rotation was asked for, and "+unknown.Why)
	case len(d.r.Old) == 0:
		a.Overdue = true
		words = append(words, "a rotation was asked for; the account has as many keys as it may: delete at the platform what nobody uses of those that nothing on record explains")
	default:
		words = append(words, "a rotation was asked for; the account has as many keys as it may, so it waits for an old one to go")
	}
	switch {
	case wanted == 0:
		words = append(words, "no destination is configured: nothing is issued and nothing is deleted")
	case d.r.Agreed.IsZero():
	case len(d.r.Old) > 0:
		words = append(words, d.waitOverlap(&a))
	case d.r.Off.State == "":
		words = append(words, d.waitDue(&a))
	}
	a.Overdue = a.Overdue || len(a.Destinations) > 0 || wanted == 0
	a.Why = strings.Join(words, "; ")
	a.sooner(d.strayDue())
	return a
}

// sooner has the wait end at t, if that is a time and before its end.
func (a *Action) sooner(t time.Time) {
	if !t.IsZero() && (a.Until.IsZero() || t.Before(a.Until)) {
		a.Until = t
	}
}

// stray returns the label of a live key that was never offered and is deleted
// once no request for it can be under way.
func (d *decision) stray() (Label, bool) {
	for _, a := range d.r.Abandoned {
		if d.o.Listing.At.Before(a.At.Add(d.s.Policy.WriteDeadline)) && slices.ContainsFunc(d.o.Listing.Keys, func(k Key) bool { return k.Label == a.Label && !d.r.knows(k.ID) }) {
			return a.Label, true
		}
	}
	return "", false
}

// strayDue returns when the first key that was never offered may be deleted,
// and the zero time if there is none.
func (d *decision) strayDue() time.Time {
	var due time.Time
	for _, a := range d.r.Abandoned {
		at := a.At.Add(d.s.Policy.WriteDeadline)
		listed := slices.ContainsFunc(d.o.Listing.Keys, func(k Key) bool { return k.Label == a.Label && !d.r.knows(k.ID) })
		if listed && at.After(d.now) && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	return due
}

func because(words string) string {
	if words == "" {
		return ""
	}
	return " (" + words + ")"
}

func (d *decision) waitOverlap(a *Action) string {
	var words string
	var soonest time.Time
	for _, old := range d.r.Old {
		held, until := d.kept(old)
		if held == "" {
			held, until = d.waitUse(a, old)
		}
		if words == "" || !until.IsZero() && until.Before(soonest) {
			words, soonest = held, until
		}
		a.sooner(until)
	}
	if words != "" {
		return words
	}
	words = "the old key is kept until all destinations are seen to hold its successor"
	if d.r.leaked(d.r.Old[0].Edition) {
		words += fmt.Sprintf(" (keyrota rotate %s --leaked --now does not wait for that)", d.s.Account.Ref)
	}
	return words
}

// kept says what keeps an old key once everything agreed on its successor, and
// until when; empty: nothing does any more.
func (d *decision) kept(o Old) (words string, until time.Time) {
	leaked := d.r.leaked(o.Edition)
	over := d.r.Agreed.Add(d.s.overlap(d.r, o))
	switch {
	case d.s.Policy.Forever && !leaked && !o.Ended:
		return fmt.Sprintf("jobs of this account never end: a person says when the old key may go, with keyrota retire %s", d.s.Account.Ref), time.Time{}
	case d.now.Before(over):
		return "both keys work until the overlap is over", over
	case leaked:
	case d.s.Policy.frozen(d.now):
		until = d.s.Policy.nextOpen(d.now)
		if o.Ended {
			until = d.s.Policy.Freeze.NextOpen(d.now)
		}
		return "the old key is kept " + frozenUntil(until) + ": keyrota unfreeze lifts the freeze, keyrota rotate --leaked overrides it", until
	case !o.Ended && !d.s.Policy.open(d.now):
		return "the old key is kept until the window opens", d.s.Policy.nextOpen(d.now)
	}
	return "", time.Time{}
}

// frozenUntil says until when a freeze holds back.
func frozenUntil(until time.Time) string {
	if until.IsZero() {
		return "by a freeze without an end"
	}
	return "by a freeze until " + until.UTC().Format(time.RFC3339)
}

func (d *decision) waitDue(a *Action) string {
	due := d.s.Due(d.r)
	switch {
	case due.IsZero():
		return "no schedule: rotated on request only"
	case d.now.Before(due):
		if !d.s.Policy.open(due) {
			due = d.s.Policy.nextOpen(due)
		}
		a.sooner(due)
		return "in step until its rotation is due"
	case d.s.Policy.frozen(d.now):
		until := d.s.Policy.nextOpen(d.now)
		a.sooner(until)
		return fmt.Sprintf("due since %s; held back %s", due.UTC().Format(time.RFC3339), frozenUntil(until))
	case !d.s.Policy.open(d.now):
		a.sooner(d.s.Policy.nextOpen(d.now))
		return fmt.Sprintf("due since %s; held back until the window opens", due.UTC().Format(time.RFC3339))
	case !d.o.Listing.Complete:
		a.Overdue = true
		unknown, _ := d.unlisted(a.Rule)
		return "due, and " + unknown.Why
	case len(a.Destinations) == 0:
		a.Overdue = true
		return fmt.Sprintf("due, and %d keys of it live already: one must go first, or is found gone", d.s.Policy.MaxKeys)
	}
	return "due; held back until all destinations are seen to hold the offered key"
}

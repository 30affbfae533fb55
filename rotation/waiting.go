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
	switch {
	case d.r.Request.Kind != RequestRotate || d.r.Offer.Key == "":
	case !d.o.Listing.Complete:
		unknown, _ := d.unlisted(a.Rule)
		words = append(words, "a rotation was asked for, and "+unknown.Why)
	default:
		words = append(words, "a rotation was asked for; the account has as many keys as it may, so it waits for an old one to go")
	}
	switch {
	case wanted == 0:
		words = append(words, "no destination is configured: nothing is issued and nothing is deleted")
	case d.r.Agreed.IsZero():
	case len(d.r.Old) > 0:
		words = append(words, d.waitOverlap(&a))
	default:
		words = append(words, d.waitDue(&a))
	}
	a.Overdue = a.Overdue || len(a.Destinations) > 0 || wanted == 0
	a.Why = strings.Join(words, "; ")
	if stray := d.strayDue(); !stray.IsZero() && (a.Until.IsZero() || stray.Before(a.Until)) {
		a.Until = stray
	}
	return a
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
	old := d.r.Old[0]
	leaked := d.r.leaked(old.Edition)
	over := d.r.Agreed.Add(d.s.Policy.overlap(leaked))
	switch {
	case d.s.Policy.Forever && !leaked:
		return "jobs of this account never end: a person says when the old key may go"
	case d.now.Before(over):
		a.Until = over
		return "both keys work until the overlap is over"
	case !d.s.Policy.open(d.now):
		a.Until = d.s.Policy.nextOpen(d.now)
		return "the old key is kept until the window opens"
	}
	return "the old key is kept until all destinations are seen to hold its successor"
}

func (d *decision) waitDue(a *Action) string {
	due := d.s.Due(d.r)
	switch {
	case due.IsZero():
		return "no schedule: rotated on request only"
	case d.now.Before(due):
		a.Until = due
		if !d.s.Policy.open(due) {
			a.Until = d.s.Policy.nextOpen(due)
		}
		return "in step until its rotation is due"
	case !d.s.Policy.open(d.now):
		a.Until = d.s.Policy.nextOpen(d.now)
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

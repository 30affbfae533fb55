package finding

import (
	"fmt"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// soonest is how long something is down before it is worth a word, however
// short the overlap.
const soonest = 15 * time.Minute

// disagree: destinations hold something else than the key that readers should
// have. What keyrota is just delivering is not told, and what it may still put
// right is left alone for a while.
func (v view) disagree() []Finding {
	r := v.Record
	if !v.managed() || r.Emergency() {
		return nil
	}
	all, dead := v.Spec.Destinations(r), v.dead()
	var lines []string
	stuck := v.Action.Kind == rotation.Wait || r.Parked != ""
	for i, d := range all {
		if _, is := dead[d]; is {
			continue
		}
		h := v.seen.Holding(d)
		tried := !v.FailingSince[d].IsZero()
		switch standing := v.Spec.Standing(r, h, d); {
		case standing == rotation.StandsForeign && h.Mark.Instance != "":
			lines, tried = append(lines, d.String()+" belongs to keyrota "+h.Mark.Instance+", account "+string(h.Mark.Account)), true
		case standing == rotation.StandsForeign:
			lines, tried = append(lines, d.String()+" is not ours"+because(h.Owner)), true
		case standing != rotation.StandsLacks || r.Offer.Key == "": // nothing is to be there yet
		case h.State == rotation.StateAbsent:
			lines = append(lines, d.String()+" is empty")
		case h.State == rotation.StateEdited:
			lines = append(lines, d.String()+" was changed by hand")
		case v.Action.Kind != rotation.Wait && !tried: // being delivered to
		case i >= len(v.Spec.Wants):
			lines = append(lines, d.String()+" left the configuration, and holds an earlier key")
		default:
			lines = append(lines, d.String()+" holds key "+string(h.Mark.Key)+fmt.Sprintf(" (edition %d)", h.Mark.Edition))
		}
		stuck = stuck || tried
	}
	if len(lines) == 0 {
		return nil
	}
	f := Finding{
		Code: DestinationsDisagree, Title: counts(len(lines), len(all), "destination") + " without the key that readers should have",
		Evidence: append(lines, "no key is deleted and no rotation begins until all hold it"), Command: v.status(),
	}
	if len(all) == 1 {
		f.Title = "its destination does not hold the key that readers should have"
	}
	f.Evidence = append(f.Evidence, v.next()...)
	return one(v.leaveToHeal(f, stuck))
}

// leaveToHeal makes no more than a line of a report of what keyrota is about to
// put right, for a while.
func (v view) leaveToHeal(f Finding, stuck bool) Finding {
	if !stuck && v.in.Now.Sub(v.in.seen(Finding{Code: f.Code, Account: v.ref})) < healsWithin {
		f.Severity = Report
		f.Do = "Nothing yet: keyrota is putting it right. If it still stands in a quarter of an hour, somebody is told."
	}
	return f
}

// destinationsFailing: a destination could not be looked at or delivered to for
// more than half the overlap. A store that is down as a whole is told once, with
// all that it holds up.
func (v view) destinationsFailing() []Finding {
	if !v.managed() {
		return nil
	}
	var found []Finding
	dead := v.dead()
	half := max(v.Spec.Policy.Overlap/2, soonest)
	for _, w := range v.Spec.Wants {
		d := w.Destination
		since := v.failingSince(d)
		if _, is := dead[d]; is || since.IsZero() || v.in.Now.Sub(since) < half || v.in.storeFails(d.Store) {
			continue
		}
		f := Finding{
			Code: DestinationFailing, Subject: d.String(), Since: since,
			Title: d.String() + " has failed for " + span(v.in.Now.Sub(since)),
			Evidence: []string{
				"it cannot be looked at, or not be delivered to, for longer than half the overlap of " + span(v.Spec.Policy.Overlap),
				"its readers go on with the key that is there: no key is deleted until it holds the new one",
			},
			Command: "keyrota doctor",
		}
		if words := v.seen.Holding(d).Words; words != "" {
			f.Evidence = append(f.Evidence, words)
		}
		if v.LastFailure != "" {
			f.Evidence = append(f.Evidence, v.LastFailure)
		}
		found = append(found, f)
	}
	return found
}

// failingSince returns since when a destination fails, as was noted; or since when
// it waits for the offered key.
func (v view) failingSince(d rotation.Destination) time.Time {
	r := v.Record
	if since := v.FailingSince[d]; !since.IsZero() || !r.Agreed.IsZero() {
		return since
	}
	if v.Spec.Standing(r, v.seen.Holding(d), d) == rotation.StandsLacks {
		return r.Offer.Issued
	}
	return time.Time{}
}

// storeFails reports whether a store as a whole is told of.
func (in Input) storeFails(name string) bool {
	for _, s := range in.Stores {
		if s.Name == name {
			return in.down(s.FailingSince)
		}
	}
	return false
}

// down reports whether something fails for so long that it is worth a word.
func (in Input) down(since time.Time) bool {
	return !since.IsZero() && in.Now.Sub(since) >= soonest
}

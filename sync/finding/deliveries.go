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
// have, and nothing heals that by itself.
func (v view) disagree() []Finding {
	r := v.Record
	if !v.managed() || r.Offer.Key == "" || r.Emergency() {
		return nil
	}
	all, dead := v.Spec.Destinations(r), v.dead()
	var lines []string
	for i, d := range all {
		if _, is := dead[d]; is {
			continue
		}
		h := v.seen.Holding(d)
		standing := v.Spec.Standing(r, h, d)
		switch {
		case standing == rotation.StandsForeign && h.Mark.Instance != "":
			lines = append(lines, d.String()+" belongs to keyrota "+h.Mark.Instance+", account "+string(h.Mark.Account))
		case standing == rotation.StandsForeign:
			lines = append(lines, d.String()+" is not ours"+because(h.Owner))
		case standing != rotation.StandsLacks || v.Action.Kind != rotation.Wait && v.FailingSince[d].IsZero():
		case i >= len(v.Spec.Wants):
			lines = append(lines, d.String()+" left the configuration, and holds an earlier key")
		case h.State == rotation.StateAbsent:
			lines = append(lines, d.String()+" is empty")
		case h.State == rotation.StateEdited:
			lines = append(lines, d.String()+" was changed by hand")
		default:
			lines = append(lines, d.String()+" holds key "+string(h.Mark.Key)+fmt.Sprintf(" (edition %d)", h.Mark.Edition))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	title := counts(len(lines), len(all), "destination") + " without the key that readers should have"
	if len(all) == 1 {
		title = "its destination does not hold the key that readers should have"
	}
	f := Finding{
		Code: DestinationsDisagree, Title: title,
		Evidence: append(lines, "no key is deleted and no rotation begins until all hold it"), Command: v.status(),
	}
	if v.Action.Kind == rotation.Wait && v.Action.Why != "" {
		f.Evidence = append(f.Evidence, "keyrota says: "+v.Action.Why)
	}
	return one(f)
}

// destinationsFailing: a destination could not be delivered to for more than half
// the overlap. A store that is down as a whole is told once, with all that it
// holds up.
func (v view) destinationsFailing() []Finding {
	if !v.managed() {
		return nil
	}
	var found []Finding
	dead := v.dead()
	for _, d := range v.Spec.Destinations(v.Record) {
		if _, is := dead[d]; is {
			continue
		}
		since := v.FailingSince[d]
		half := max(v.Spec.Policy.Overlap/2, soonest)
		if since.IsZero() || v.in.Now.Sub(since) < half || v.in.storeFails(d.Store) {
			continue
		}
		f := Finding{
			Code: DestinationFailing, Subject: d.String(), Since: since,
			Title:    d.String() + " could not be delivered to for " + span(v.in.Now.Sub(since)),
			Evidence: []string{"that is more than half of its overlap, " + span(v.Spec.Policy.Overlap), "its readers go on with the key that is there: no key is deleted until it holds the new one"},
			Command:  "keyrota doctor",
		}
		if v.LastFailure != "" {
			f.Evidence = append(f.Evidence, v.LastFailure)
		}
		found = append(found, f)
	}
	return found
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

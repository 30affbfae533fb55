package finding

import (
	"fmt"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

const (
	// lateAfter is how long after its time a rotation is called overdue: it takes
	// its turn among others, and its first try may fail.
	lateAfter = day
	// ahead is how long before its time a rotation that will not happen is told.
	ahead = 7 * day
)

// parkedAccount: nothing is done before a person helps.
func (v view) parkedAccount() []Finding {
	if v.Record.Parked == "" || v.Record.Emergency() || v.gone() || v.Spec.Policy.Observe || v.dark() {
		return nil
	}
	return one(Finding{
		Code: Parked, Title: "is parked: it waits for a person", Evidence: []string{v.Record.Parked},
		Command: "keyrota retry " + string(v.ref),
	})
}

// leakStalled: others may know keys of the account, and what ends that does not
// go on by itself.
func (v view) leakStalled() []Finding {
	r := v.Record
	if !r.Emergency() {
		return nil
	}
	var why []string
	switch {
	case r.Parked != "":
		why = append(why, r.Parked)
	case v.Action.Kind == rotation.Wait && (v.Action.Overdue || v.Spec.Policy.Observe):
		why = append(why, v.Action.Why)
	}
	for _, d := range v.Spec.Destinations(r) {
		if since := v.FailingSince[d]; v.in.down(since) || v.in.storeFails(d.Store) {
			why = append(why, d.String()+" cannot be delivered to"+because(v.LastFailure))
		}
	}
	if v.in.down(v.in.Issuer.FailingSince) {
		why = append(why, "W&B does not answer"+because(v.in.Issuer.Words))
	}
	if len(why) == 0 {
		return nil
	}
	f := Finding{
		Code: LeakStalled, Since: r.Leak.At, Title: "the response to a leak has stalled", Command: v.status(),
		Broken: "others may use keys of this account that still work", Evidence: why,
	}
	if !r.Leak.At.IsZero() {
		f.Evidence = append(f.Evidence, "said to have leaked at "+moment(r.Leak.At))
	}
	return one(f)
}

// due returns when the rotation of an account is due and from when on it may
// begin; ok is false where none is, or where something else is told of.
func (v view) due() (due, ready time.Time, ok bool) {
	r := v.Record
	if !v.managed() || r.Offer.Key == "" || r.Parked != "" || r.Emergency() || v.gone() {
		return due, ready, false
	}
	due = v.Spec.Due(r)
	if due.IsZero() {
		return due, ready, false
	}
	return due, v.Spec.Policy.NextOpen(due), true
}

// rotationOverdue: a key is older than its policy wants.
func (v view) rotationOverdue() []Finding {
	due, ready, ok := v.due()
	if !ok || !v.in.Now.After(due.Add(lateAfter)) {
		return nil
	}
	f := Finding{
		Code: RotationOverdue, Since: due, Title: "its rotation is overdue since " + date(due), Command: "keyrota plan " + string(v.ref),
	}
	if issued := v.Record.Offer.Issued; issued.IsZero() {
		f.Evidence = append(f.Evidence, "the age of its key is not known")
	} else {
		f.Evidence = append(f.Evidence, "its key is "+span(v.in.Now.Sub(issued))+" old")
	}
	switch {
	case ready.IsZero() || ready.After(v.in.Now):
		// A window is a person's word, and so is a freeze: for a week they are no news.
		if !v.in.Now.After(due.Add(ahead)) {
			return nil
		}
		f.Severity = Report
		f.Evidence = append(f.Evidence, "held back"+until(ready)+" by its window or a freeze")
	case !v.in.Now.After(ready.Add(lateAfter)):
		return nil
	case v.Held != "":
		f.Severity = Report
		f.Evidence = append(f.Evidence, v.Held)
	}
	f.Evidence = append(f.Evidence, v.next()...)
	return one(f)
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + moment(t)
}

// rotationFailing: a key could not be created.
func (v view) rotationFailing() []Finding {
	r := v.Record
	if r.Tries == 0 || r.Parked != "" || r.Emergency() || !v.managed() {
		return nil
	}
	f := Finding{
		Code: RotationFailing, Title: "a new key could not be created", Command: v.status(),
		Evidence: []string{counted(r.Tries, "attempt") + " in a row failed; after the third it is parked"},
	}
	if v.LastFailure != "" {
		f.Evidence = append(f.Evidence, v.LastFailure)
	}
	if !r.NotBefore.IsZero() {
		f.Evidence = append(f.Evidence, "the next try is at "+moment(r.NotBefore))
	}
	return one(f)
}

// rotationWillMiss: what is in the way of the next rotation is there already.
func (v view) rotationWillMiss() []Finding {
	due, ready, ok := v.due()
	r, p := v.Record, v.Spec.Policy
	if !ok || due.After(v.in.Now.Add(ahead)) || v.in.Now.After(due.Add(lateAfter)) {
		return nil
	}
	var why []string
	if ready.IsZero() || ready.After(due.Add(ahead)) {
		why = append(why, "no window is open"+until(ready)+", or a freeze holds it back")
	}
	waits := v.Action.Kind == rotation.Wait
	switch {
	case len(r.Old) > 0 && p.Forever:
		why = append(why, "an old key waits for a person's word, as its jobs never end: keyrota retire "+string(v.ref))
	case len(r.Old) > 0 && len(r.HeldBy) > 0 && r.Agreed.Add(p.MaxOverlap).After(later(due, ready).Add(lateAfter)):
		why = append(why, "the last one is not over: run "+r.HeldBy[0].Run+" holds its old key, until "+moment(r.Agreed.Add(p.MaxOverlap))+" at most")
	case len(r.Old) > 0 && !r.Agreed.IsZero() && r.Agreed.Add(p.Overlap).After(later(due, ready).Add(lateAfter)):
		why = append(why, "the last one is not over: its old key stays until "+moment(r.Agreed.Add(p.Overlap)))
	case r.Agreed.IsZero() && waits && len(v.Action.Destinations) > 0:
		why = append(why, "the last one is not over: "+destinations(v.Action.Destinations)+" cannot be delivered to")
	case waits && len(v.Action.Destinations) > 0:
		why = append(why, "it is not seen that "+destinations(v.Action.Destinations)+" hold the current key")
	}
	if len(why) == 0 {
		return nil
	}
	return one(Finding{
		Code: RotationWillMiss, Title: fmt.Sprintf("its rotation, due on %s, will not happen", date(due)),
		Evidence: why, Command: "keyrota plan " + string(v.ref),
	})
}

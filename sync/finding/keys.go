package finding

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// healsWithin is for how long the engine is left alone with what it is putting
// right before people are called.
const healsWithin = 15 * time.Minute

// foreignKeys are live keys that nothing on record explains. One that appeared
// while we watched is an alarm; one that was there before waits for working hours.
func (v view) foreignKeys() []Finding {
	r, l := v.Record, v.seen.Listing
	if v.Spec.Policy.Observe || r.Offer.Key == "" || !l.Complete || l.Account != r.Account {
		return nil
	}
	var found []Finding
	for _, k := range rotation.Unexplained(r, v.Observed) {
		if v.deletedJustNow(k.ID) {
			continue
		}
		f := Finding{
			Code: ForeignKey, Subject: string(k.ID), Title: "key " + string(k.ID) + " is alive, and nothing on record explains it",
			Command: "keyrota rotate --leaked " + string(v.ref) + " --delete " + string(k.ID),
		}
		if k.Label != "" {
			f.Evidence = append(f.Evidence, "its description is "+quotedLabel(k.Label))
		}
		if instance, _, _, at, ok := k.Label.Parts(); ok {
			f.Evidence = append(f.Evidence, "by that, keyrota "+instance+" made it at "+moment(at)+"; anybody can write such a description")
		}
		seen := v.in.seen(Finding{Code: ForeignKey, Account: v.ref, Subject: string(k.ID)})
		if v.in.FirstSeen != nil && !v.WatchedSince.IsZero() && seen.After(v.WatchedSince) {
			f.Severity = Page
			f.Evidence = append(f.Evidence, "it appeared after "+moment(v.WatchedSince)+", when it was first on record which keys the account has")
		} else {
			f.Evidence = append(f.Evidence, "it may be older than keyrota's record of the account")
		}
		found = append(found, f)
	}
	return found
}

// deletedJustNow reports that we deleted a key, and the listing is too young to
// know.
func (v view) deletedJustNow(k rotation.KeyID) bool {
	at := v.in.Now
	if !v.seen.Listing.At.IsZero() {
		at = v.seen.Listing.At
	}
	return slices.ContainsFunc(v.Record.Gone, func(g rotation.Gone) bool {
		return g.Key == k && at.Before(g.At.Add(v.Spec.Policy.WriteDeadline))
	})
}

// extraKeys: more live keys than the account needs.
func (v view) extraKeys() []Finding {
	r, l := v.Record, v.seen.Listing
	if v.Spec.Account.Scope == rotation.ScopeExternal || v.off() {
		return nil
	}
	if v.Spec.Policy.Observe || r.Offer.Key == "" {
		if !l.Complete || len(l.Keys) < 2 {
			return nil
		}
		f := Finding{
			Code: ExtraKeys, Severity: Report, Title: fmt.Sprintf("has %d live keys, and one would do", len(l.Keys)), Command: v.status(),
			Do: "Find out which of them are in use (W&B shows under the account's API keys when each was last used), and delete the others there.",
		}
		for _, k := range l.Keys {
			f.Evidence = append(f.Evidence, "key "+string(k.ID)+because(quotedLabel(k.Label)))
		}
		return one(f)
	}
	over := r.Agreed.Add(max(v.Spec.Policy.Overlap, v.MaxOverlap))
	if len(r.Old) == 0 || r.Agreed.IsZero() || r.Parked != "" || r.Emergency() || v.in.Now.Before(over.Add(day)) {
		return nil
	}
	f := Finding{
		Code: ExtraKeys, Since: over, Title: counted(len(r.Old), "old key") + " of it should be gone since " + date(over),
		Evidence: []string{"every destination holds the successor since " + moment(r.Agreed)},
		Command:  "keyrota retire " + string(v.ref),
	}
	for _, o := range r.Old {
		f.Evidence = append(f.Evidence, "key "+string(o.Key)+" still lives")
	}
	if v.Action.Kind == rotation.Wait && v.Action.Why != "" {
		f.Evidence = append(f.Evidence, v.Action.Why)
	}
	return one(f)
}

// dead are the destinations whose readers have no key that works, and why: they
// hold one that the platform does not have any more, or are empty although they
// were delivered to.
func (v view) dead() map[rotation.Destination]string {
	r, l := v.Record, v.seen.Listing
	dead := map[rotation.Destination]string{}
	if !v.managed() || r.Offer.Key == "" || v.gone() {
		return dead
	}
	for i, d := range v.Spec.Destinations(r) {
		h := v.seen.Holding(d)
		switch {
		case h.State == rotation.StateAbsent && i < len(v.Spec.Wants) && slices.Contains(r.Dests, d):
			dead[d] = "is empty; it was delivered to before"
		case h.State == rotation.StateMarked && h.Mark.Instance == v.Spec.Instance && h.Mark.Account == r.Account &&
			l.Complete && l.Account == r.Account && h.Mark.Edition <= l.Offered &&
			!slices.ContainsFunc(l.Keys, func(k rotation.Key) bool { return k.ID == h.Mark.Key }):
			dead[d] = "holds key " + string(h.Mark.Key) + ", which W&B does not have any more"
		}
	}
	return dead
}

// deadKey: readers are failing. What keyrota is just putting right is left alone
// for a while.
func (v view) deadKey() []Finding {
	r, dead := v.Record, v.dead()
	if len(dead) == 0 {
		return nil
	}
	f := Finding{
		Code: DeadKey, Title: "whoever reads " + counted(len(dead), "destination") + " of it has no key that works", Command: v.status(),
	}
	stuck := v.Action.Kind == rotation.Wait || r.Parked != "" || r.Tries > 0
	for _, d := range v.Spec.Destinations(r) {
		if words, is := dead[d]; is {
			f.Evidence = append(f.Evidence, d.String()+" "+words)
			stuck = stuck || !v.FailingSince[d].IsZero()
		}
	}
	f.Broken = strings.Join(f.Evidence, "; ")
	if v.Action.Why != "" {
		f.Evidence = append(f.Evidence, "next: "+v.Action.Kind.String()+": "+v.Action.Why)
	}
	if stuck && v.LastFailure != "" {
		f.Evidence = append(f.Evidence, v.LastFailure)
	}
	if !stuck && v.in.Now.Sub(v.in.seen(Finding{Code: DeadKey, Account: v.ref})) < healsWithin {
		f.Severity = Report
		f.Do = "Nothing yet: keyrota is putting it right. If it still stands in a quarter of an hour, somebody is called."
	}
	return one(f)
}

// quotedLabel writes what others may have written on one line.
func quotedLabel(l rotation.Label) string {
	if l == "" {
		return ""
	}
	return fmt.Sprintf("%q", string(l))
}

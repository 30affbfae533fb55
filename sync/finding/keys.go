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
	if v.Spec.Policy.Observe || r.Offer.Key == "" && r.Off.Done.IsZero() || !l.Complete || l.Account != r.Account {
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
		if v.dark() {
			f.Do = "Ask who made it. keyrota deletes it, as the account is switched off; whoever made it may hold another."
			f.Command = v.status()
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
	if v.Spec.Account.Scope == rotation.ScopeExternal || v.dark() {
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
	over := r.Agreed.Add(max(v.Spec.Policy.Overlap, v.Spec.Policy.MaxOverlap))
	if len(r.Old) == 0 || r.Agreed.IsZero() || r.Parked != "" || r.Emergency() || v.in.Now.Before(over.Add(day)) {
		return nil
	}
	f := Finding{
		Code: ExtraKeys, Since: over, Title: counted(len(r.Old), "old key") + " of it should be gone since " + date(over),
		Evidence: []string{"every destination holds the successor since " + moment(r.Agreed)},
		Command:  "keyrota retire " + string(v.ref),
	}
	for _, o := range r.Old {
		f.Evidence = append(f.Evidence, "key "+string(o.Key)+" was not deleted")
	}
	f.Evidence = append(f.Evidence, v.next()...)
	return one(f)
}

// liveKeys returns the keys that the platform has of the account, as far as that
// can be told of the offered one: by what was looked at for it, or, where nobody
// looks any more, by the listing of all accounts, if that is younger.
func (v view) liveKeys() (keys []rotation.Key, newest rotation.Edition, known bool) {
	r, l := v.Record, v.seen.Listing
	if l.Complete && l.Account == r.Account {
		return l.Keys, l.Offered, true
	}
	i := v.platform.find(v.Spec.Account, r.Account)
	if i < 0 || !v.in.Listed[listedUnder(v.Spec.Account)] || r.Agreed.IsZero() || !r.Agreed.Before(v.in.ListedAt) {
		return nil, 0, false
	}
	return v.platform.all[i].Keys, r.Offer.Edition, true
}

// dead are the destinations whose readers have no key that works, and why: they
// hold one that the platform does not have any more, or are empty although they
// were delivered to.
func (v view) dead() map[rotation.Destination]string {
	r := v.Record
	dead := map[rotation.Destination]string{}
	if r.Offer.Key == "" || v.dark() || v.gone() {
		return dead
	}
	keys, newest, known := v.liveKeys()
	lives := func(k rotation.KeyID, e rotation.Edition) bool {
		return !known || e > newest || slices.ContainsFunc(keys, func(live rotation.Key) bool { return live.ID == k })
	}
	for i, d := range v.Spec.Destinations(r) {
		h := v.seen.Holding(d)
		wanted := i < len(v.Spec.Wants)
		switch ours := h.Mark.Instance == v.Spec.Instance && h.Mark.Account == r.Account; {
		case h.State == rotation.StateAbsent && wanted && slices.Contains(r.Dests, d):
			dead[d] = "is empty; it was delivered to before"
		case h.State == rotation.StateMarked && ours && !lives(h.Mark.Key, h.Mark.Edition):
			dead[d] = "holds key " + string(h.Mark.Key) + ", which W&B does not have any more"
		case h.State == rotation.StateUnknown && wanted && !r.Agreed.IsZero() && !lives(r.Offer.Key, r.Offer.Edition):
			dead[d] = "was last seen to hold key " + string(r.Offer.Key) + ", which W&B does not have any more"
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
	f.Evidence = append(f.Evidence, v.next()...)
	if stuck && v.LastFailure != "" {
		f.Evidence = append(f.Evidence, v.LastFailure)
	}
	return one(v.leaveToHeal(f, stuck))
}

// quotedLabel writes what others may have written on one line.
func quotedLabel(l rotation.Label) string {
	if l == "" {
		return ""
	}
	return fmt.Sprintf("%q", string(l))
}

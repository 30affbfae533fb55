package rotation

import (
	"cmp"
	"slices"
	"time"
)

// find gives a record to an account that has none: it is looked up by its
// exact name, or provisioned.
func (d *decision) find() (Action, bool) {
	if d.r.Account != "" {
		return Action{}, false
	}
	l := d.o.Listing
	if !l.AccountsKnown {
		for _, v := range d.o.Values {
			if v.Verdict == Live && v.Account != "" {
				return d.recover(v.Account)
			}
		}
		if q := d.r.Request; q.Kind == RequestAdopt && q.From != (Destination{}) {
			return d.adopt(q)
		}
		if l.Words != "" {
			return d.unlisted(2)
		}
		return blocked(2, "without an admin key the account cannot be looked up: create a key of it by hand and run: keyrota adopt %s --key-file -", d.s.Account.Ref)
	}
	switch {
	case !l.Complete:
		return d.unlisted(2)
	case !l.Fresh:
		return Action{Kind: LookFreshly, Rule: 6, Why: "the last look is not fresh"}, true
	case len(l.Accounts) == 1:
		return d.recover(l.Accounts[0])
	case len(l.Accounts) > 1:
		return d.park(2, "the platform lists %d accounts by exactly this name: rename or remove all but one, then run: keyrota rotate %s", len(l.Accounts), d.s.Account.Ref)
	case d.s.off():
		return wait(2, time.Time{}, "there is no such account, and none is wanted (state: %s)", d.s.State)
	case d.s.Renamed:
		return d.park(2, "the platform lists no account named %q, nothing is on record, and it had another name (formerly:): give it its name at the platform, or remove formerly: to have a new one created; then run: keyrota retry %s", d.s.Account.Name, d.s.Account.Ref)
	case !d.s.Provision || d.s.Account.Scope != ScopeTeam:
		return d.park(2, "there is no such account, and accounts of this scope cannot be created by API: an admin creates it in the platform's own pages, with exactly the name %q, and a key of it; then run: keyrota adopt %s --key-file -", d.s.Account.Name, d.s.Account.Ref)
	}
	if again := d.r.Provision.Add(d.s.Policy.WriteDeadline); !d.r.Provision.IsZero() && d.now.Before(again) {
		return wait(2, again, "its creation was begun and may still come to pass")
	}
	if d.now.Before(d.r.NotBefore) {
		a, ok := wait(2, d.r.NotBefore, "its creation failed; the next try is at %s", d.r.NotBefore.UTC().Format(time.RFC3339))
		a.Overdue = true
		return a, ok
	}
	return Action{Kind: DoProvision, Rule: 2, Why: "there is no such account yet"}, true
}

// overtaken sees that more happened than is on record: the ledger is older
// than the marks, or someone else's marks are newer than ours.
func (d *decision) overtaken() (Action, bool) {
	if d.highest() <= d.r.Seq && !d.offeredSince() {
		return Action{}, false
	}
	for _, dest := range d.s.Destinations(d.r) {
		h := d.o.Holding(dest)
		// Whoever asks to go on says that the other daemon is stopped.
		if d.r.Request.Kind == RequestNone && (h.State == StateMarked || h.State == StateEdited) && d.s.ours(d.r, h.Mark) &&
			h.Mark.Edition > d.r.Seq && h.Mark.Ledger != d.s.Ledger {
			return d.park(2, "%s was written by another ledger, %s; ours is %s: two daemons work on this account. Stop one of them, then run: keyrota rotate %s", dest, h.Mark.Ledger, d.s.Ledger, d.s.Account.Ref)
		}
	}
	return d.recover(d.r.Account)
}

// offeredSince sees a mark above our offer, where intents have already used its
// edition: only offers are delivered, so this one was made and is not on record.
func (d *decision) offeredSince() bool {
	for _, h := range d.o.Holdings {
		if d.r.Offer.Key != "" && d.s.ours(d.r, h.Holding.Mark) && h.Holding.Mark.Edition > d.r.Offer.Edition {
			return true
		}
	}
	return false
}

// highest returns the highest edition that any label or mark of ours bears.
func (d *decision) highest() Edition {
	var top Edition
	for _, k := range d.o.Listing.Keys {
		if e, ours := k.Label.EditionFor(d.s.Instance, d.r.Account); ours {
			top = max(top, e)
		}
	}
	for _, h := range d.o.Holdings {
		if m := h.Holding.Mark; d.s.ours(d.r, m) && d.r.Account != "" {
			top = max(top, m.Edition)
		}
	}
	return top
}

// recover makes a record from labels and marks: the newest live key that a
// destination holds is offered under an edition above all that were used, and
// every other labelled live key is taken for one that was offered.
func (d *decision) recover(id AccountID) (Action, bool) {
	if d.outdated() {
		return lookAgain()
	}
	d.r.Account = id
	// Without an admin key there is no listing before a first key was read.
	if !d.o.Listing.Complete && (d.s.Admin || d.o.Listing.AccountsKnown) {
		return d.unlisted(2)
	}
	if d.o.Listing.Complete && !d.o.Listing.Fresh {
		return Action{Kind: LookFreshly, Rule: 6, Why: "the last look is not fresh"}, true
	}
	var held KeyID
	var edition Edition
	for _, dest := range d.s.Destinations(d.r) {
		h := d.o.Holding(dest)
		switch {
		case h.State == StateUnknown:
			a, ok := blocked(2, "nothing is on record, and %s cannot be looked at: %s", dest, h.Words)
			a.Destinations = []Destination{dest}
			return a, ok
		case !h.Fresh:
			return Action{Kind: LookFreshly, Rule: 6, Why: "the last look is not fresh"}, true
		case h.State == StateMarked && d.s.ours(d.r, h.Mark) && h.Mark.Edition >= edition && d.o.Listing.has(h.Mark.Key):
			if d.r.usable(h.Mark.Key) {
				held, edition = h.Mark.Key, h.Mark.Edition
			}
		}
	}
	r := d.r.abandoning(d.now)
	top := max(d.highest(), r.Seq)
	if top == 0 {
		return save(2, "the account is known now", r, Event{Kind: EventFound, Words: string(id)})
	}
	r.Seq = top + 1
	old := r.Old
	if r.Offer.Key != "" {
		old = append(old, Old{Key: r.Offer.Key, Issued: r.Offer.Issued})
	}
	for _, k := range d.o.Listing.Keys {
		if _, ours := k.Label.EditionFor(d.s.Instance, id); ours {
			_, _, _, at, _ := k.Label.Parts()
			old = append(old, Old{Key: k.ID, Issued: at})
		}
	}
	slices.SortStableFunc(old, func(a, b Old) int { return cmp.Compare(a.Issued.Unix(), b.Issued.Unix()) })
	r.Old, r.Offer = nil, Offer{}
	for _, o := range old {
		switch {
		case o.Key == held:
			r.Offer.Issued = o.Issued
		case r.old(o.Key) < 0 || o.Condemned:
			if i := r.old(o.Key); i >= 0 {
				r.Old = slices.Delete(r.Old, i, i+1)
			}
			if !o.named() && !o.foreign() {
				o.Edition = r.Seq
			}
			r.Old = append(r.Old, o)
		}
	}
	if held != "" {
		r.Offer = Offer{Edition: r.Seq, Key: held, Issued: r.Offer.Issued}
	}
	if r.Emergency() {
		// Which of them were made since is not known any more: all are replaced, and
		// none goes sooner than its readers expect, until a person says it again.
		r.Leaked, r.Leak.Now, r.Leak.Overlap = r.Seq, false, max(r.Leak.Overlap, d.s.Policy.Overlap)
		r.Leak.Keep = slices.DeleteFunc(r.Leak.Keep, r.knows)
	}
	r.Agreed = time.Time{}
	for _, h := range d.o.Holdings {
		if d.s.ours(d.r, h.Holding.Mark) && !slices.Contains(r.Dests, h.Destination) {
			r.Dests = append(r.Dests, h.Destination) // written once, whoever has forgotten it
		}
	}
	return save(2, "made from labels and marks", r, Event{Kind: EventRecovered, Key: held, Edition: r.Seq, Words: string(id)})
}

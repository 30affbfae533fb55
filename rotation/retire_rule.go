package rotation

import "slices"

// retire deletes the oldest of the old keys whose overlap is over.
func (d *decision) retire() (Action, bool) {
	if len(d.r.Old) == 0 || d.r.Agreed.IsZero() {
		return Action{}, false
	}
	over := func(o Old) bool {
		held, _ := d.kept(o)
		return held == "" && d.deletable(o)
	}
	if !slices.ContainsFunc(d.r.Old, over) || !d.allHold(everWritten) {
		return Action{}, false
	}
	if a, ok := d.askUse(); ok {
		return a, true
	}
	i := slices.IndexFunc(d.r.Old, func(o Old) bool { return over(o) && !d.heldByUse(o) })
	if i < 0 {
		return d.holdForUse()
	}
	if !d.readFromStore(d.r.Offer.Key) {
		if places := d.untried(d.placesOf(d.r.Offer.Key)); len(places) > 0 {
			return Action{Kind: Seek, Rule: 11, Key: d.r.Offer.Key, Places: places, Why: "its successor is verified first"}, true
		}
		return Action{}, false
	}
	why := "its overlap is over"
	if d.r.leaked(d.r.Old[i].Edition) {
		why = "others may know it, and its overlap is over" + d.overrides()
	}
	return Action{Kind: DoRetire, Rule: 11, Key: d.r.Old[i].Key, Why: why, Breaks: d.breaks()}, true
}

// deletable reports whether a deletion of an old key may be tried in this pass.
// A key that a person named is deleted only while the account is seen to have
// it: the platform might know it as someone else's.
func (d *decision) deletable(o Old) bool {
	return !slices.Contains(d.o.Stuck, o.Key) && (!o.named() || d.o.Listing.has(o.Key))
}

// readFromStore reports whether the value of k was read from a store in this
// pass; one in memory says nothing of what readers get.
func (d *decision) readFromStore(k KeyID) bool {
	return slices.ContainsFunc(d.o.Values, func(v Value) bool {
		return v.Verdict == Live && v.Key == k && v.Place.Kind == PlaceStore
	})
}

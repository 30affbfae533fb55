package plan

import (
	"slices"

	"github.com/keyrota/keyrota/rotation"
)

// try assumes what reading a place back would show. What a mark says is
// believed; every other guess is kept, for the steps that rest on it.
func (f *fold) try(at rotation.Place) rotation.Value {
	v := rotation.Value{Place: at, Verdict: rotation.Dead}
	assuming := ""
	switch at.Kind {
	case rotation.PlaceMemory:
		v.Key = f.kept
	case rotation.PlacePlatform:
		v.Key, assuming = f.firstKey()
	default:
		h, observed := f.world.holding(at.Destination)
		switch {
		case observed && h.State == rotation.StateUnknown:
			v.Verdict, v.Words = rotation.Unreached, h.Words
		case at.Version != "" && at.Version != h.Version:
			v.Key, assuming = f.earlier(at.Destination, h)
		default:
			v.Key, assuming = f.current(at.Destination, h)
		}
	}
	if assuming != "" && !slices.Contains(f.assumed, assuming) {
		f.assumed = append(f.assumed, assuming)
	}
	if f.world.lives(v.Key) {
		v.Verdict, v.Account = rotation.Live, f.account()
		f.slots = append(f.slots, v.Key)
	}
	return v
}

// assumeUse assumes what runs the platform would show: those that were seen last
// to keep the old key, as long as they may.
func (f *fold) assumeUse() rotation.Use {
	assuming := "no run of the account that is older than the new key goes on"
	if len(f.record.HeldBy) > 0 {
		assuming = "the runs that were seen to use the old key go on"
	}
	f.assumed = append(f.assumed, assuming)
	return rotation.Use{Asked: true, Known: true, Beating: f.record.HeldBy}
}

func (f *fold) account() rotation.AccountID {
	switch {
	case f.record.Account != "":
		return f.record.Account
	case len(f.world.listing.Accounts) == 1:
		return f.world.listing.Accounts[0]
	}
	return Unknown
}

// firstKey is the key that the platform may show of a new account: the first
// that we did not label.
func (f *fold) firstKey() (rotation.KeyID, string) {
	for _, k := range f.world.listing.Keys {
		if _, _, _, _, ours := k.Label.Parts(); !ours {
			return k.ID, "the platform shows the account's first key; where it does not, a person creates one and runs: keyrota adopt " + string(f.spec.Account.Ref) + " --key-file -"
		}
	}
	return "", ""
}

// current assumes what the value is that a destination holds now.
func (f *fold) current(d rotation.Destination, h rotation.Holding) (rotation.KeyID, string) {
	switch {
	case h.State == rotation.StateMarked && (h.Mark.Account == f.record.Account || f.record.Account == ""):
		return h.Mark.Key, ""
	case h.State == rotation.StateEdited && f.record.Agreed.IsZero() && slices.Contains(f.record.Dests, d):
		return f.record.Offer.Key, d.String() + " holds what a delivery that was cut short has left"
	case h.State == rotation.StateEdited:
		return "", "the value that was put into " + d.String() + " by hand does not work (it is read and tried first: a live key of this account is adopted instead, one of someone else is left there)"
	case f.record.Request.Kind == rotation.RequestAdopt && f.record.Request.From == d:
		return f.adoptee(), d.String() + " holds a live key of this account (it is read and tried first)"
	}
	return "", ""
}

// earlier assumes what the earlier versions of a secret still hold: what was
// delivered before a person changed it, or before what a person deleted.
func (f *fold) earlier(d rotation.Destination, h rotation.Holding) (rotation.KeyID, string) {
	var key rotation.KeyID
	switch h.State {
	case rotation.StateEdited:
		key = h.Mark.Key
	case rotation.StateAbsent:
		if n := len(f.record.Old); n > 0 {
			key = f.record.Old[n-1].Key
		}
	}
	if !f.world.lives(key) {
		return "", ""
	}
	return key, "an earlier version of " + d.String() + " still holds key " + string(key)
}

// adoptee is the key to be found where a person says: the one that they or the
// listing name, or one that the listing could not show.
func (f *fold) adoptee() rotation.KeyID {
	if k := f.record.Request.Key; k != "" {
		return k
	}
	var unexplained []rotation.KeyID
	for _, k := range f.world.listing.Keys {
		_, ours := k.Label.EditionFor(f.spec.Instance, f.record.Account)
		known := k.ID == f.record.Offer.Key || slices.ContainsFunc(f.record.Old, func(o rotation.Old) bool { return o.Key == k.ID })
		if !ours && !known {
			unexplained = append(unexplained, k.ID)
		}
	}
	switch {
	case len(unexplained) == 1:
		return unexplained[0]
	case len(unexplained) > 1 || !f.spec.Admin:
		if !slices.ContainsFunc(f.world.listing.Keys, func(k rotation.Key) bool { return k.ID == Unknown }) {
			f.world.listing.Keys = append(f.world.listing.Keys, rotation.Key{ID: Unknown})
		}
		return Unknown
	}
	return ""
}

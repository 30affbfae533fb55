package inventory

import (
	"slices"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Binds reports whether a freeze on record is about an account: about all, about
// its team, or about itself.
func Binds(f ledger.Freeze, a Account) bool {
	switch {
	case f.Ref != "":
		return f.Ref == a.Ref()
	case f.Team != "":
		return f.Team == a.Config.Team
	}
	return true
}

// Frozen returns the account with the freezes on record that bind it beside those
// of its configuration.
func (a Account) Frozen(all []ledger.Freeze) Account {
	freezes := slices.Clone(a.Config.Freezes)
	for _, f := range all {
		if Binds(f, a) {
			freezes = append(freezes, config.Freeze{From: f.From, Until: end(f), Reason: f.Reason})
		}
	}
	a.Policy.Freeze = freezes
	return a
}

// end is when a freeze ends; one that a person must lift ends with the calendar.
func end(f ledger.Freeze) time.Time {
	if f.Until.IsZero() {
		return time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	}
	return f.Until
}

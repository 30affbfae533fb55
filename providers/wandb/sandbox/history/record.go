package history

import (
	"fmt"
	"time"
)

// Kinds whose truth is not of the platform alone. Whoever sets up a ledger and stores for a history sees to it that they
// say so.
const (
	Gone        Kind = "gone"                      // in the configuration, and not on the platform
	Left        Kind = "left"                      // on record, and not in the configuration any more
	Late        Kind = "late rotation"             // its key is older than the configuration allows
	Frozen      Kind = "frozen"                    // its rotation falls into a freeze
	Parked      Kind = "parked"                    // its record says that a person must act
	Failing     Kind = "failing rotation"          // its record counts failures to issue a key
	Disagreeing Kind = "places that disagree"      // its second destination belongs to somebody else
	Dead        Kind = "dead key"                  // its destination holds a key that the platform does not have
	Leaked      Kind = "leak, stalled"             // its record says that a key leaked, and that a person must act
	Copied      Kind = "a copy that nobody reads"  // its second destination is read no more
	Observed    Kind = "observed, of two keys"     // it is observed only, and has no record
	Tried       Kind = "switched off, still tried" // its record says that it is switched off since SwitchedOff
)

// SwitchedOff is for how long accounts that are switched off have been.
const SwitchedOff = 60 * day

// recordKinds are in daily use unless they say otherwise, and their record or their secrets are amiss.
func recordKinds() []kind {
	return []kind{
		{name: Left, weight: 4, codes: []string{"left_configuration"}, make: func(g *generator, a *account) { daily(g, a); a.Managed = false }},
		{name: Late, weight: 5, codes: []string{"rotation_overdue"}, make: func(g *generator, a *account) { g.delivered(a, 400, 720); g.every(a, day, 10, g.now); a.stale = true }},
		{name: Parked, weight: 4, codes: []string{"parked"}, make: daily},
		{name: Failing, weight: 4, codes: []string{"rotation_failing"}, make: daily},
		{name: Disagreeing, weight: 4, codes: []string{"destinations_disagree"}, also: []string{"secret_unread"}, make: daily},
		{name: Observed, weight: 4, codes: []string{"extra_keys"}, make: func(g *generator, a *account) {
			daily(g, a)
			a.settings = append(a.settings, "manage: observe")
			a.moreKeys = append(a.moreKeys, g.key(a, "second", 300))
		}},
		{name: Copied, weight: 4, codes: []string{"secret_unread"}, make: func(g *generator, a *account) {
			daily(g, a)
			a.CopyRead = a.Delivered.Add(day)
		}},
		{name: Dead, weight: 4, codes: []string{"dead_key"}, make: daily},
		{name: Leaked, weight: 4, codes: []string{"leak_stalled"}, make: daily},
		{name: Frozen, weight: 4, codes: []string{"rotation_will_miss"}, make: func(g *generator, a *account) {
			// 90 days after its delivery are over in five days.
			a.Delivered = g.now.Add(-85 * day)
			a.unrotated = true
			g.every(a, day, 10, g.now)
			a.settings = append(a.settings, fmt.Sprintf("freeze: [{from: %s, until: %s, zone: UTC, reason: %q}]",
				g.now.Add(-day).Format(time.DateOnly), g.now.Add(40*day).Format(time.DateOnly), "nothing changes before the release"))
		}},
		{name: "to be switched off", weight: 4, codes: []string{"quarantine_pending"}, make: func(g *generator, a *account) {
			daily(g, a)
			a.settings = append(a.settings, "state: quarantined")
		}},
		{name: Tried, weight: 4, codes: []string{"used_while_off"}, make: func(g *generator, a *account) {
			g.delivered(a, 400, 720)
			g.every(a, day, 10, g.now.Add(-SwitchedOff-5*day))
			a.settings = append(a.settings, "state: quarantined")
			a.Key, a.KeyID = "", ""
			for i := range 20 {
				a.denied = append(a.denied, g.now.Add(-time.Duration(i)*day-time.Hour))
			}
		}},
	}
}

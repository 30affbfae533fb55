package usage

import "time"

// LastUse returns when an account was last used, zero if it never was, and whether
// it is known that it was not used since: a use within the given time is known as
// it is; else nothing may have hidden one in that time.
func LastUse(e Evidence, p Policy, within time.Duration, now time.Time) (at time.Time, known bool) {
	for _, t := range e.Traces {
		if t.Last.After(at) {
			at = t.Last
		}
	}
	if !at.IsZero() && now.Sub(at) < within {
		return at, true
	}
	return at, len(Hidden(e, p, now.Add(-within), now)) == 0
}

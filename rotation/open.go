package rotation

import "time"

// NextOpen returns the first time from t on at which a routine rotation may
// begin: neither the window nor a freeze holds it back. Zero: none is found.
func (p Policy) NextOpen(t time.Time) time.Time { return p.nextOpen(t) }

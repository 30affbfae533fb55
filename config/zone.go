package config

import (
	"time"
	// Images from scratch have no time zones, and a configuration means the
	// same everywhere.
	_ "time/tzdata"
)

const zoneHint = "write an IANA time zone like Europe/Berlin, or UTC"

// zone returns a time zone by its IANA name. Local is refused: what is due
// must not depend on the machine.
func zone(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	l, err := time.LoadLocation(name)
	return l, err == nil
}

package config

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// durationHint is what to write where a duration is wanted.
const durationHint = "write a duration like 90d, 36h, 2w or 1d12h"

var errDuration = errors.New("not a duration")

var durationUnits = []struct {
	name string
	size time.Duration
}{
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
}

// ParseDuration reads whole numbers with the units w, d, h, m, s and ms, from
// large to small and each at most once, such as 90d, 36h or 1d12h. A day is
// 24 hours and a week is 7 days, also when the clocks change.
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	if s == "" {
		return 0, errDuration
	}
	if s == "0" {
		return 0, nil
	}
	units := durationUnits
	for s != "" {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		count, err := strconv.ParseInt(s[:digits], 10, 64)
		if err != nil {
			return 0, errDuration
		}
		s = s[digits:]
		name := s[:len(s)-len(strings.TrimLeft(s, "wdhms"))]
		s = s[len(name):]
		for len(units) > 0 && units[0].name != name {
			units = units[1:]
		}
		if len(units) == 0 {
			return 0, errDuration
		}
		part := time.Duration(count) * units[0].size
		if count != 0 && part/units[0].size != time.Duration(count) || total+part < total {
			return 0, errors.New("too long for a duration")
		}
		total += part
		units = units[1:]
	}
	return total, nil
}

// FormatDuration writes what ParseDuration reads. Weeks are written as days,
// and less than a millisecond is left out.
func FormatDuration(d time.Duration) string {
	if d < time.Millisecond {
		return "0"
	}
	var b strings.Builder
	for _, u := range durationUnits[1:] {
		if n := d / u.size; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			d -= n * u.size
		}
	}
	return b.String()
}

package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// localTime prints a time for people: local, with the zone.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}

// utcTimes are the times in the words of packages that know no zone.
var utcTimes = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// local prints words with their times local, for tables.
func local(words string) string {
	return utcTimes.ReplaceAllStringFunc(words, func(s string) string {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return s
		}
		return localTime(t)
	})
}

// until prints what is waited for, and the time if it is known.
func until(why string, t *time.Time) string {
	if t == nil {
		return local(why)
	}
	return local(why) + " (" + localTime(*t) + ")"
}

// moment returns a time for JSON, absent where there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// span prints a duration for people, in its two largest units.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	var parts []string
	for _, u := range units {
		if n := d / u.size; n > 0 && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d%s", n, u.name))
			d -= n * u.size
		} else if len(parts) == 1 {
			break
		}
	}
	if len(parts) == 0 {
		return "0s"
	}
	return strings.Join(parts, "")
}

// count prints a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

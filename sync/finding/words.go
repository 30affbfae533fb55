package finding

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// span says how long something is, as precise as people need it.
func span(d time.Duration) string {
	switch {
	case d >= 2*day:
		return counted(int(d/day), "day")
	case d >= 2*time.Hour:
		return counted(int(d/time.Hour), "hour")
	}
	return counted(max(0, int(d/time.Minute)), "minute")
}

// setting writes a duration as the configuration does, rounded up to hours, and
// from two days on to days.
func setting(d time.Duration) string {
	if d > 2*day {
		return strconv.Itoa(int((d+day-1)/day)) + "d"
	}
	return strconv.Itoa(int((d+time.Hour-1)/time.Hour)) + "h"
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// date writes the day of a time, and moment a time.
func date(t time.Time) string   { return t.UTC().Format("2006-01-02") }
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// list names some of many.
func list(all []string, most int) string {
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

// because adds words in brackets, where there are any.
func because(words string) string {
	if words == "" {
		return ""
	}
	return " (" + words + ")"
}

// counts says how many of what there are, such as "2 of 3 destinations".
func counts(n, of int, what string) string { return fmt.Sprintf("%d of %s", n, counted(of, what)) }

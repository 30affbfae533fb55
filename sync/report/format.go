package report

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// moment returns a time for JSON, absent where there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// date returns a time in the zone of the document.
func (doc *document) date(t time.Time) time.Time {
	if doc.data.Zone == nil {
		return t.UTC()
	}
	return t.In(doc.data.Zone)
}

// onDate prints the day of a time; nothing where there is none.
func (doc *document) onDate(t *time.Time) string {
	if t == nil {
		return ""
	}
	return doc.date(*t).Format("2 Jan 2006")
}

// atTime prints a time to the minute, with its zone.
func (doc *document) atTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return doc.date(*t).Format("2 Jan 2006, 15:04 MST")
}

// isoTimes are the times in the words of packages that know no zone.
var isoTimes = regexp.MustCompile(`(^|[\s(])(\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?Z)?)\b`)

// dated writes the times in words as those beside them are written.
func (doc *document) dated(words string) string {
	return isoTimes.ReplaceAllStringFunc(words, func(s string) string {
		at := strings.TrimLeft(s, "( \t\n")
		if t, err := time.Parse(time.RFC3339, at); err == nil {
			return strings.Replace(s, at, doc.atTime(&t), 1)
		}
		if t, err := time.Parse(time.DateOnly, at); err == nil { // a day is the same in every zone
			return strings.Replace(s, at, t.Format("2 Jan 2006"), 1)
		}
		return s
	})
}

// age prints how long ago a time was, in the largest unit that tells something.
func age(d time.Duration) string {
	switch {
	case d < time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < 2*day:
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/day), "day")
}

// ago prints how long ago something was.
func (doc *document) ago(t *time.Time) string {
	if t == nil {
		return ""
	}
	d := doc.data.Now.Sub(*t)
	if d < time.Minute {
		return "just now"
	}
	return age(d) + " ago"
}

// count prints a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// number prints a number as people read it: 12,345.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// every prints how long a policy lets a key live.
func every(d time.Duration) string {
	switch {
	case d == 0:
		return "on request"
	case d%day == 0 || d > 2*day:
		return "every " + count(int((d+day/2)/day), "day")
	case d%time.Hour == 0:
		return "every " + count(int(d/time.Hour), "hour")
	}
	return fmt.Sprintf("every %s", d)
}

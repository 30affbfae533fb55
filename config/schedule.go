package config

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when a key is due: at a maximum age, or by a cron expression
// in a time zone. The zero Schedule is never due.
type Schedule struct {
	Every time.Duration // maximum age of a key; 0 when Cron is used
	Cron  string        // five fields and a time zone, as written
	spec  cron.Schedule
}

// Next returns the first time after t at which a rotation is due, t being
// when the current key was made. It returns the zero time if there is none.
func (s Schedule) Next(t time.Time) time.Time {
	switch {
	case s.spec != nil:
		return s.spec.Next(t)
	case s.Every > 0:
		return t.Add(s.Every)
	}
	return time.Time{}
}

// String returns "every 90d" or "cron" and the expression.
func (s Schedule) String() string {
	if s.Cron != "" {
		return "cron " + s.Cron
	}
	return "every " + FormatDuration(s.Every)
}

const cronHint = "write five fields and a time zone, like 0 9 * * Mon Europe/Berlin"

// cronExpression is a cron expression as written.
type cronExpression struct{ Schedule }

func (c *cronExpression) decodeNode(d *decoder, n *node) {
	if !d.wants(n, kindScalar, cronHint) {
		return
	}
	s, problem := parseCron(n.text)
	if problem != "" {
		d.errorAt(n.path, problem, cronHint)
		return
	}
	c.Schedule = s
}

// parseCron reads "0 9 * * Mon Europe/Berlin", also with the zone before it
// as CRON_TZ=Europe/Berlin, also @daily and the like instead of five fields.
func parseCron(text string) (s Schedule, problem string) {
	words := strings.Fields(text)
	name := ""
	if len(words) > 0 {
		for _, prefix := range []string{"CRON_TZ=", "TZ="} {
			if z, ok := strings.CutPrefix(words[0], prefix); ok {
				name, words = z, words[1:]
				break
			}
		}
	}
	count := 5
	if len(words) > 0 && strings.HasPrefix(words[0], "@") {
		count = 1
		if words[0] == "@every" {
			return s, "a cron expression with @every; a maximum age is written every:"
		}
	}
	if name == "" && len(words) == count+1 {
		name, words = words[count], words[:count]
	}
	if len(words) != count {
		return s, "not a cron expression"
	}
	if name == "" {
		return s, "no time zone"
	}
	location, ok := zone(name)
	if !ok {
		return s, "the time zone is not known"
	}
	spec, err := cron.ParseStandard(strings.Join(words, " "))
	if err != nil {
		return s, "not a cron expression"
	}
	if ss, ok := spec.(*cron.SpecSchedule); ok {
		ss.Location = location
	}
	if spec.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return s, "a cron expression that is never due"
	}
	return Schedule{Cron: strings.Join(words, " ") + " " + name, spec: spec}, ""
}

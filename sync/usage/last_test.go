package usage_test

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/usage"
)

// Whoever switches an account off must know that nobody used it lately: what was
// seen weeks ago says nothing of that where nobody looked since.
func TestLastUse(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, time.March, 30, 9, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	seen := func(last, until time.Duration) usage.Evidence {
		c := usage.Coverage{From: ago(400 * day), Until: ago(until)}
		return usage.Evidence{
			Traces:   map[usage.Source]usage.Trace{usage.Runs: {First: ago(last), Last: ago(last)}},
			Coverage: map[usage.Source]usage.Coverage{usage.Runs: c, usage.AuditLog: c},
		}
	}
	for name, c := range map[string]struct {
		e     usage.Evidence
		p     usage.Policy
		known bool
	}{
		"used yesterday": {seen(day, time.Hour), usage.Policy{}, true},
		"used yesterday, and not looked at since":                       {seen(day, 20*time.Hour), usage.Policy{}, true},
		"used three weeks ago":                                          {seen(21*day, time.Hour), usage.Policy{}, true},
		"used three weeks ago, and not looked at since":                 {seen(21*day, 20*day), usage.Policy{}, false},
		"used three weeks ago, once a quarter, and not looked at since": {seen(21*day, 20*day), usage.Policy{Rhythm: 92 * day}, false},
		"used three weeks ago, and logs through Weave":                  {seen(21*day, time.Hour), usage.Policy{Weave: true}, false},
		"nothing is known":                                              {usage.Evidence{}, usage.Policy{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			at, known := usage.LastUse(c.e, c.p, 14*day, now)
			if known != c.known || !at.Equal(c.e.Traces[usage.Runs].Last) {
				t.Errorf("%s, known %v", at, known)
			}
		})
	}
}

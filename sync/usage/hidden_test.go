package usage_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/sync/usage"
)

// TestWhatAStretchOfTimeHides: whatever is not known of that stretch, and nothing
// that is not known of another.
func TestWhatAStretchOfTimeHides(t *testing.T) {
	ends := func(daysAgo int, sources ...usage.Source) usage.Evidence {
		e := usedOn(seen(), usage.Runs, 20)
		for _, s := range sources {
			e = cover(e, s, func(c *usage.Coverage) { c.Until = ago(daysAgo) })
		}
		return e
	}
	for name, c := range map[string]struct {
		e           usage.Evidence
		p           usage.Policy
		from, until int
		words       string // of the reasons; empty: there are none
	}{
		"all was seen":              {seen(), usage.Policy{}, 14, 0, ""},
		"looked at before it":       {ends(19, usage.Runs, usage.AuditLog), usage.Policy{}, 14, 0, "runs: not looked at since 2026-11-11\naudit log: not looked at since 2026-11-11"},
		"runs, before it":           {ends(19, usage.Runs), usage.Policy{}, 14, 0, "runs: not looked at since 2026-11-11"},
		"looked at during it":       {ends(5, usage.Runs), usage.Policy{}, 14, 0, "runs: not looked at since 2026-11-25"},
		"looked at to its end":      {ends(5, usage.Runs), usage.Policy{}, 14, 5, ""},
		"looked at lately":          {ends(1, usage.Runs), usage.Policy{}, 14, 0, ""},
		"known from within it":      {cover(seen(), usage.Runs, func(c *usage.Coverage) { c.From = ago(10) }), usage.Policy{}, 14, 0, "runs: nothing is known from before 2026-11-20"},
		"a gap in it":               {gap(usage.Runs, 10, 9), usage.Policy{}, 14, 0, "a page was missing"},
		"a gap into it":             {gap(usage.Runs, 20, 13), usage.Policy{}, 14, 0, "a page was missing"},
		"a gap out of it":           {gap(usage.Runs, 10, 3), usage.Policy{}, 14, 5, "a page was missing"},
		"a gap before it":           {gap(usage.Runs, 20, 14), usage.Policy{}, 14, 0, ""},
		"a gap after it":            {gap(usage.Runs, 5, 3), usage.Policy{}, 14, 5, ""},
		"credited to a person":      {blind(usage.Runs, usage.CreditedToPerson), usage.Policy{}, 14, 0, "credited to a person"},
		"through Weave":             {seen(), usage.Policy{Weave: true}, 14, 0, "Weave"},
		"nothing was ever seen":     {usage.Evidence{}, usage.Policy{}, 14, 0, "runs: not looked at"},
		"the log's own weakness":    {blind(usage.AuditLog, usage.NotInLog), usage.Policy{}, 14, 0, ""},
		"runs alone are not enough": {without(usage.AuditLog), usage.Policy{}, 14, 0, "audit log: not looked at"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(usage.Hidden(c.e, c.p, ago(c.from), ago(c.until)), "\n")
			if c.words == "" && got != "" || !strings.Contains(got, c.words) {
				t.Errorf("%q, want %q", got, c.words)
			}
		})
	}
}

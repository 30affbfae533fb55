package notify

import (
	"slices"

	"github.com/keyrota/keyrota/sync/finding"
)

// Route says which findings go to which sinks: all of its conditions must meet.
// An empty condition meets everything, but for Severities.
type Route struct {
	Sinks []string
	// Severities that it sends. Empty: those of each sink (Target.Severities).
	Severities []finding.Severity
	Teams      []string
	Owners     []string
	Codes      []finding.Code
}

// leads says whether a route brings a finding to a sink.
func (r Route) leads(i Item, t Target) bool {
	severities := r.Severities
	if len(severities) == 0 {
		severities = t.Severities
	}
	return meets(r.Sinks, t.Name) && slices.Contains(severities, i.Severity) &&
		meets(r.Teams, i.Team) && meets(r.Owners, i.Owner) && meets(r.Codes, i.Code)
}

func meets[T comparable](condition []T, value T) bool {
	return len(condition) == 0 || slices.Contains(condition, value)
}

// routed says whether a finding is told to a sink. Without routes every sink is
// told what it takes.
func (n *Notifier) routed(i Item, t Target) bool {
	if len(n.Routes) == 0 {
		return Route{}.leads(i, t)
	}
	return slices.ContainsFunc(n.Routes, func(r Route) bool { return r.leads(i, t) })
}

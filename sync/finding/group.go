package finding

import (
	"cmp"
	"slices"
)

// Summary counts findings. Those that a person acknowledged count as such alone.
type Summary struct {
	Page, Ticket, Report, Acknowledged int
	Broken                             int // of Page, Ticket and Report: something does not work now
}

// Total is how many findings nobody acknowledged.
func (s Summary) Total() int { return s.Page + s.Ticket + s.Report }

// Summarize counts findings.
func Summarize(findings []Finding) Summary {
	var s Summary
	for _, f := range findings {
		switch {
		case f.Acknowledged != nil:
			s.Acknowledged++
			continue
		case f.Severity == Page:
			s.Page++
		case f.Severity == Ticket:
			s.Ticket++
		default:
			s.Report++
		}
		if f.Broken != "" {
			s.Broken++
		}
	}
	return s
}

// Group are findings that have something in common.
type Group struct {
	Name     string // empty: those that have no such name
	Findings []Finding
}

// GroupBy groups findings by what name says of each. Groups and what is in them
// keep the order of the findings: the group of the most urgent comes first.
func GroupBy(findings []Finding, name func(Finding) string) []Group {
	var groups []Group
	at := map[string]int{}
	for _, f := range findings {
		n := name(f)
		i, ok := at[n]
		if !ok {
			i = len(groups)
			at[n], groups = i, append(groups, Group{Name: n})
		}
		groups[i].Findings = append(groups[i].Findings, f)
	}
	return groups
}

// ByOwner, ByTeam and ByCode are names for GroupBy.
func ByOwner(f Finding) string { return f.Owner }

// ByTeam groups by team.
func ByTeam(f Finding) string { return f.Team }

// ByCode groups by kind.
func ByCode(f Finding) string { return string(f.Code) }

// rank orders severities, the most urgent first.
func (s Severity) rank() int {
	switch s {
	case Page:
		return 0
	case Ticket:
		return 1
	}
	return 2
}

// Sort orders findings: what nobody acknowledged first, then by severity, what
// is broken before what is not, what breaks soonest, account, code, subject.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			first(a.Acknowledged == nil, b.Acknowledged == nil),
			cmp.Compare(a.Severity.rank(), b.Severity.rank()),
			first(a.Broken != "", b.Broken != ""),
			first(!a.SafeUntil.IsZero(), !b.SafeUntil.IsZero()),
			a.SafeUntil.Compare(b.SafeUntil),
			cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Subject, b.Subject),
		)
	})
}

// first orders what has something before what has it not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

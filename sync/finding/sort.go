package finding

import (
	"cmp"
	"slices"
)

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

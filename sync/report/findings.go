package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
)

// findingsView is the part of findings, the most urgent first; those that a
// person acknowledged come last.
type findingsView []findingView

type findingView struct {
	ID           string            `json:"id"`
	Code         string            `json:"code"`
	Severity     string            `json:"severity"` // page, ticket or report
	Account      string            `json:"account,omitempty"`
	Subject      string            `json:"subject,omitempty"`
	Team         string            `json:"team,omitempty"`
	Owner        string            `json:"owner,omitempty"`
	Since        *time.Time        `json:"since,omitempty"`
	Title        string            `json:"title"`
	Evidence     []string          `json:"evidence,omitempty"`
	Do           string            `json:"do,omitempty"`
	Command      string            `json:"command,omitempty"`
	Change       string            `json:"change,omitempty"`
	Broken       string            `json:"broken,omitempty"`
	SafeUntil    *time.Time        `json:"safe_until,omitempty"`
	Sources      []string          `json:"sources,omitempty"` // whose advice it maps to
	Acknowledged *acknowledgedView `json:"acknowledged,omitempty"`
}

type acknowledgedView struct {
	Reason string     `json:"reason"`
	By     string     `json:"by"`
	From   *time.Time `json:"from,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

func acknowledged(a *finding.Acknowledgement) *acknowledgedView {
	if a == nil {
		return nil
	}
	return &acknowledgedView{Reason: a.Reason, By: a.By, From: moment(a.From), Until: moment(a.Until)}
}

func (doc *document) findings() findingsView {
	v := findingsView{}
	for _, f := range doc.data.Findings {
		v = append(v, findingView{
			ID: f.ID(), Code: string(f.Code), Severity: string(f.Severity), Account: string(f.Account), Subject: f.Subject,
			Team: f.Team, Owner: f.Owner, Since: moment(f.Since), Title: f.Title, Evidence: f.Evidence, Do: f.Do, Command: f.Command,
			Change: f.Change, Broken: f.Broken, SafeUntil: moment(f.SafeUntil), Sources: sourcesOf(doc.kinds[f.Code]),
			Acknowledged: acknowledged(f.Acknowledged),
		})
	}
	slices.SortStableFunc(v, func(a, b findingView) int {
		return cmp.Or(
			cmp.Compare(a.rank(), b.rank()),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.Subject, b.Subject))
	})
	return v
}

// rank orders by urgency.
func (f findingView) rank() int {
	switch {
	case f.Acknowledged != nil:
		return 3
	case f.Severity == string(finding.Page):
		return 0
	case f.Severity == string(finding.Ticket):
		return 1
	}
	return 2
}

// sourcesOf names the places in documents of others.
func sourcesOf(e finding.Entry) []string {
	var names []string
	for _, a := range e.Sources {
		name := a.Document
		switch first, _, _ := strings.Cut(a.Section, " "); {
		case strings.ContainsAny(first, "0123456789"):
			name += " " + a.Section
		case a.Section != "":
			name += ": " + a.Section
		}
		if a.Analogy {
			name += " (by analogy)"
		}
		names = append(names, name)
	}
	return names
}

// urgency is the findings of one severity, for documents that people read.
type urgency struct {
	Severity string
	Title    string
	Lead     string
	Count    int
	Kinds    []kind
}

// kind is the findings of one code and severity.
type kind struct {
	Code     string
	Title    string
	Why      string
	Sources  []string
	Do       string // of all of them; empty: each has its own
	Command  string // the same
	Change   string // the same
	Common   string // what was seen of all of them
	Findings []findingView
}

// urgencies groups findings for people; of acknowledged ones the inventory tells.
func (doc *document) urgencies() []urgency {
	all := []urgency{
		{Severity: string(finding.Page), Title: "Now", Lead: "A reader fails or soon will, a foreign key appeared, or the response to a leak stalled."},
		{Severity: string(finding.Ticket), Title: "In working hours", Lead: "Somebody has to act; nothing breaks before the date that is given."},
		{Severity: string(finding.Report), Title: "Worth knowing", Lead: "Advice that is not followed, and what could not be judged."},
	}
	for i := range all {
		u := &all[i]
		for _, f := range doc.Findings {
			if f.rank() != i {
				continue
			}
			u.Count++
			if n := len(u.Kinds); n == 0 || u.Kinds[n-1].Code != f.Code {
				e := doc.kinds[finding.Code(f.Code)]
				u.Kinds = append(u.Kinds, kind{
					Code: f.Code, Title: cmp.Or(e.Title, plain(f.Code)), Why: e.Why, Sources: f.Sources,
				})
			}
			k := &u.Kinds[len(u.Kinds)-1]
			k.Findings = append(k.Findings, f)
		}
		for n := range u.Kinds {
			u.Kinds[n].share(doc.kinds[finding.Code(u.Kinds[n].Code)])
		}
	}
	return slices.DeleteFunc(all, func(u urgency) bool { return u.Count == 0 })
}

// share moves what all findings of a kind say to the kind, so that it is read
// once.
func (k *kind) share(e finding.Entry) {
	all := k.Findings
	if len(all) < 2 {
		return
	}
	for i := range all {
		if all[i].Account != "" {
			all[i].Command = strings.ReplaceAll(all[i].Command, all[i].Account, anAccount)
		}
	}
	k.Do = shared(all, e.Do, func(f *findingView) *string { return &f.Do })
	k.Change = shared(all, "", func(f *findingView) *string { return &f.Change })
	k.Command = shared(all, "", func(f *findingView) *string { return &f.Command })
	for i := range all {
		all[i].Command = strings.ReplaceAll(all[i].Command, anAccount, all[i].Account)
	}
	if all[0].Account != "" {
		shared(all, "", func(f *findingView) *string { return &f.Title }) // the kind has a title
	}
	evidence := make([]*[]string, 0, len(all))
	for i := range all {
		evidence = append(evidence, &all[i].Evidence)
	}
	k.Common = common(evidence)
}

// common takes the lines that all have out of each, and says them once.
func common(all []*[]string) string {
	if len(all) < 2 {
		return ""
	}
	var same []string
	for _, words := range *all[0] {
		if !slices.ContainsFunc(all, func(lines *[]string) bool { return !slices.Contains(*lines, words) }) {
			same = append(same, words)
		}
	}
	for _, lines := range all {
		*lines = slices.DeleteFunc(slices.Clone(*lines), func(words string) bool { return slices.Contains(same, words) })
	}
	if len(same) == 0 {
		return ""
	}
	return "All of them: " + strings.Join(same, "; ") + "."
}

// anAccount stands for the name of any account in a command.
const anAccount = "ACCOUNT"

// shared takes a text out of findings: what all of them say, or else what their
// kind says as a rule.
func shared(all []findingView, rule string, of func(*findingView) *string) string {
	text := *of(&all[0])
	for i := range all {
		if *of(&all[i]) != text {
			text = rule
			break
		}
	}
	for i := range all {
		if own := of(&all[i]); *own == text {
			*own = ""
		}
	}
	return text
}

// acknowledgedFindings are the exceptions.
func (doc *document) acknowledgedFindings() []findingView {
	var some []findingView
	for _, f := range doc.findings() {
		if f.Acknowledged != nil {
			some = append(some, f)
		}
	}
	return some
}

// plain makes words of a code.
func plain(code string) string { return strings.ReplaceAll(code, "_", " ") }

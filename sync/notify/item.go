package notify

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
)

// Item is a finding as it is told. Its names in JSON are what webhooks are sent
// and what waits in the ledger: they never change.
type Item struct {
	ID           string           `json:"id"` // see finding.Finding.ID
	Code         finding.Code     `json:"code"`
	Severity     finding.Severity `json:"severity"`
	Subject      string           `json:"subject,omitempty"`
	Account      string           `json:"account,omitempty"`
	Team         string           `json:"team,omitempty"`
	Owner        string           `json:"owner,omitempty"`
	Since        time.Time        `json:"since,omitzero"`
	Title        string           `json:"title"`
	Evidence     []string         `json:"evidence,omitempty"`
	Do           string           `json:"do,omitempty"`
	Command      string           `json:"command,omitempty"`
	Change       string           `json:"change,omitempty"`
	Broken       string           `json:"broken,omitempty"`    // what does not work now; empty: nothing
	SafeUntil    time.Time        `json:"safe_until,omitzero"` // when something breaks if nobody acts
	Runbook      string           `json:"runbook,omitempty"`   // where its page is
	Acknowledged *Acknowledgement `json:"acknowledged,omitempty"`
}

// Acknowledgement is a person's word that a finding is known.
type Acknowledgement struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
}

// item returns a finding as it is told.
func (n *Notifier) item(f finding.Finding) Item {
	i := Item{
		ID: f.ID(), Code: f.Code, Severity: f.Severity, Subject: f.Subject, Account: string(f.Account), Team: f.Team, Owner: f.Owner,
		Since: utc(f.Since), Title: f.Title, Evidence: f.Evidence, Do: f.Do, Command: f.Command, Change: f.Change,
		Broken: f.Broken, SafeUntil: utc(f.SafeUntil), Runbook: n.page(f.Code),
	}
	if a := f.Acknowledged; a != nil {
		i.Acknowledged = &Acknowledgement{utc(a.Until), a.Reason, a.By}
	}
	return i
}

// page returns where people read about a kind of finding.
func (n *Notifier) page(c finding.Code) string { return n.Runbook + "#" + string(c) }

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// short is what is needed to say what became of it.
func (i Item) short() Item {
	return Item{
		ID: i.ID, Code: i.Code, Severity: i.Severity, Subject: i.Subject, Account: i.Account, Team: i.Team, Owner: i.Owner,
		Since: i.Since, Title: i.Title, Broken: i.Broken, SafeUntil: i.SafeUntil, Runbook: i.Runbook,
	}
}

// sortItems puts the most urgent first.
func sortItems(all []Item) {
	slices.SortStableFunc(all, func(a, b Item) int { return urgency(a, b) })
}

func urgency(a, b Item) int {
	return cmp.Or(
		cmp.Compare(rank(a.Severity), rank(b.Severity)),
		cmp.Compare(unbroken(a), unbroken(b)),
		cmp.Compare(deadline(a), deadline(b)),
		cmp.Compare(a.Account, b.Account),
		cmp.Compare(a.ID, b.ID),
	)
}

func rank(s finding.Severity) int {
	if i := slices.Index(severities(), s); i >= 0 {
		return i
	}
	return len(severities())
}

// severities are all there are, the most urgent first.
func severities() []finding.Severity {
	return []finding.Severity{finding.Page, finding.Ticket, finding.Report}
}

func unbroken(i Item) int {
	if i.Broken != "" {
		return 0
	}
	return 1
}

func deadline(i Item) int64 {
	if i.SafeUntil.IsZero() {
		return 1<<63 - 1
	}
	return i.SafeUntil.Unix()
}

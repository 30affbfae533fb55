// Package finding says what a person should know: accounts that nobody uses, keys
// that are late, what goes against the platform's own advice. It is pure: Find
// folds what is wanted, on record, observed and known of use into findings, and
// now is an argument.
//
// Every kind of finding has an entry in the catalogue (Catalogue): a stable code,
// how urgent it is, where the advice comes from, and what to do. The runbook,
// deploy/RUNBOOK.md, has a section for each code.
package finding

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Code is the stable name of a kind of finding, in snake_case.
type Code string

// Severity says how a finding reaches people.
type Severity string

// The severities.
const (
	// Page: a reader is failing or will before the next working morning, a
	// foreign key appeared, or the response to a leak stalled.
	Page Severity = "page"
	// Ticket: somebody must act, in working hours.
	Ticket Severity = "ticket"
	// Report: worth a line in the next report.
	Report Severity = "report"
)

// Finding is something that a person should know.
type Finding struct {
	Code     Code
	Severity Severity
	// Subject is what it is about, in one stable word beside Account: a
	// destination, a key, a store, a sink. Empty: the account as a whole.
	Subject string
	Account rotation.Ref // empty: not about an account
	Team    string
	Owner   string    // whom to contact
	Since   time.Time // since when it holds, as far as is known; zero: not known
	Title   string    // one line: what is so
	// Evidence says what was seen, a line each.
	Evidence []string
	// Do says what to do; Command is the one command to run, empty: none.
	Do      string
	Command string
	// Change are lines of configuration to write, empty: none.
	Change string
	// Broken says what does not work now, empty: nothing. SafeUntil is when
	// something will break if nobody acts; zero: nothing will, or not known.
	Broken    string
	SafeUntil time.Time
	// Acknowledged is a person's word that it is known; nil: nobody said so.
	Acknowledged *Acknowledgement
}

// ID identifies a finding over time: its code, account and subject.
func (f Finding) ID() string {
	return string(f.Code) + " " + string(f.Account) + " " + f.Subject
}

// Acknowledgement is a person's word that a finding is known. It hides it from
// messages until its end, and no longer.
type Acknowledgement struct {
	ID      int64
	Code    Code
	Account rotation.Ref
	Subject string // empty: every subject
	From    time.Time
	Until   time.Time
	Reason  string
	By      string
}

// Entry describes one kind of finding.
type Entry struct {
	Code     Code
	Severity Severity // as a rule; a finding may be more urgent
	Title    string   // what it says, in general
	Why      string   // why it matters, for the runbook
	Do       string   // what to do about it
	Sources  []Advice // whose advice it maps to; empty: our own
}

// Advice is a place in a document of others.
type Advice struct {
	Document string // such as "CIS Controls v8"
	Section  string // such as "5.3"
	Analogy  bool   // it speaks of something alike
}

package report

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Part is one part of a report.
type Part string

// The parts, in the order in which they stand in a document.
const (
	Findings  Part = "findings"  // what a person should act on
	Unused    Part = "unused"    // accounts that nobody uses, and those of which it is not known
	Inventory Part = "inventory" // which accounts there are, why, which systems use each, whom to ask
	Rotations Part = "rotations" // how keys were rotated over a period, with the head of the chain
)

// Parts returns all parts in their order.
func Parts() []Part { return []Part{Findings, Unused, Inventory, Rotations} }

// Data is all that a report is made of.
type Data struct {
	finding.Input // what is known, and the findings that were made of it
	Findings      []finding.Finding
	Checked       time.Time // as of when use and what takes calls of its own was gathered; zero: never
	// Catalogue is finding.Catalogue(): what kinds of findings mean.
	Catalogue []finding.Entry

	Zone     *time.Location // of times for people; nil: UTC
	Instance string
	Version  string // of the program
	// Unseen says, a line each, what could not be looked at.
	Unseen []string

	// From and Until bound the period of the rotation record; Until is not in it,
	// unless it is Now.
	From, Until time.Time
	// Events are those of the period, oldest first, and enough from before it to
	// say how what ended in it began.
	Events []ledger.StoredEvent
	// Describe tells an event in words.
	Describe func(rotation.Event) string
	Chain    Chain
}

// Chain is the chain of the ledger's events as it was when the report was made.
type Chain struct {
	Ledger   string // the ledger's id
	Head     ledger.Head
	Time     time.Time // of the last event; zero: there is none
	Verified bool      // it was walked from its first event, and holds
	Broken   string    // the first event that does not fit, and why; empty: none was seen
}

package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// figure is one number of the summary.
type figure struct {
	Value string
	Label string
	Now   string // what cannot wait
	Note  string
	Alarm bool // it should not be there
}

// numbers are what a reader sees first.
func (doc *document) numbers() []figure {
	s := doc.Summary
	all := []figure{{Value: number(s.Accounts), Label: plural(s.Accounts, "account") + " in the configuration", Note: doc.accountsNote()}}
	act := s.Pages + s.Tickets
	all = append(all, figure{
		Value: number(act), Label: plural(act, "finding") + " to act on",
		Now: some(s.Pages, "cannot wait"), Note: some(s.Acknowledged, "acknowledged"),
	})
	idle := s.Unused + s.NeverUsed
	all = append(all,
		figure{Value: number(idle), Label: plural(idle, "account") + " not used", Note: some(s.UsageUnknown, "unknown")},
		figure{Value: number(s.PastDue), Label: plural(s.PastDue, "key") + " past due", Note: doc.keysNote(), Alarm: s.PastDue > 0})
	return all
}

func (doc *document) accountsNote() string {
	s := doc.Summary
	return joined(some(s.Observed, "only watched"), some(s.NotManaged, "not managed"))
}

func (doc *document) keysNote() string {
	s := doc.Summary
	if s.Keys == 0 {
		return ""
	}
	return joined("of "+number(s.Keys), some(s.AgeUnknown, "of unknown age"))
}

// some prints a number that is not zero.
func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return number(n) + " " + what
}

// joined puts words that are there into one line.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// evidenceNote says what evidence of use is.
const evidenceNote = "Evidence of use is per account, not per key. Whatever could hide a use makes it unknown, never unused."

// asOf says how old the evidence is.
func (doc *document) asOf() string {
	if doc.data.Checked.IsZero() {
		return "It was not gathered yet."
	}
	return "As of " + doc.atTime(&doc.data.Checked) + "."
}

// useSection is one judgement, as a section.
type useSection struct {
	Title  string
	Lead   string
	Common string // what was seen of all of them
	Rows   []useView
}

func (doc *document) useSections() []useSection {
	var all []useSection
	for _, s := range []struct{ use, title, lead string }{
		{useUnused, "Unused", "They were used once, and have been idle for longer than they may be."},
		{useNever, "Never used", "No use was seen in all that was looked at."},
		{useUnknown, "Not known", "The evidence has holes, so nothing is said: do not take these for unused."},
	} {
		section := useSection{Title: s.title, Lead: s.lead, Rows: doc.Unused.as(s.use)}
		evidence := make([]*[]string, 0, len(section.Rows))
		for i := range section.Rows {
			evidence = append(evidence, &section.Rows[i].Evidence)
		}
		if section.Common = common(evidence); len(section.Rows) > 0 {
			all = append(all, section)
		}
	}
	return all
}

// allUsed is what is said where there is nothing to show.
func (doc *document) allUsed() string {
	if len(doc.uses) == 0 {
		return "There are no accounts."
	}
	return "Every account is used, or was delivered a short while ago."
}

func (doc *document) lastUsed(u useView) string {
	if u.LastUsed == nil {
		return "never seen"
	}
	return fmt.Sprintf("%s, %s", doc.onDate(u.LastUsed), doc.ago(u.LastUsed))
}

// notManaged marks an account that the configuration lacks.
func (u useView) notManaged() string {
	if u.Managed {
		return ""
	}
	return " (not managed)"
}

// useWords sum up a judgement.
func (doc *document) useWords(u useView) string {
	switch {
	case u.Use == useYes:
		return doc.ago(u.LastUsed)
	case u.LastUsed != nil:
		return u.Use + ", " + doc.ago(u.LastUsed)
	}
	return u.Use
}

// managedWords compare what is managed with all there is.
func (doc *document) managedWords() string {
	s := doc.Summary
	if s.Accounts == 0 && s.AtPlatform == 0 {
		return "There are no accounts."
	}
	words := count(s.Accounts, "account") + " in the configuration"
	if s.AtPlatform > 0 {
		words += fmt.Sprintf("; the platform lists %s, of which %s managed", count(s.AtPlatform, "service account"), notManagedCount(s.NotManaged))
	}
	return words + "."
}

func notManagedCount(n int) string {
	switch n {
	case 0:
		return "all are"
	case 1:
		return "1 is not"
	}
	return number(n) + " are not"
}

// note says what is special about an account.
func (a accountView) note() string {
	var notes []string
	if a.Scope != string(rotation.ScopeTeam) {
		notes = append(notes, a.Scope+" scope"+prefixed(": ", a.Reason))
	}
	if a.Scope == string(rotation.ScopeExternal) {
		notes = []string{"external"}
	} else if a.Manage == "observe" {
		notes = append(notes, "only watched")
	}
	switch {
	case a.State == string(rotation.Active):
	case !a.off:
		notes = append(notes, "to be "+a.State)
	default:
		notes = append(notes, a.State)
	}
	return strings.Join(notes, ", ")
}

// keyWords sum up a key.
func (doc *document) keyWords(a accountView) string {
	switch {
	case a.Scope == string(rotation.ScopeExternal):
		return "none: it signs in with a JWT"
	case a.Key == "":
		return "none on record"
	case a.Issued == nil:
		return "of unknown age"
	}
	return "made " + doc.onDate(a.Issued) + prefixed(", ", doc.dueWords(a))
}

func (doc *document) dueWords(a accountView) string {
	switch {
	case a.Due == nil:
		return "replaced on request"
	case a.key.share > 1:
		return "due since " + doc.onDate(a.Due)
	}
	return "due " + doc.onDate(a.Due)
}

// period says of which time the record is.
func (doc *document) period() string {
	return "From " + doc.atTime(&doc.Rotations.From) + " to " + doc.atTime(&doc.Rotations.Until) + "."
}

// sums say in one line what happened.
func (v rotationsView) sums() string {
	words := []string{count(v.Issued, "key") + " issued", number(v.Deleted) + " old " + plural(v.Deleted, "key") + " deleted"}
	for _, s := range []struct {
		n    int
		what string
	}{
		{v.Taken, "adopted"}, {v.Returned, "offered again"}, {v.Failed, plural(v.Failed, "creation") + " failed"},
		{v.Parked, plural(v.Parked, "time") + " parked"}, {v.Leaks, plural(v.Leaks, "emergency")},
	} {
		if s.n > 0 {
			words = append(words, number(s.n)+" "+s.what)
		}
	}
	return strings.Replace(strings.Join(words, ", "), "emergencys", "emergencies", 1) + "."
}

// Words say why a key was offered.
func (r rotationView) Words() string {
	switch {
	case r.Why == "" && r.How == "issued":
		return ""
	case r.How == "issued":
		return r.Why + prefixed(", by ", r.By)
	}
	return r.How + prefixed(": ", r.Why)
}

func (doc *document) deletions(r rotationView, between string) string {
	var all []string
	for _, k := range r.Deleted {
		words := doc.atTime(&k.Time)
		if k.How != "deleted" {
			words += ", by someone else"
		}
		all = append(all, words)
	}
	return strings.Join(all, between)
}

// words say what the head proves.
func (c chainView) words() string {
	switch {
	case c.Seq == 0:
		return "Nothing is on record yet."
	case c.Broken != "":
		return "The chain of events does not hold: " + c.Broken + ". This record may have been changed since it was made."
	case c.Verified:
		return fmt.Sprintf("The chain of %s was walked from its beginning when this report was made, and is unbroken. "+
			"Keep this page: the command proves later that nothing up to event %d was changed since.", count(int(c.Seq), "event"), c.Seq)
	}
	return fmt.Sprintf("Keep this page: the command proves later that nothing up to event %d was changed since.", c.Seq)
}

// Headline sums a report up in a few lines of plain text, for a message that
// carries or links it.
func Headline(d Data) []string {
	doc := newDocument(d, nil)
	var all []string
	for _, n := range doc.numbers() {
		all = append(all, n.String())
	}
	return all
}

// String is the figure in a line of plain text.
func (n figure) String() string { return joined(n.Value+" "+n.Label, n.Now, n.Note) }

// quoted takes a text of ours apart at its backquotes: every second part was
// between two of them.
func quoted(s string) []string {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 { // one stands alone
		return []string{s}
	}
	return parts
}

// threshold is after how long all accounts are called unused; 0: it differs.
func (doc *document) threshold() time.Duration {
	var same time.Duration
	for i, a := range doc.data.Accounts {
		if i > 0 && a.UnusedAfter != same {
			return 0
		}
		same = a.UnusedAfter
	}
	return same
}

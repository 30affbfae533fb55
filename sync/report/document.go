package report

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
)

// document is the model that every format is written from.
type document struct {
	documentView
	data  Data
	kinds map[finding.Code]finding.Entry
	uses  []useView // of all accounts, by how long ago
	keys  []keyAge
}

// documentView is the document for programs, and a promise to them:
// cmd/keyrota/OUTPUT.md describes each field, and a field is added, never removed
// or given another meaning.
type documentView struct {
	Instance  string         `json:"instance"`
	Made      time.Time      `json:"made"`
	Version   string         `json:"version"`
	Parts     []Part         `json:"parts"`
	Summary   summaryView    `json:"summary"`
	Unseen    []string       `json:"unseen,omitempty"`  // what could not be looked at
	Findings  findingsView   `json:"findings,omitzero"` // nil: the part was not asked for
	Unused    unusedView     `json:"unused,omitzero"`
	Inventory *inventoryView `json:"inventory,omitempty"`
	Rotations *rotationsView `json:"rotations,omitempty"`
}

// summaryView counts what there is.
type summaryView struct {
	Accounts     int `json:"accounts"`      // of the configuration
	Observed     int `json:"observed"`      // of them: watched, and not rotated
	AtPlatform   int `json:"at_platform"`   // service accounts that the platform lists
	NotManaged   int `json:"not_managed"`   // of them: not in the configuration
	Unused       int `json:"unused"`        // used once, and not for long
	NeverUsed    int `json:"never_used"`    // since they were delivered
	UsageUnknown int `json:"usage_unknown"` // whatever could be seen does not tell
	Pages        int `json:"pages"`         // findings, without those that are acknowledged
	Tickets      int `json:"tickets"`
	Reports      int `json:"reports"`
	Acknowledged int `json:"acknowledged"`
	Keys         int `json:"keys"`     // that readers should have
	PastDue      int `json:"past_due"` // of them: to be replaced by now
	AgeUnknown   int `json:"age_unknown"`
}

func newDocument(d Data, parts []Part) *document {
	doc := &document{
		documentView: documentView{Instance: d.Instance, Made: d.Now.UTC(), Version: d.Version, Unseen: d.Unseen},
		data:         d, kinds: map[finding.Code]finding.Entry{},
	}
	for _, e := range d.Catalogue {
		doc.kinds[e.Code] = e
	}
	doc.uses, doc.keys = d.used(), d.keyAges()
	if d.Checked.IsZero() && len(d.Accounts) > 0 {
		doc.Unseen = append(slices.Clone(doc.Unseen), neverGathered)
	} else if unlisted := d.unlisted(); unlisted != "" {
		doc.Unseen = append(slices.Clone(doc.Unseen), unlisted)
	}
	doc.Summary = doc.summary()
	for _, p := range Parts() {
		if !slices.Contains(parts, p) {
			continue
		}
		doc.Parts = append(doc.Parts, p)
		switch p {
		case Findings:
			doc.Findings = doc.findings()
		case Unused:
			doc.Unused = doc.unused()
		case Inventory:
			doc.Inventory = doc.inventory()
		case Rotations:
			doc.Rotations = doc.rotations()
		}
	}
	return doc
}

const neverGathered = "Who uses what, and which accounts there are besides, was never gathered: `keyrota observe` does, and so does the daemon."

func (doc *document) summary() summaryView {
	d := doc.data
	s := summaryView{
		Accounts: len(d.Accounts), AtPlatform: d.atPlatform(), NotManaged: len(d.Unmanaged()), Keys: len(doc.keys),
	}
	for _, a := range d.Accounts {
		if a.Spec.Policy.Observe {
			s.Observed++
		}
	}
	for _, u := range doc.uses {
		switch u.Use {
		case useUnused:
			s.Unused++
		case useNever:
			s.NeverUsed++
		case useUnknown:
			s.UsageUnknown++
		}
	}
	for _, f := range d.Findings {
		switch {
		case f.Acknowledged != nil:
			s.Acknowledged++
		case f.Severity == finding.Page:
			s.Pages++
		case f.Severity == finding.Ticket:
			s.Tickets++
		default:
			s.Reports++
		}
	}
	for _, k := range doc.keys {
		switch {
		case k.issued.IsZero():
			s.AgeUnknown++
		case k.share > 1:
			s.PastDue++
		}
	}
	return s
}

// json writes the document for programs.
func (doc *document) json() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(doc.documentView)
	return text.Bytes(), err
}

// atPlatform counts the service accounts that the platform lists. It may list one
// more than once, and people too where it does not say what is one.
func (d Data) atPlatform() int {
	ids, wanted := map[rotation.AccountID]bool{}, map[rotation.AccountID]bool{}
	for _, a := range d.Accounts {
		wanted[a.Record.Account] = true
	}
	for _, p := range d.Platform {
		if p.Account.Scope != "" || wanted[p.Account.ID] {
			ids[p.Account.ID] = true
		}
	}
	return len(ids)
}

// unlisted says of which teams of the configuration the platform's accounts are
// not known.
func (d Data) unlisted() string {
	var teams []string
	for _, a := range d.Accounts {
		team := teamOf(a)
		if !d.Listed[team] && !slices.Contains(teams, team) {
			teams = append(teams, team)
		}
	}
	if len(teams) == 0 {
		return ""
	}
	slices.Sort(teams)
	names := ""
	for i, t := range teams {
		if t == "" {
			t = "the organization"
		}
		if i > 0 {
			names += ", "
		}
		names += t
	}
	return "Which service accounts the platform has besides these is not known of " + names + ": they were not listed, or not completely."
}

// teamOf is the team whose listing shows an account: "" for one of
// organization scope.
func teamOf(a finding.Account) string {
	if a.Spec.Account.Scope == rotation.ScopeOrganization {
		return ""
	}
	return a.Spec.Account.Team
}

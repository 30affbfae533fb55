package report

import (
	"bytes"
	_ "embed" // the page and its style
	"html/template"
	"slices"
	"strings"
	"time"
)

//go:embed page.html
var pageTemplate string

//go:embed page.css
var pageStyle string

// html writes the document as one page that loads nothing and runs nothing.
func (doc *document) html() ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"date":    doc.onDate,
		"time":    doc.atTime,
		"ago":     doc.ago,
		"number":  number,
		"soft":    soft,
		"rich":    func(s string) template.HTML { return rich(doc.dated(s)) },
		"key":     doc.keyWords,
		"due":     doc.dueWords,
		"use":     doc.useWords,
		"has":     func(p Part) bool { return slices.Contains(doc.Parts, p) },
		"ref":     splitRef,
		"spark":   func(u useView) template.HTML { return drawing(sparkline(u.weeks)) },
		"at":      func(t time.Time) string { return doc.atTime(&t) },
		"day":     func(t time.Time) string { return doc.onDate(&t) },
		"hour":    func(t time.Time) string { return doc.date(t).Format("15:04 MST") },
		"pastDue": func(a accountView) bool { return a.key.share > 1 },
	}).Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	p := htmlPage{
		document: doc, Style: template.CSS(pageStyle), //nolint:gosec // our own style sheet
		Figures: doc.numbers(), EvidenceNote: evidenceNote + " " + doc.asOf(), AllUsed: doc.allUsed(), Managed: doc.managedWords(),
	}
	if doc.Findings != nil {
		p.Urgencies = doc.urgencies()
	}
	if doc.Unused != nil {
		p.Sections = doc.useSections()
		p.UseChart, p.UseTitle = drawing(doc.chartUse()), "Use of each account by week"
		if n := doc.bundle(); n > 1 {
			p.UseTitle = "Use by week, a row for each " + number(n) + " accounts"
		}
	}
	if doc.Inventory != nil {
		p.Teams = doc.teams()
	}
	if r := doc.Rotations; r != nil {
		p.Sums, p.Period, p.Proof = r.sums(), doc.period(), r.Chain.words()
	}
	if doc.Rotations != nil || doc.Inventory != nil {
		p.AgesChart = drawing(chartAges(doc.keys))
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

// htmlPage is what the page is made of besides the document.
type htmlPage struct {
	*document
	Style        template.CSS
	Figures      []figure
	Urgencies    []urgency
	EvidenceNote string
	AllUsed      string
	Sections     []useSection
	UseTitle     string
	UseChart     template.HTML
	Managed      string
	Teams        []team
	AgesChart    template.HTML
	Sums         string
	Period       string
	Proof        string
}

// rich sets what stands between backquotes as code.
func rich(s string) template.HTML {
	var b strings.Builder
	for i, part := range quoted(s) {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) //nolint:gosec // every part is escaped
}

// soft lets a long name break after its punctuation.
func soft(s string) template.HTML {
	safe := template.HTMLEscapeString(s)
	safe = strings.NewReplacer("/", "/<wbr>", "@", "@<wbr>", "#", "#<wbr>", ":", ":<wbr>").Replace(safe)
	return template.HTML(safe) //nolint:gosec // escaped, and only our own element added
}

// drawing is a chart, in which all text of others is escaped.
func drawing(svg string) template.HTML { return template.HTML(svg) } //nolint:gosec // see chart_ages.go and chart_use.go

// team is the accounts of one team.
type team struct {
	Name     string
	Accounts []accountView
}

func (doc *document) teams() []team {
	var all []team
	for _, a := range doc.Inventory.Accounts {
		if n := len(all); n == 0 || all[n-1].Accounts[0].Team != a.Team {
			name := a.Team
			if name == "" {
				name = "Organization"
			}
			all = append(all, team{Name: name})
		}
		t := &all[len(all)-1]
		t.Accounts = append(t.Accounts, a)
	}
	return all
}

// refParts is an account's name in two: what it belongs to, and its own.
type refParts struct{ Team, Name string }

func splitRef(ref string) refParts {
	i := strings.LastIndex(ref, "/")
	return refParts{ref[:i+1], ref[i+1:]}
}

// Note is shown beneath an account's name.
func (a accountView) Note() string { return a.note() }

// Name is the account's own name.
func (a accountView) Name() string { return a.name }

// Used is how the account is used.
func (a accountView) Used() useView { return a.used }

// Used is how the account is used.
func (a unmanagedView) Used() useView { return a.used }

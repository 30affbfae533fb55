package config

import (
	"fmt"
	"slices"
)

// ReportSchedule is a report that is made by itself.
type ReportSchedule struct {
	Name     string
	Schedule Schedule // a cron expression
	Parts    []string // unused, findings, inventory, rotations; empty: all
	Sinks    []string // who is told, with the report attached or its top and where it is
	Dir      string   // a directory that it is written to; empty: none
	Formats  []string // html, markdown, csv, json
	Link     string   // where people find what is in Dir, as an address; empty: not said
	Pos      Position
}

// writtenReport is a report that is made by itself, as written.
type writtenReport struct {
	// Name of the report, which its files begin with.
	Name string `yaml:"name" keyrota:"required"`
	// Cron is when it is made: five fields and a time zone, like 0 8 * * Mon Europe/Berlin.
	Cron *cronExpression `yaml:"cron" keyrota:"required"`
	// Parts are what is in it: unused, findings, inventory, rotations; all when left out.
	Parts []reportPart `yaml:"parts"`
	// To are the names of the sinks that are told of it.
	To []string `yaml:"to"`
	// Dir is a directory that it is written to.
	Dir string `yaml:"dir" keyrota:"path"`
	// Formats are html, markdown, csv and json; html when left out.
	Formats []reportFormat `yaml:"formats"`
	// Link is where people find what is in dir, like https://reports.example/keyrota/.
	Link string `yaml:"link"`
}

type reportPart string

// Values lists all values.
func (reportPart) Values() []string { return []string{"unused", "findings", "inventory", "rotations"} }

type reportFormat string

// Values lists all values.
func (reportFormat) Values() []string { return []string{"html", "markdown", "csv", "json"} }

// reports settles which reports are made by themselves.
func (r resolver) reports(c *Config) []ReportSchedule {
	var all []ReportSchedule
	taken := map[string]bool{}
	for i := range r.doc.Reports {
		w, at := &r.doc.Reports[i], fmt.Sprintf("reports[%d]", i)
		s := ReportSchedule{
			Name: w.Name, Schedule: valueOr(w.Cron, cronExpression{}).Schedule, Sinks: w.To, Dir: w.Dir, Link: w.Link, Pos: r.position(at),
		}
		for _, p := range w.Parts {
			s.Parts = append(s.Parts, string(p))
		}
		for _, f := range w.Formats {
			s.Formats = append(s.Formats, string(f))
		}
		if len(s.Formats) == 0 {
			s.Formats = []string{"html"}
		}
		r.checkSinks(at+".to", w.To)
		r.checkLink(at+".link", w.Link)
		switch {
		case w.Name == "": // told as missing
		case !storeName.MatchString(w.Name) || !speakable(w.Name):
			r.errorAt(at+".name", "not a name for a report", "write lower case letters, digits, - and _")
		case taken[w.Name]:
			r.errorAt(at+".name", "two reports have one name", "give each a name of its own")
		}
		taken[w.Name] = true
		switch {
		case w.Dir == "" && r.nodes[at+".to"] == nil:
			r.errorAt(at, "the report goes nowhere", "add to: with the names of sinks, or dir:")
		case w.Link != "" && w.Dir == "":
			r.errorAt(at+".link", "a link is to what is in dir", "add dir:, or remove the line")
		}
		for j, name := range w.To {
			if slices.ContainsFunc(c.Sinks, func(s Sink) bool { return s.Name == name && s.PagerDuty != nil }) {
				r.errorAt(fmt.Sprintf("%s.to[%d]", at, j), "PagerDuty takes incidents, not reports", "write another sink")
			}
		}
		all = append(all, s)
	}
	return all
}

package notify

import (
	"strings"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
)

// emailPage is what the templates of a mail show.
type emailPage struct {
	Title    string
	Instance string
	Standing string
	Sample   bool
	Alerts   []emailAlert
	More     int      // alerts that are not shown
	Others   string   // what they are
	Named    []string // the first of them
	Link     string   // where the whole report is
	Attached []string
	Omitted  []string // files that the server did not take
	Lists    []emailList
	Reports  []Report
	At       time.Time
}

// emailAlert is one finding.
type emailAlert struct {
	alert
	Color  string // of its label, by severity
	Titled bool   // its title is not that of the mail
	Where  string
	Broken string // what is broken now
	Safe   string // until when it is safe; empty: it is not
	Page   string // address of the runbook's page; empty: it has none
}

type emailList struct {
	Title string
	Lines []string
}

// mostNamed is how many findings a mail names that it does not show.
const mostNamed = 50

func (e *Email) page(d digest) emailPage {
	p := emailPage{Title: d.headline(), Instance: e.o.Instance, Standing: d.standing(), Sample: d.Sample, Reports: d.Reports, Link: d.Link, At: d.Until}
	alerts := d.Alerts()
	if len(alerts) > mostShown {
		rest := alerts[mostShown:]
		alerts, p.More, p.Others = alerts[:mostShown], len(rest), others(rest)
		for _, a := range rest[:min(len(rest), mostNamed)] {
			p.Named = append(p.Named, a.full())
		}
	}
	for _, a := range alerts {
		one := emailAlertOf(a)
		one.Titled = a.full() != p.Title
		p.Alerts = append(p.Alerts, one)
	}
	for _, f := range d.Files {
		p.Attached = append(p.Attached, f.Name)
	}
	var events []string
	for _, event := range d.Events {
		events = append(events, event.sentence())
	}
	for _, l := range []emailList{
		{"Over", over(d.Healed)}, {"Came and went while nobody could be told", cameAndWent(d.Passed, clock)},
		{"Acknowledged", known(d.Acknowledged, clock)}, {"What happened", events},
	} {
		if len(l.Lines) > 0 {
			p.Lists = append(p.Lists, l)
		}
	}
	return p
}

func emailAlertOf(i alert) emailAlert {
	a := emailAlert{
		alert: i, Color: severityColor(i.Severity), Broken: i.brokenNow(), Safe: i.safeUntil(clock),
		Where: strings.Join(i.where(func(t time.Time) string { return t.UTC().Format("2 Jan 2006") }), " · "),
	}
	if openable(i.Runbook) {
		a.Page = i.Runbook
	}
	return a
}

// severityColor is dark enough for white letters on it.
func severityColor(s finding.Severity) string {
	switch s {
	case finding.Page:
		return "#b42318"
	case finding.Ticket:
		return "#9a6700"
	}
	return "#475467"
}

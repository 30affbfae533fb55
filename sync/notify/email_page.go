package notify

import (
	"strings"
	"time"
)

// emailPage is what the templates of a mail show.
type emailPage struct {
	Title    string
	Instance string
	Standing string
	Sample   bool
	Alerts   []emailAlert
	More     int    // alerts that are not shown
	Others   string // what they are
	Attached []string
	Lists    []emailList
	Reports  []Report
	At       time.Time
}

// emailAlert is one finding.
type emailAlert struct {
	Item
	Label  string // how urgent
	Color  string // of the label, by severity
	News   string // why it is told
	Where  string
	Broken string // what is broken now
	Safe   string // until when it is safe; empty: it is not
	Page   string // address of the runbook's page; empty: it has none
}

type emailList struct {
	Title string
	Lines []string
}

func (e *Email) page(d Digest) emailPage {
	p := emailPage{Title: d.headline(), Instance: e.o.Instance, Standing: d.standing(), Sample: d.Sample, Reports: d.Reports, At: d.Until}
	for _, group := range []struct {
		news  string
		items []Item
	}{{"new", d.Raised}, {"changed", d.Changed}, {"still there", d.Reminded}} {
		for _, i := range group.items {
			p.Alerts = append(p.Alerts, emailAlertOf(i, group.news))
		}
	}
	if len(p.Alerts) > mostShown {
		rest := d.Alerts()[mostShown:]
		p.Alerts, p.More, p.Others = p.Alerts[:mostShown], len(rest), others(rest)
	}
	for _, f := range d.Files {
		p.Attached = append(p.Attached, f.Name)
	}
	var events []string
	for _, event := range d.Events {
		events = append(events, event.sentence())
	}
	for _, l := range []emailList{
		{"Over", over(d.Healed)}, {"Came and went while nobody could be told", passed(d.Passed, clock)},
		{"Acknowledged", known(d.Acknowledged, clock)}, {"What happened", events},
	} {
		if len(l.Lines) > 0 {
			p.Lists = append(p.Lists, l)
		}
	}
	return p
}

func emailAlertOf(i Item, news string) emailAlert {
	a := emailAlert{
		Item: i, Label: string(i.Severity), Color: severityColor(i), News: news, Broken: i.brokenNow(), Safe: i.safeUntil(clock),
		Where: strings.Join(i.where(func(t time.Time) string { return t.UTC().Format("2 Jan 2006") }), " · "),
	}
	if strings.HasPrefix(i.Runbook, "https://") || strings.HasPrefix(i.Runbook, "http://") {
		a.Page = i.Runbook
	}
	return a
}

// severityColor is dark enough for white letters on it.
func severityColor(i Item) string {
	switch rank(i.Severity) {
	case 0:
		return "#b42318"
	case 1:
		return "#9a6700"
	}
	return "#475467"
}

package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
)

// mostShown is how many findings a message shows in full.
const mostShown = 10

// clock writes a time as people read it where nothing knows their time zone.
func clock(t time.Time) string { return t.UTC().Format("Mon 2 Jan 2006 15:04 MST") }

// brokenNow answers whether anything is broken now.
func (i Item) brokenNow() string {
	if i.Broken == "" {
		return "nothing"
	}
	return i.Broken
}

// safeUntil answers until when it is safe. It is empty of what is broken already
// and gets no worse.
func (i Item) safeUntil(clock func(time.Time) string) string {
	switch {
	case !i.SafeUntil.IsZero():
		return clock(i.SafeUntil)
	case i.Broken != "":
		return ""
	}
	return "as far as is known, nothing breaks by itself"
}

// where says what it is about and whom it concerns, in parts.
func (i Item) where(day func(time.Time) string) []string {
	var parts []string
	if i.Account != "" {
		parts = append(parts, i.Account)
	}
	if i.Subject != "" {
		parts = append(parts, i.Subject)
	}
	if i.Owner != "" {
		parts = append(parts, "owner "+i.Owner)
	}
	if !i.Since.IsZero() {
		parts = append(parts, "since "+day(i.Since))
	}
	return parts
}

// headline says in a line what a message is about.
func (d digest) headline() string {
	var parts []string
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	alerts := d.Alerts()
	if len(alerts) == 1 && len(d.Passed)+len(d.Healed)+len(d.Acknowledged) == 0 {
		parts = append(parts, alerts[0].full())
	} else {
		add(len(d.Raised), "new finding", "new findings")
		add(len(d.Changed), "changed", "changed")
		add(len(d.Reminded), "still there", "still there")
	}
	if len(d.Healed) == 1 && len(alerts) == 0 {
		parts = append(parts, "Over: "+d.Healed[0].full())
	} else {
		add(len(d.Healed), "over", "over")
	}
	add(len(d.Passed), "came and went", "came and went")
	add(len(d.Acknowledged), "acknowledged", "acknowledged")
	for _, r := range d.Reports {
		parts = append(parts, r.Title)
	}
	if len(d.Events) == 1 {
		parts = append(parts, d.Events[0].sentence())
	} else {
		add(len(d.Events), "event", "events")
	}
	line := strings.Join(parts, ", ")
	if d.Sample {
		line = "Test: " + line
	}
	return line
}

// sentence tells an event in a line.
func (e Event) sentence() string {
	if e.Account == "" {
		return e.Text
	}
	return e.Account + ": " + e.Text
}

// standing says what is open after it; empty: it is not about findings.
func (d digest) standing() string {
	switch {
	case d.Open == nil || d.Sample:
		return ""
	case d.Open.Total() == 0:
		return "nothing is open"
	}
	var parts []string
	for _, c := range []struct {
		n         int
		one, many string
	}{{d.Open.Page, "page", "pages"}, {d.Open.Ticket, "ticket", "tickets"}, {d.Open.Report, "for the report", "for the report"}} {
		switch {
		case c.n == 1:
			parts = append(parts, "1 "+c.one)
		case c.n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.many))
		}
	}
	return "open now: " + strings.Join(parts, ", ")
}

// others counts what is not shown, by code, the most urgent first.
func others(items []alert) string {
	var order []finding.Code
	counts := map[finding.Code]int{}
	for _, i := range items {
		if counts[i.Code] == 0 {
			order = append(order, i.Code)
		}
		counts[i.Code]++
	}
	parts := make([]string, 0, len(order))
	for _, code := range order {
		parts = append(parts, fmt.Sprintf("%d %s", counts[code], code))
	}
	return strings.Join(parts, ", ")
}

// full is the title with the account.
func (i Item) full() string {
	if strings.Contains(i.Title, i.Account) {
		return i.Title
	}
	return i.Title + " (" + i.Account + ")"
}

// words tells in a line of one that came and went.
func (p passed) words(clock func(time.Time) string) string {
	return fmt.Sprintf("%s, from %s to %s", p.Item.full(), clock(p.From), clock(p.Until))
}

// known tells in a line of one that a person knows of.
func (i Item) known(clock func(time.Time) string) string {
	a := i.Acknowledged
	if a == nil {
		return i.full()
	}
	s := i.full() + "; known"
	if a.By != "" {
		s += " to " + a.By
	}
	s += " until " + clock(a.Until)
	if a.Reason != "" {
		s += ", " + a.Reason
	}
	return s
}

// clip bounds a text, in characters.
func clip(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return strings.TrimRight(string(runes[:most-1]), " ") + "…"
}

package report

import (
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

// Whatever is late stands right of the line, and nothing else does: also a key
// that is due this minute, and one that is ten times as old as it may be.
func TestAgesOnTheRightSideOfTheLine(t *testing.T) {
	keys := []keyAge{}
	for _, share := range []float64{-0.1, 0, 0.5, 0.9999, 1, 1.0001, 1.2, 10} {
		keys = append(keys, keyAge{every: 90 * day, share: share})
	}
	rows := agesRows(keys)
	if len(rows) != 1 || rows[0].late != 3 || rows[0].keys != 8 {
		t.Fatalf("rows %+v", rows)
	}
	late := 0
	for _, n := range rows[0].bins[agesDueBin:] {
		late += n
	}
	if late != 3 {
		t.Errorf("%d keys stand right of the line, want 3", late)
	}
	for days := range 9 { // more policies than rows
		keys = append(keys, keyAge{every: time.Duration(days+1) * day, share: 0.5})
	}
	rows = agesRows(keys)
	total := 0
	for _, r := range rows {
		total += r.keys
	}
	if len(rows) != agesMost+1 || rows[agesMost].label != "other schedules" || total != len(keys) {
		t.Errorf("%d rows of %d keys, the last %q", len(rows), total, rows[len(rows)-1].label)
	}
	if got := chartAges([]keyAge{{}}); got != "" {
		t.Errorf("a key that is replaced on request has no place in the chart: %s", got)
	}
}

// A week in which nobody looked is not one without use.
func TestWeeks(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	today := usage.DayOf(now)
	d := Data{Input: finding.Input{Now: now}}
	weeks := d.weeks(usage.Evidence{
		Traces: map[usage.Source]usage.Trace{
			usage.Runs:     {Days: map[usage.Day]int{today: 3, today - 1: 1, today - 7: 1}},
			usage.AuditLog: {Days: map[usage.Day]int{today - 1: 5, today - 2: 1}},
		},
		Coverage: map[usage.Source]usage.Coverage{usage.Runs: {
			From: now.AddDate(0, 0, -34), Until: now,
			Gaps: []usage.Gap{{From: now.AddDate(0, 0, -27), Until: now.AddDate(0, 0, -14)}},
		}},
	})
	if len(weeks) != weeksShown {
		t.Fatalf("%d weeks", len(weeks))
	}
	var text strings.Builder
	for _, w := range weeks[weeksShown-6:] {
		text.WriteString([]string{"?", "0", "1", "2", "3"}[w.shade()+1])
	}
	if got, want := text.String(), "?0??12"; got != want {
		t.Errorf("the last weeks are %s, want %s", got, want)
	}
	if weeks[weeksShown-1].days != 3 { // two sources that saw one day saw one day
		t.Errorf("%d days of use in the last week, want 3", weeks[weeksShown-1].days)
	}
}

// Times in the words of others are written as those beside them, and names are
// left alone.
func TestDated(t *testing.T) {
	doc := &document{data: Data{Zone: time.FixedZone("CET", 3600)}}
	for words, want := range map[string]string{
		"frozen until 2026-08-10T00:30:00Z":  "frozen until 10 Aug 2026, 01:30 CET",
		"last use on 2026-08-10; none since": "last use on 10 Aug 2026; none since",
		"(2026-08-10)":                       "(10 Aug 2026)",
		"project eval-2026-08-10":            "project eval-2026-08-10",
		"2026-99-10":                         "2026-99-10",
	} {
		if got := doc.dated(words); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

// A row that stands for many accounts hides no use of one of them.
func TestBundledRowsHideNoUse(t *testing.T) {
	var some []useView
	for i := range 50 {
		weeks := make([]week, weeksShown)
		if i == 33 {
			weeks[7] = week{days: 1, seen: true}
		}
		some = append(some, useView{weeks: weeks})
	}
	lines := bundled(some, 20)
	if len(lines) != 3 {
		t.Fatalf("%d rows of 50 accounts, 20 in each", len(lines))
	}
	for i, line := range lines {
		if want := i == 1; (line[7].shade() == 1) != want || line[8].shade() != -1 {
			t.Errorf("row %d: week 7 is %+v, week 8 %+v", i, line[7], line[8])
		}
	}
}

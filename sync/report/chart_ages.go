package report

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

// The chart of key ages: a row for each policy, each key a square (where there
// are many, a part of a bar) at the share of its life that has passed. The line at
// which keys are due is the same for all of them, so that whatever is right of it
// is late.
const (
	agesWidth  = 960
	agesLeft   = 150.0 // of the plot
	agesDue    = 790.0 // where keys are due
	agesBin    = 10.0
	agesRow    = 74.0 // height of a row, with the room above it
	agesBar    = 52.0 // of the highest bar
	agesLeast  = 26.0 // of a row of few keys
	agesMost   = 5    // rows
	agesTop    = 22.0
	agesBottom = 22.0
)

// agesRowOf is one row of the chart.
type agesRowOf struct {
	label string
	bins  []int
	keys  int
	late  int
}

// agesDueBin is the first bin of keys that are late, agesLastBin takes all that
// are later than the chart is wide.
const (
	agesDueBin  = int((agesDue - agesLeft) / agesBin)
	agesLastBin = int((agesWidth-agesLeft)/agesBin) - 2
)

func agesRows(keys []keyAge) []agesRowOf {
	byPolicy := map[time.Duration][]keyAge{}
	for _, k := range keys {
		if k.every > 0 {
			d := k.every.Round(day)
			if k.every < 2*day {
				d = k.every
			}
			byPolicy[d] = append(byPolicy[d], k)
		}
	}
	policies := make([]time.Duration, 0, len(byPolicy))
	for p := range byPolicy {
		policies = append(policies, p)
	}
	// The policies of most keys have rows of their own, the others share one.
	slices.SortFunc(policies, func(a, b time.Duration) int {
		return cmp.Or(cmp.Compare(len(byPolicy[b]), len(byPolicy[a])), cmp.Compare(a, b))
	})
	var others []keyAge
	for len(policies) > agesMost {
		last := len(policies) - 1
		others = append(others, byPolicy[policies[last]]...)
		policies = policies[:last]
	}
	slices.Sort(policies)
	var rows []agesRowOf
	for _, p := range policies {
		rows = append(rows, newAgesRow(every(p), byPolicy[p]))
	}
	if len(others) > 0 {
		rows = append(rows, newAgesRow("other schedules", others))
	}
	return rows
}

func newAgesRow(label string, keys []keyAge) agesRowOf {
	r := agesRowOf{label: label, bins: make([]int, agesLastBin+1), keys: len(keys)}
	for _, k := range keys {
		bin := min(max(int(k.share*float64(agesDueBin)), 0), agesLastBin)
		if k.share > 1 {
			r.late++
			bin = max(bin, agesDueBin)
		} else {
			bin = min(bin, agesDueBin-1)
		}
		r.bins[bin]++
	}
	return r
}

// chartAges draws how old keys are against what their policies allow; empty where
// no key has a policy and an age.
func chartAges(keys []keyAge) string {
	rows := agesRows(keys)
	if len(rows) == 0 {
		return ""
	}
	most := 1
	for _, r := range rows {
		most = max(most, slices.Max(r.bins))
	}
	unit := min(agesBin, agesBar/float64(most))
	height := agesTop + agesRow*float64(len(rows)) + agesBottom
	if spare := agesBar - max(unit*float64(most), agesLeast); spare > 0 { // few keys: no empty rows
		height -= spare * float64(len(rows))
	}
	rowHeight := (height - agesTop - agesBottom) / float64(len(rows))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart ages" viewBox="0 0 %d %.0f" role="img" aria-label="Ages of keys against what their policies allow">`, agesWidth, height)
	fmt.Fprintf(&b, `<rect class="zone" x="%.0f" y="%.0f" width="%.0f" height="%.0f"/>`, agesDue, agesTop, agesWidth-agesDue, height-agesTop-agesBottom)
	for i, r := range rows {
		base := agesTop + rowHeight*float64(i+1) - 0.5
		fmt.Fprintf(&b, `<line class="rule" x1="0" x2="%d" y1="%.1f" y2="%.1f"/>`, agesWidth, base, base)
		fmt.Fprintf(&b, `<text class="name" x="0" y="%.1f">%s</text>`, base-20, html.EscapeString(r.label))
		fmt.Fprintf(&b, `<text class="note" x="0" y="%.1f">%s</text>`, base-6, agesNote(r))
		agesBars(&b, r, base, unit)
	}
	fmt.Fprintf(&b, `<line class="due" x1="%.1f" x2="%.1f" y1="%.0f" y2="%.1f"/>`, agesDue, agesDue, agesTop-6, height-agesBottom)
	fmt.Fprintf(&b, `<text class="due" x="%.1f" y="12" text-anchor="middle">due</text>`, agesDue)
	for _, tick := range []struct {
		share  float64
		label  string
		anchor string
	}{{0, "just made", "start"}, {0.25, "¼", "middle"}, {0.5, "half its life", "middle"}, {0.75, "¾", "middle"}} {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`,
			agesLeft+tick.share*(agesDue-agesLeft), height-6, tick.anchor, tick.label)
	}
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">past due</text></svg>`, agesWidth, height-6)
	return b.String()
}

func agesNote(r agesRowOf) string {
	note := count(r.keys, "key")
	if r.late > 0 {
		note += fmt.Sprintf(` · <tspan class="late">%s late</tspan>`, number(r.late))
	}
	return note
}

// agesBars draws the keys of one row: squares while there is room for them.
func agesBars(b *strings.Builder, r agesRowOf, base, unit float64) {
	var good, late strings.Builder
	for bin, n := range r.bins {
		if n == 0 {
			continue
		}
		to := &good
		if bin >= agesDueBin {
			to = &late
		}
		x := agesLeft + float64(bin)*agesBin + 1
		if bin >= agesDueBin {
			x++
		}
		if unit >= 5 {
			for i := range n {
				fmt.Fprintf(to, "M%.1f %.1fh%.1fv%.1fh-%.1fz", x, base-float64(i+1)*unit, agesBin-2, unit-1.5, agesBin-2)
			}
			continue
		}
		fmt.Fprintf(to, "M%.1f %.1fh%.1fv%.1fh-%.1fz", x, base-1-float64(n)*unit, agesBin-2, float64(n)*unit, agesBin-2)
	}
	if good.Len() > 0 {
		fmt.Fprintf(b, `<path class="key" d="%s"/>`, good.String())
	}
	if late.Len() > 0 {
		fmt.Fprintf(b, `<path class="key late" d="%s"/>`, late.String())
	}
}

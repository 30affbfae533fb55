package report

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"
)

// The chart of use: a row for each account, a cell for each week, the darker the
// more days it was used on. What nobody looked at is left blank, which is not the
// pale of a week without use. Rows stand by judgement, those that are used
// first, so that idle accounts make an edge.
const (
	useWidth = 960
	useCell  = 13.5
	useLeft  = useWidth - useCell*weeksShown
	useTop   = 22.0
	useNamed = 48    // accounts at most whose rows bear a name
	useRoom  = 620.0 // for all rows where there are more
	useTitle = 20.0  // between judgements, for their names
	useLines = 600   // rows at most: of more accounts each stands for several
)

// chartUse draws the use of all accounts over time; empty where there are none.
func (doc *document) chartUse() string {
	if len(doc.uses) == 0 {
		return ""
	}
	row := 14.0
	named := len(doc.uses) <= useNamed
	if !named {
		row = math.Floor(10*max(1, min(8, useRoom/float64(len(doc.uses))))) / 10 // as precise as it is written: rows touch
	}
	var rows strings.Builder
	y := useTop
	for _, what := range []struct{ use, title string }{
		{useYes, "used"}, {useNotYet, "not used yet"}, {useUnused, "unused"}, {useNever, "never used"}, {useUnknown, "not known"},
	} {
		some := doc.usesAs(what.use)
		if len(some) == 0 {
			continue
		}
		fmt.Fprintf(&rows, `<text class="name" x="0" y="%.1f">%s</text>`, y+13, what.title)
		fmt.Fprintf(&rows, `<text class="note" x="%.1f" y="%.1f" text-anchor="end">%s</text>`, useLeft-10, y+13, number(len(some)))
		if named {
			y += useTitle
		} else {
			fmt.Fprintf(&rows, `<line class="rule" x1="0" x2="%d" y1="%.1f" y2="%.1f"/>`, useWidth, y, y)
			y += 3
		}
		var cells [4]strings.Builder
		lines := bundled(some, doc.bundle())
		for i, weeks := range lines {
			top := y + float64(i)*row
			if named {
				fmt.Fprintf(&rows, `<text class="row" x="10" y="%.1f">%s</text>`, top+row-3.5, html.EscapeString(shortened(some[i].Account, 30)))
			}
			strip(&cells, weeks, useLeft, top, useCell, row, gapOf(row))
		}
		paths(&rows, cells)
		y += max(float64(len(lines))*row, 18) + 5
	}
	height := y + 16
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart use" viewBox="0 0 %d %.0f" role="img" aria-label="Use of each account by week">`, useWidth, height)
	doc.months(&b)
	b.WriteString(rows.String())
	if after := doc.threshold(); after > 0 {
		x := useWidth - useCell*float64(after)/float64(7*day)
		fmt.Fprintf(&b, `<line class="limit" x1="%.1f" x2="%.1f" y1="%.0f" y2="%.1f"/>`, x, x, useTop-4, height-14)
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%.1f" text-anchor="middle">idle for %s</text>`, x, height-3, count(int(after/day), "day"))
	}
	b.WriteString(`</svg>`)
	return b.String()
}

// bundle is how many accounts a row stands for.
func (doc *document) bundle() int { return (len(doc.uses) + useLines - 1) / useLines }

// bundled are the weeks of each so many accounts: the days that they were used on
// in the mean, rounded up, since a use that was seen is never shown as none.
func bundled(some []useView, n int) [][]week {
	var lines [][]week
	for part := range slices.Chunk(some, max(n, 1)) {
		line := make([]week, weeksShown)
		for i := range line {
			for _, u := range part {
				line[i].days += u.weeks[i].days
				line[i].seen = line[i].seen || u.weeks[i].seen
			}
			line[i].days = (line[i].days + len(part) - 1) / len(part)
		}
		lines = append(lines, line)
	}
	return lines
}

// usesAs are the accounts of one judgement, in the order of the chart.
func (doc *document) usesAs(what string) []useView {
	var some []useView
	for _, u := range doc.uses {
		if u.Use == what {
			some = append(some, u)
		}
	}
	if what == useYes { // the most used first
		slices.SortStableFunc(some, func(a, b useView) int { return cmp.Compare(b.active(), a.active()) })
	}
	return some
}

// months names the months above the weeks.
func (doc *document) months(b *strings.Builder) {
	today := doc.date(doc.data.Now)
	first := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, today.Location())
	for i := range 14 {
		month := first.AddDate(0, -i, 0)
		x := useWidth - useCell*float64(today.Sub(month))/float64(7*day)
		if x < useLeft || x > useWidth-18 {
			continue
		}
		label := month.Format("Jan")
		if month.Month() == time.January {
			label = month.Format("2006")
		}
		fmt.Fprintf(b, `<text class="tick" x="%.1f" y="12">%s</text>`, x, label)
	}
}

// gapOf is the room between rows of a height.
func gapOf(row float64) float64 {
	switch {
	case row >= 8:
		return 2
	case row >= 3:
		return 0.6
	}
	return 0
}

// strip draws the weeks of one account into the paths of their shades.
func strip(cells *[4]strings.Builder, weeks []week, x, y, cell, row, gap float64) {
	for i := 0; i < len(weeks); {
		n, shade := 1, weeks[i].shade()
		for gap == 0 && i+n < len(weeks) && weeks[i+n].shade() == shade {
			n++
		}
		if shade >= 0 {
			fmt.Fprintf(&cells[shade], "M%.1f %.1fh%.1fv%.1fh-%.1fz", x+float64(i)*cell, y, float64(n)*cell-min(gap, 1.5), row-gap, float64(n)*cell-min(gap, 1.5))
		}
		i += n
	}
}

// shade says how dark a week is drawn: 0 without use, -1 where nobody looked.
func (w week) shade() int {
	switch {
	case w.days >= 5:
		return 3
	case w.days >= 3:
		return 2
	case w.days >= 1:
		return 1
	case w.seen:
		return 0
	}
	return -1
}

func paths(b *strings.Builder, cells [4]strings.Builder) {
	for shade := range cells {
		if cells[shade].Len() > 0 {
			fmt.Fprintf(b, `<path class="u%d" d="%s"/>`, shade, cells[shade].String())
		}
	}
}

// sparkline draws the weeks of one account for a row of a table.
func sparkline(weeks []week) string {
	const cell, height = 2.0, 12.0
	var cells [4]strings.Builder
	strip(&cells, weeks, 0, 0, cell, height, 0)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" viewBox="0 0 %.0f %.0f" aria-hidden="true">`, cell*weeksShown, height)
	paths(&b, cells)
	b.WriteString(`</svg>`)
	return b.String()
}

// shortened fits a name into a column.
func shortened(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return "…" + string(r[len(r)-most+1:])
}

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// table is data for people: rows under a header. Elsewhere than on a terminal
// each row is one line and no word is lost or moved. On a terminal it fits its
// width: cells are wrapped between words, the widest column first, and where
// that does not suffice the last column goes beneath its row.
type table struct {
	indent int
	header []string
	rows   [][]string
}

// columns lays rows out under a header, as wide as the terminal.
func (a *app) columns(w io.Writer, header []string, rows [][]string) {
	table{header: header, rows: rows}.write(w, a.width())
}

const (
	gap     = 2  // between columns
	beneath = 4  // how far what goes beneath a row is indented
	least   = 24 // the last column is readable from this width on
	longest = 48 // words longer than this may stick out of the last column
)

// write lays the table out for a terminal of this width; 0: there is none.
func (t table) write(w io.Writer, width int) {
	columns, last := t.measure(), len(t.header)-1
	room := width - t.indent
	under := false
	if width > 0 && !fit(columns, room) {
		under = true
		columns = t.measure()
		fit(columns[:last], room)
	}
	beside := last + 1
	if under {
		beside = last
	}
	for _, row := range append([][]string{t.header}, t.rows...) {
		t.line(w, row[:beside], columns)
		if under && row[last] != "" {
			for _, part := range wrap(row[last], room-beneath) {
				_, _ = fmt.Fprintln(w, strings.Repeat(" ", t.indent+beneath)+part)
			}
		}
	}
}

// line writes one row, over as many lines as its cells need.
func (t table) line(w io.Writer, row []string, columns []column) {
	cells, height := make([][]string, len(row)), 1
	for i, cell := range row {
		cells[i] = wrap(cell, columns[i].width)
		height = max(height, len(cells[i]))
	}
	for n := range height {
		line := strings.Repeat(" ", t.indent)
		for i, cell := range cells {
			part := ""
			if n < len(cell) {
				part = cell[n]
			}
			line += part + strings.Repeat(" ", max(0, columns[i].width-utf8.RuneCountInString(part))+gap)
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// column is how wide a column is, and how narrow it may become.
type column struct{ width, least int }

func (t table) measure() []column {
	columns := make([]column, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			c := &columns[i]
			c.width = max(c.width, utf8.RuneCountInString(cell))
			for _, word := range strings.Fields(cell) {
				c.least = max(c.least, utf8.RuneCountInString(word))
			}
		}
	}
	c := &columns[len(columns)-1]
	c.least = min(c.width, longest, max(c.least, least))
	return columns
}

// fit narrows the widest column, again and again, until all fit the room. It
// reports whether they do.
func fit(columns []column, room int) bool {
	need := gap * (len(columns) - 1)
	for _, c := range columns {
		need += c.width
	}
	for ; need > room; need-- {
		widest := -1
		for i, c := range columns {
			if c.width > c.least && (widest < 0 || c.width > columns[widest].width) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		columns[widest].width--
	}
	return true
}

// width returns the terminal's width, and 0 where there is none.
func (a *app) width() int {
	f, ok := a.stdout.(*os.File)
	if !ok {
		return 0
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return n
}

// terminal says whether a stream is a person's terminal.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// wrap breaks text between words to fit room; without room it breaks nothing.
func wrap(text string, room int) []string {
	if room <= 0 || utf8.RuneCountInString(text) <= room {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

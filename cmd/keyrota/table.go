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
// width: the last column is wrapped between words, or where there is no room
// beside the others goes beneath its row, and so do as many before it as must.
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
	longest = 48 // a longer word may stick out of the last column
)

// write lays the table out for a terminal of this width; 0: there is none.
func (t table) write(w io.Writer, width int) {
	all := append([][]string{t.header}, t.rows...)
	widths := t.widths(all)
	last := len(widths) - 1
	beside, room := t.fit(widths, width)
	for _, row := range all {
		line := strings.Repeat(" ", t.indent)
		for i, cell := range row[:min(beside, last)] {
			line += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+gap)
		}
		if beside > last {
			indent := strings.Repeat(" ", utf8.RuneCountInString(line))
			for i, part := range wrap(row[last], room) {
				if i > 0 {
					line = indent
				}
				printLine(w, line+part)
			}
			continue
		}
		printLine(w, line)
		for _, cell := range row[beside:] {
			for _, part := range wrap(cell, width-t.indent-beneath) {
				if part != "" {
					printLine(w, strings.Repeat(" ", t.indent+beneath)+part)
				}
			}
		}
	}
}

func printLine(w io.Writer, line string) { _, _ = fmt.Fprintln(w, strings.TrimRight(line, " ")) }

func (t table) widths(all [][]string) []int {
	widths := make([]int, len(t.header))
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// fit says how many columns stand beside each other, and how wide the last one
// may be if it is among them; 0: as wide as it is.
func (t table) fit(widths []int, width int) (beside, room int) {
	last := len(widths) - 1
	if width <= 0 {
		return len(widths), 0
	}
	room = width - t.indent
	for _, n := range widths[:last] {
		room -= n + gap
	}
	word := least
	for _, row := range t.rows {
		for _, w := range strings.Fields(row[last]) {
			word = max(word, min(longest, utf8.RuneCountInString(w)))
		}
	}
	if room >= min(word, widths[last]) {
		return len(widths), room
	}
	room = width - t.indent + gap
	for _, n := range widths[:last] {
		if room -= n + gap; room < 0 && beside > 0 {
			break
		}
		beside++
	}
	return beside, 0
}

// width returns the terminal's width, and 0 where there is none.
func (a *app) width() int { return widthOf(a.stdout) }

func widthOf(stream any) int {
	f, ok := stream.(*os.File)
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

// printLines prints text, each of whose lines keeps its indentation where a
// terminal of this width is too narrow for it; 0: there is none.
func printLines(w io.Writer, text string, width int) {
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(words)]
		for _, part := range wrap(words, width-len(indent)) {
			_, _ = fmt.Fprintln(w, indent+part)
		}
	}
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

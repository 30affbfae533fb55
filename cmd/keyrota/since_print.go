package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// piece is a part of a sentence; foreign text was written by whoever changed
// the configuration.
type piece struct {
	text    string
	foreign bool
}

// accountsNamed is how many accounts of one change are named for people.
const accountsNamed = 8

// sentence tells one change.
func (c changeView) sentence() []piece {
	var s []piece
	own := func(text string) { s = append(s, piece{text: text}) }
	foreign := func(text string) { s = append(s, piece{text: legible(text), foreign: true}) }
	if c.What != "" {
		own(" ")
		foreign(c.What)
	}
	for i, account := range c.Accounts {
		switch {
		case i == accountsNamed:
			own(fmt.Sprintf(" and %d more", len(c.Accounts)-i))
			continue
		case i > accountsNamed:
			continue
		case i > 0:
			own(", ")
		case c.What != "":
			own(" of ")
		default:
			own(" ")
		}
		foreign(account)
	}
	switch {
	case c.Was != "" && c.Is != "":
		own(": ")
		foreign(c.Was)
		own(" → ")
		foreign(c.Is)
	case c.Was != "":
		own(": no more ")
		foreign(c.Was)
	case c.Is != "":
		own(": ")
		foreign(c.Is)
	case c.Change == organizationScope:
		own(": no reason is given")
	}
	return s
}

// longestText keeps one text from filling a comment.
const longestText = 300

// legible shows text of others so that it is one line and hides nothing:
// characters that cannot be seen, or that turn the direction of writing, are
// written as their numbers.
func legible(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case i > longestText:
			b.WriteString("…")
			return b.String()
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, "\\u{%x}", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// sinceTable prints a comparison for people.
func (a *app) sinceTable(w io.Writer, v sinceView) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	for _, line := range v.Summary {
		say("%s", line)
	}
	for g, group := range groups() {
		var rows [][]string
		for _, c := range v.Changes {
			if c.group != g {
				continue
			}
			text := group.labels[c.Change]
			for _, p := range c.sentence() {
				text += p.text
			}
			rows = append(rows, []string{text, c.Means})
		}
		if len(rows) > 0 {
			say("\n%s (%d):", group.title, len(rows))
			for _, row := range rows {
				printLines(w, "  "+row[0]+"\n    "+row[1], a.width())
			}
		}
	}
}

package main

import (
	"fmt"
	"strings"
)

// A comment on a pull request holds 65,536 characters (GitHub, GitLab takes
// more). What a reviewer must see is cut last, and what is cut is said.
const (
	shownClosely = 200
	shownElse    = 40
	longestPage  = 55000 // bytes, from which on no further change is written out
)

// markdown prints a comparison for a comment on a pull request. Whoever wrote
// the configuration did not write the comment: text of theirs stands in code
// spans, where it is neither markup nor a mention nor a link.
func (v sinceView) markdown() string {
	var b strings.Builder
	b.WriteString("## What this changes for keyrota\n\n")
	for _, line := range v.Summary {
		fmt.Fprintf(&b, "- **%s**\n", line)
	}
	for g, group := range groups() {
		var lines []string
		for _, c := range v.Changes {
			if c.group == g {
				lines = append(lines, c.markdown(group.labels[c.Change]))
			}
		}
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s (%d)\n\n", group.title, len(lines))
		most := shownElse
		if g == 0 {
			most = shownClosely
		}
		for i, line := range lines {
			if i == most || b.Len() > longestPage {
				fmt.Fprintf(&b, "- **and %d more**: see `keyrota plan --since` itself\n", len(lines)-i)
				break
			}
			b.WriteString(line)
		}
	}
	b.WriteString("\n<sub>By keyrota plan --since, which asked no store, no platform and no ledger.</sub>\n")
	return b.String()
}

func (c changeView) markdown(label string) string {
	text := "- **" + label + "**"
	for _, p := range c.sentence() {
		if p.foreign {
			text += codeSpan(p.text)
		} else {
			text += p.text
		}
	}
	return text + "<br>\n  " + c.Means + "\n"
}

// codeSpan quotes a line of text: between more backquotes than it has in a row
// nothing in it means anything (CommonMark 0.31, 6.1).
func codeSpan(text string) string {
	fence, run := 0, 0
	for _, r := range text {
		if r == '`' {
			run++
			fence = max(fence, run)
		} else {
			run = 0
		}
	}
	quotes := strings.Repeat("`", fence+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.TrimSpace(text) == "" {
		text = " " + text + " "
	}
	return quotes + text + quotes
}

package main

import (
	"fmt"
	"strings"
)

// A comment on a pull request holds 65,536 characters (GitHub; GitLab takes
// more). Each kind of change that a reviewer must see has its part of them, so
// that many of one do not hide one of another; what is cut is said.
const (
	closelyBytes = 46000
	pageBytes    = 60000
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
		kinds, count := map[string][]string{}, 0
		for _, c := range v.Changes {
			if c.group == g {
				kinds[c.Change] = append(kinds[c.Change], c.markdown(group.labels[c.Change]))
				count++
			}
		}
		if count == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s (%d)\n\n", group.title, count)
		for _, name := range group.names {
			room := pageBytes - b.Len()
			if g == 0 {
				room = closelyBytes / len(kinds)
			}
			for i, line := range kinds[name] {
				if room -= len(line); room < 0 {
					fmt.Fprintf(&b, "- **%s: %d more**, see `keyrota plan --since` itself\n", group.labels[name], len(kinds[name])-i)
					break
				}
				b.WriteString(line)
			}
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

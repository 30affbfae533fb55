package main

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whoever changes a configuration writes no markup into the comment about it.
func TestTextOfOthersIsNoMarkup(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                  "`plain`",
		"a`b":                    "``a`b``",
		"`":                      "`` ` ``",
		"```":                    "```` ``` ````",
		"a``b`c":                 "```a``b`c```",
		" ":                      "`   `",
		"two\nlines\r\n## head":  "`two lines\\u{d} ## head`",
		"<script>&amp;":          "`<script>&amp;`",
		"@all [x](y) #1":         "`@all [x](y) #1`",
		"\u202egnitirw":          "`\\u{202e}gnitirw`",
		"\x1b[31m":               "`\\u{1b}[31m`",
		"zero\u200bwidth":        "`zero\\u{200b}width`",
		strings.Repeat("x", 999): "`" + strings.Repeat("x", longestText+1) + "…`",
	} {
		if got := codeSpan(legible(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := legible("bad \xff\xfe text"); !utf8.ValidString(got) {
		t.Errorf("%q", got)
	}
}

// A flood of changes neither breaks the comment's limit nor hides its heads.
func TestALongComparisonStaysAComment(t *testing.T) {
	var v sinceView
	long, accounts := strings.Repeat("<", 5000), slices.Repeat([]string{strings.Repeat("t", 128) + "/" + strings.Repeat("a", 128)}, 1000)
	for g, group := range groups() {
		for _, name := range group.names {
			for i := range 1000 {
				v.Changes = append(v.Changes, changeView{
					Change: name, Accounts: accounts, What: long, Was: long, Is: "`", Means: "It means something.", group: g,
				})
				if name == organizationScope && i == 0 {
					break // one of them, that must not be hidden
				}
			}
		}
	}
	page := v.markdown()
	if len(page) > 65000 {
		t.Errorf("%d bytes", len(page))
	}
	for _, group := range groups() {
		if !strings.Contains(page, "\n### "+group.title+" (") {
			t.Errorf("%s is missing", group.title)
		}
		for _, name := range group.names {
			if name != organizationScope && !strings.Contains(page, "- **"+group.labels[name]+": ") {
				t.Errorf("it does not say what is left out of %s", name)
			}
		}
	}
	if !strings.Contains(page, "- **Organization scope** `") {
		t.Error("what a reviewer must see is hidden")
	}
}

// Every change that can be told has its place and its words.
func TestEveryChangeHasAPlace(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range groups() {
		for _, name := range group.names {
			if seen[name] || group.labels[name] == "" {
				t.Errorf("%s: twice, or without words", name)
			}
			seen[name] = true
		}
		if len(group.labels) != len(group.names) {
			t.Errorf("%s: %d names, %d labels", group.title, len(group.names), len(group.labels))
		}
	}
}

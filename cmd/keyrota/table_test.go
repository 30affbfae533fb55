package main

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var accountsTable = table{
	header: []string{"ACCOUNT", "PHASE", "NEXT DUE", "DESTINATIONS", "NEXT"},
	rows: [][]string{
		{"ml-platform/ci-model-training", "steady", "2026-12-23 03:10:20 CET", "1 of 1 hold it", "in step until its rotation is due"},
		{"acme//release-eval", "parked", "-", "1, no key yet", "no key is known: create one, and run: keyrota adopt acme//release-eval --key-file -"},
		{"zürich/übung", "new", "-", "none", ""},
	},
}

func TestTable(t *testing.T) {
	tests := map[string]struct {
		width int
		want  string
	}{
		"piped: a row is a line": {0, `
ACCOUNT                        PHASE   NEXT DUE                 DESTINATIONS    NEXT
ml-platform/ci-model-training  steady  2026-12-23 03:10:20 CET  1 of 1 hold it  in step until its rotation is due
acme//release-eval             parked  -                        1, no key yet   no key is known: create one, and run: keyrota adopt acme//release-eval --key-file -
zürich/übung                   new     -                        none
`},
		"wide: the last column is wrapped": {120, `
ACCOUNT                        PHASE   NEXT DUE                 DESTINATIONS    NEXT
ml-platform/ci-model-training  steady  2026-12-23 03:10:20 CET  1 of 1 hold it  in step until its rotation is due
acme//release-eval             parked  -                        1, no key yet   no key is known: create one, and run:
                                                                                keyrota adopt acme//release-eval
                                                                                --key-file -
zürich/übung                   new     -                        none
`},
		"narrow: the last columns go beneath": {76, `
ACCOUNT                        PHASE   NEXT DUE
    DESTINATIONS
    NEXT
ml-platform/ci-model-training  steady  2026-12-23 03:10:20 CET
    1 of 1 hold it
    in step until its rotation is due
acme//release-eval             parked  -
    1, no key yet
    no key is known: create one, and run: keyrota adopt acme//release-eval
    --key-file -
zürich/übung                   new     -
    none
`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			accountsTable.write(&out, test.width)
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTableLosesNoWord: at whatever width, every word is there, and no line is
// too long unless it is one cell that cannot be broken.
func TestTableLosesNoWord(t *testing.T) {
	words := func(s string) []string {
		all := strings.Fields(s)
		slices.Sort(all)
		return all
	}
	var plain strings.Builder
	accountsTable.write(&plain, 0)
	for width := 12; width < 200; width++ {
		var out strings.Builder
		accountsTable.write(&out, width)
		if diff := cmp.Diff(words(plain.String()), words(out.String())); diff != "" {
			t.Fatalf("at width %d: %s", width, diff)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width && len(strings.Fields(line)) > 1 {
				t.Errorf("at width %d a line of %d: %s", width, n, line)
			}
		}
	}
}

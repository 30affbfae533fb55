package findings

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
	"github.com/keyrota/keyrota/sync/usage"
)

// table writes a Markdown table that is readable as it is.
func table(w io.Writer, head []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	line := func(cells []string) { _, _ = fmt.Fprintf(t, "| %s\t|\n", strings.Join(cells, "\t| ")) }
	line(head)
	rules := slices.Repeat([]string{"--:"}, len(head))
	rules[0] = "---"
	line(rules)
	for _, cells := range rows {
		line(cells)
	}
	_ = t.Flush()
}

func printScores(w io.Writer, all []score) {
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{
			s.code, fmt.Sprint(s.expected), fmt.Sprint(s.found), fmt.Sprint(s.right), share(s.right, s.found), share(s.right, s.expected),
		})
	}
	table(w, []string{"finding", "true of", "found of", "right", "precision", "recall"}, rows)
}

// printMistakes names the accounts of which findings were wrong or missing.
func printMistakes(w io.Writer, all []score) {
	for _, s := range all {
		for _, list := range []struct {
			what string
			who  []string
		}{{"wrong", s.wrong}, {"missed", s.missed}} {
			if len(list.who) > 0 {
				_, _ = fmt.Fprintf(w, "\n%s, %s: %s\n", s.code, list.what, strings.Join(list.who, ", "))
			}
		}
	}
}

// verdicts counts, for each kind of account, what was judged of its use.
type verdicts map[history.Kind]map[usage.Verdict]int

func (v verdicts) count(t history.Truth, verdict usage.Verdict) {
	if v[t.Kind] == nil {
		v[t.Kind] = map[usage.Verdict]int{}
	}
	v[t.Kind][verdict]++
}

func printVerdicts(w io.Writer, v verdicts) {
	columns := []usage.Verdict{usage.Used, usage.Unused, usage.Never, usage.Unknown}
	head := []string{"accounts"}
	for _, c := range columns {
		head = append(head, string(c))
	}
	var rows [][]string
	for _, kind := range slices.Sorted(maps.Keys(v)) {
		cells := []string{string(kind)}
		for _, c := range columns {
			cells = append(cells, orNothing(v[kind][c]))
		}
		rows = append(rows, cells)
	}
	table(w, head, rows)
}

func orNothing(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

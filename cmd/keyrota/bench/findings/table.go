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

func printScores(w io.Writer, all []score) {
	printCounts(w, all)
	for _, s := range all {
		for _, list := range []struct {
			what string
			who  []string
		}{{"wrong", s.wrong}, {"missed", s.missed}} {
			if len(list.who) > 0 {
				_, _ = fmt.Fprintf(w, "%s %s: %s\n", s.code, list.what, strings.Join(list.who, ", "))
			}
		}
	}
}

func printCounts(w io.Writer, all []score) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "finding\tis right about\tfound\tright\tprecision\trecall")
	for _, s := range all {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\n", s.code, s.expected, s.found, s.right, s.precision(), s.recall())
	}
	_ = t.Flush()
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
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	columns := []usage.Verdict{usage.Used, usage.Unused, usage.Never, usage.Unknown}
	_, _ = fmt.Fprint(t, "accounts")
	for _, c := range columns {
		_, _ = fmt.Fprintf(t, "\t%s", c)
	}
	_, _ = fmt.Fprintln(t)
	for _, kind := range slices.Sorted(maps.Keys(v)) {
		_, _ = fmt.Fprint(t, kind)
		for _, c := range columns {
			_, _ = fmt.Fprintf(t, "\t%s", orDot(v[kind][c]))
		}
		_, _ = fmt.Fprintln(t)
	}
	_ = t.Flush()
}

func orDot(n int) string {
	if n == 0 {
		return "."
	}
	return fmt.Sprint(n)
}

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one run.
type row struct {
	accounts, stores int
	pass             string
	traffic          []traffic
	took, bound      time.Duration
	process          time.Duration // from start to end of the program
	peak             int64         // bytes
}

func (r row) ratio() float64 { return float64(r.took) / float64(r.bound) }

func printTable(w io.Writer, o options, rows []row) {
	_, _ = fmt.Fprintf(w, "round trip %s, %d workers; took: from the first call to the last answer\n\n", o.rtt, o.workers)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "accounts\tstores\tpass\tcalls\tvalues read\tthrottled\ttook\tbound\tratio\tprocess\tpeak MB\t")
	for _, r := range rows {
		values, throttled := 0, 0
		var calls []string
		for _, s := range r.traffic {
			values, throttled = values+s.values, throttled+s.throttled
			calls = append(calls, fmt.Sprintf("%s %d", s.service, s.sum()))
		}
		_, _ = fmt.Fprintf(t, "%d\t%d\t%s\t%s\t%d\t%d\t%s\t%s\t%.2f\t%s\t%d\t\n", r.accounts, r.stores, r.pass, strings.Join(calls, ", "),
			values, throttled, short(r.took), short(r.bound), r.ratio(), short(r.process), r.peak>>20)
	}
	_ = t.Flush()
	_, _ = fmt.Fprintln(w, "\ncalls by kind")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%d accounts, %d stores, %s:\n", r.accounts, r.stores, r.pass)
		for _, s := range r.traffic {
			_, _ = fmt.Fprintf(w, "  %-6s", s.service)
			for _, kind := range s.kinds() {
				_, _ = fmt.Fprintf(w, " %s %d", kind, s.calls[kind])
			}
			_, _ = fmt.Fprintln(w)
		}
	}
}

func short(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
)

// score says how often one kind of finding was right.
type score struct {
	code          string
	expected      int      // accounts that it is right about
	found         int      // accounts that it was found of, but for those where it is neither right nor wrong
	right         int      // of found
	wrong, missed []string // accounts, with their kind
}

func (s score) precision() string { return share(s.right, s.found) }
func (s score) recall() string    { return share(s.right, s.expected) }

func share(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(part)/float64(whole))
}

// scores holds what was found against what is true, in the order of the codes.
func scores(truths []history.Truth, findings []finding.Finding) []score {
	found := map[string]map[string]bool{} // by account, then by code
	for _, f := range findings {
		ref := string(f.Account)
		if found[ref] == nil {
			found[ref] = map[string]bool{}
		}
		found[ref][string(f.Code)] = true
	}
	byCode := map[string]*score{}
	of := func(code string) *score {
		if byCode[code] == nil {
			byCode[code] = &score{code: code}
		}
		return byCode[code]
	}
	// What is found of no account, or of one that is not there, is wrong.
	truths = append(slices.Clone(truths), nobodies(truths, found)...)
	for _, t := range truths {
		who := fmt.Sprintf("%s (%s)", t.Ref, t.Kind)
		for _, code := range t.Codes {
			s := of(code)
			s.expected++
			if !found[t.Ref][code] {
				s.missed = append(s.missed, who)
			}
		}
		for code := range found[t.Ref] {
			if slices.Contains(t.Also, code) {
				continue
			}
			s := of(code)
			s.found++
			if slices.Contains(t.Codes, code) {
				s.right++
			} else {
				s.wrong = append(s.wrong, who)
			}
		}
	}
	all := make([]score, 0, len(byCode))
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		slices.Sort(byCode[code].wrong)
		slices.Sort(byCode[code].missed)
		all = append(all, *byCode[code])
	}
	return all
}

func nobodies(truths []history.Truth, found map[string]map[string]bool) (others []history.Truth) {
	for ref := range found {
		if !slices.ContainsFunc(truths, func(t history.Truth) bool { return t.Ref == ref }) {
			others = append(others, history.Truth{Ref: cmp.Or(ref, "no account"), Kind: "not in the history"})
			found[cmp.Or(ref, "no account")] = found[ref]
		}
	}
	return others
}

func printScores(w io.Writer, all []score) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "finding\tis right about\tfound\tright\tprecision\trecall")
	for _, s := range all {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\n", s.code, s.expected, s.found, s.right, s.precision(), s.recall())
	}
	_ = t.Flush()
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

// verdicts counts, for each kind of account, what was judged of its use.
type verdicts map[history.Kind]map[string]int

func (v verdicts) count(t history.Truth, verdict string) {
	if v[t.Kind] == nil {
		v[t.Kind] = map[string]int{}
	}
	v[t.Kind][verdict]++
}

func printVerdicts(w io.Writer, v verdicts, columns []string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(t, "accounts\t%s\n", strings.Join(columns, "\t"))
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

func ref(t history.Truth) rotation.Ref { return rotation.Ref(t.Ref) }

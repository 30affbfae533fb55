package findings

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
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

// ofUse leaves those of use alone.
func ofUse(all []score) []score {
	return slices.DeleteFunc(all, func(s score) bool {
		switch finding.Code(s.code) {
		case finding.Unused, finding.NeverUsed, finding.UsageUnknown, finding.ProposeOff, finding.SecretUnread:
			return false
		}
		return true
	})
}

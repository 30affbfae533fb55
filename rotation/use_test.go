package rotation

import (
	"strings"
	"testing"
)

// A question about runs that was not answered is asked again, and the old key
// waits for the answer: not for ever, not where others know it, and not where a
// person ended its overlap.
func TestAnAnswerAboutRunsIsWaitedFor(t *testing.T) {
	most := 6 * oneTick // after it was agreed, at -8
	for name, row := range map[string]struct {
		edit func(*Record, *Observed)
		now  int
		kind ActionKind
	}{
		"not answered":               {func(*Record, *Observed) {}, -5, Wait},
		"nobody may see":             {func(_ *Record, o *Observed) { o.Use.Again = false }, -5, DoRetire},
		"answered":                   {func(_ *Record, o *Observed) { o.Use = Use{Asked: true, Known: true} }, -5, DoRetire},
		"for as long as it may be":   {func(*Record, *Observed) {}, -2, DoRetire},
		"others know it":             {func(r *Record, _ *Observed) { r.Leaked = 1 }, -5, DoRetire},
		"others may make more":       {func(r *Record, _ *Observed) { r.Leak.At = at(-9) }, -5, DoRetire},
		"a person ended its overlap": {func(r *Record, _ *Observed) { r.Old[0].Ended = true }, -5, DoRetire},
	} {
		t.Run(name, func(t *testing.T) {
			s := Spec{
				Account:  Account{Ref: "ml/ci", Name: "ci", ID: accountID, Scope: ScopeTeam, Team: "ml"},
				Instance: "prod", Ledger: "L0", Policy: smallPolicy(), Admin: true, Beats: true,
				Wants: []Want{{Destination: destinations[0], Shape: "raw", Readable: true}},
			}
			s.Policy.MaxOverlap = most
			r := Record{
				Account: accountID, Seq: 2, Offer: Offer{Edition: 2, Key: "k1", Issued: at(-9)}, Old: []Old{{Key: "k0", Edition: 1}},
				Agreed: at(-8), Dests: []Destination{destinations[0]},
			}
			ours := Mark{Instance: "prod", Ledger: "L0", Account: accountID, Edition: 2, Key: "k1", Shape: "raw"}
			o := Observed{
				Listing:  Listing{Complete: true, Fresh: true, AccountsKnown: true, Accounts: []AccountID{accountID}, Account: accountID, Offered: 2, Keys: []Key{{ID: "k0"}, {ID: "k1"}}},
				Holdings: []Held{{destinations[0], Holding{State: StateMarked, Fresh: true, Version: "2", Mark: ours}}},
				Values:   []Value{{Place: Place{Destination: destinations[0], Version: "2"}, Verdict: Live, Key: "k1", Account: accountID}},
				Use:      Use{Asked: true, Again: true, Words: "no answer within 5m0s"},
			}
			row.edit(&r, &o)
			a := Next(s, r, o, at(row.now))
			if a.Kind != row.kind {
				t.Fatalf("%s: %s", a.Kind, a.Why)
			}
			if a.Kind != Wait {
				return
			}
			if !a.Overdue || !a.Until.Equal(at(-2)) || !strings.Contains(a.Why, "no answer within 5m0s") || !strings.Contains(a.Why, "keyrota retire ml/ci") {
				t.Errorf("overdue %v until %s: %s", a.Overdue, a.Until, a.Why)
			}
			if o.Use = (Use{}); Next(s, r, o, at(row.now)).Kind != AskUse {
				t.Error("it is not asked again")
			}
		})
	}
}

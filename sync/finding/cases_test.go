package finding_test

import (
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

// findCase is an account, or what keyrota stands on, in one state, and what is
// found of it.
type findCase struct {
	name    string
	account func(*finding.Account)
	input   func(*finding.Input)
	want    []string
}

func cases() []findCase {
	return slices.Concat(useCases(), reachCases(), estateCases(), keyCases(), rotationCases(), otherCases())
}

func useCases() []findCase {
	return []findCase{
		{name: "nothing to say"},
		{
			name:    "idle for two months",
			account: func(a *finding.Account) { a.Evidence = used("ml", "eval", daily(300, 63)...) },
			want:    []string{"ticket unused"},
		},
		{
			name: "idle for four months, and a proposal is wanted after three",
			account: func(a *finding.Account) {
				a.Evidence = used("ml", "eval", daily(300, 120)...)
				a.ProposeAfter = 90 * day
			},
			want: []string{"ticket propose_quarantine", "ticket unused"},
		},
		{
			name: "idle, and watched only: nothing is proposed, as nothing of it is ours to switch off",
			account: func(a *finding.Account) {
				observed(a)
				a.Evidence = used("ml", "eval", daily(300, 120)...)
				a.ProposeAfter = 90 * day
			},
			want: []string{"ticket unused"},
		},
		{
			name: "used every quarter, last 80 days ago",
			account: func(a *finding.Account) {
				a.Evidence = used("ml", "eval", 80, 170, 262, 353)
				a.ProposeAfter = 60 * day
			},
		},
		{
			name: "said to be used every quarter, last 80 days ago",
			account: func(a *finding.Account) {
				a.Evidence = used("ml", "eval", 82, 81, 80)
				a.Rhythm = 92 * day
			},
		},
		{
			name: "delivered two months ago, and never used",
			account: func(a *finding.Account) {
				a.Evidence = used("", "")
				a.KnownSince, a.WatchedSince, a.DeliveredAt = ago(61*day), ago(61*day), ago(61*day)
				a.LastRead = map[rotation.Destination]time.Time{dest(): {}}
			},
			want: []string{"ticket never_used"},
		},
		{
			name: "delivered two months ago, never used, and said to be used every quarter",
			account: func(a *finding.Account) {
				a.Evidence, a.Rhythm = used("", ""), 92*day
				a.DeliveredAt = ago(61 * day)
			},
			want: []string{"report usage_unknown"},
		},
		{
			name: "known for a year without a use, and delivered a week ago",
			account: func(a *finding.Account) {
				a.Evidence = used("", "")
				a.DeliveredAt = ago(7 * day)
			},
			want: []string{"report usage_unknown"},
		},
		{
			name: "new, and not used yet",
			account: func(a *finding.Account) {
				a.Evidence = used("", "")
				a.KnownSince, a.WatchedSince, a.DeliveredAt = ago(20*day), ago(20*day), ago(20*day)
			},
			want: []string{"report usage_unknown"},
		},
		{
			name: "watched only, no use seen, and it may be new",
			account: func(a *finding.Account) {
				observed(a)
				a.Evidence = used("", "")
				a.KnownSince, a.WatchedSince = time.Time{}, time.Time{}
			},
			want: []string{"report usage_unknown"},
		},
		{
			name: "watched only, and no use seen in the two months that it is known",
			account: func(a *finding.Account) {
				observed(a)
				a.Evidence = used("", "")
				a.KnownSince, a.WatchedSince = ago(60*day), time.Time{}
			},
			want: []string{"ticket unused"},
		},
		{
			name: "idle for four months, with a gap in what was read",
			account: func(a *finding.Account) {
				a.Evidence = used("ml", "eval", daily(300, 120)...)
				c := a.Evidence.Coverage[usage.Runs]
				c.Gaps = []usage.Gap{{From: ago(40 * day), Until: ago(20 * day), Why: "W&B did not answer"}}
				a.Evidence.Coverage[usage.Runs] = c
				a.ProposeAfter = 90 * day
			},
			want: []string{"report usage_unknown"},
		},
		{
			name: "idle for four months, and its jobs log through Weave",
			account: func(a *finding.Account) {
				a.Evidence = used("ml", "eval", daily(300, 120)...)
				a.Weave, a.ProposeAfter = true, 90*day
			},
			want: []string{"report usage_unknown"},
		},
		{
			name: "one of two secrets is read by nobody",
			account: func(a *finding.Account) {
				twoPlaces(a)
				a.DeliveredTo = map[rotation.Destination]time.Time{second(): ago(60 * day)}
				a.LastRead = map[rotation.Destination]time.Time{dest(): ago(day), second(): {}}
			},
			want: []string{"report secret_unread aws:ml/eval"},
		},
		{
			name: "one of two secrets is new, and was read by nobody",
			account: func(a *finding.Account) {
				twoPlaces(a)
				a.DeliveredTo = map[rotation.Destination]time.Time{second(): ago(3 * day)}
				a.LastRead = map[rotation.Destination]time.Time{dest(): ago(day), second(): {}}
			},
		},
		{
			name: "its only secret is read by nobody, and the account is used",
			account: func(a *finding.Account) {
				a.LastRead = map[rotation.Destination]time.Time{dest(): ago(70 * day)}
			},
			want: []string{"report secret_unread vault:kv/ml/eval#WANDB_API_KEY"},
		},
		{
			name: "its only secret was not read for less than two quarters, and whether it is used cannot be told",
			account: func(a *finding.Account) {
				a.Evidence = used("ml", "eval", 73)
				a.LastRead = map[rotation.Destination]time.Time{dest(): ago(73 * day)}
			},
			want: []string{"report usage_unknown"},
		},
		{
			name: "keyrota reads its secret every other day, which hides who else does",
			account: func(a *finding.Account) {
				a.LastRead = map[rotation.Destination]time.Time{dest(): ago(70 * day)}
				a.Evidence.Own = map[usage.Day]bool{}
				for d := range 35 {
					a.Evidence.Own[usage.DayOf(ago(time.Duration(2*d)*day))] = true
				}
			},
		},
		{
			name: "a process that never ends reads once",
			account: func(a *finding.Account) {
				a.LastRead = map[rotation.Destination]time.Time{dest(): ago(70 * day)}
				a.Spec.Policy.Forever = true
			},
		},
	}
}

func twoPlaces(a *finding.Account) {
	a.Spec.Wants = append(a.Spec.Wants, rotation.Want{Destination: second(), Shape: "shape"})
	a.Record.Dests = append(a.Record.Dests, second())
	a.Observed.Holdings = append(a.Observed.Holdings, rotation.Held{Destination: second(), Holding: holding(2, "K2")})
}

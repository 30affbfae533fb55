package finding_test

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
)

func rotationCases() []findCase {
	leaked := func(a *finding.Account) {
		a.Record.Leaked, a.Record.Leak = 2, rotation.Leak{At: ago(2 * time.Hour)}
	}
	return []findCase{
		{
			name: "parked, after three attempts to create a key",
			account: func(a *finding.Account) {
				a.Record.Parked, a.Record.Tries = "W&B has the creation of API keys disabled", 3
			},
			want: []string{"ticket parked"},
		},
		{
			name: "parked, and watched only since: nobody is asked to help",
			account: func(a *finding.Account) {
				a.Record.Parked, a.Spec.Policy.Observe = "W&B has the creation of API keys disabled", true
			},
		},
		{
			name: "leaked, and waiting for its overlap to end",
			account: func(a *finding.Account) {
				leaked(a)
				a.Action.Why = "both keys work until the overlap is over"
			},
		},
		{
			name: "leaked, and on its way",
			account: func(a *finding.Account) {
				leaked(a)
				a.Action = rotation.Action{Kind: rotation.DoIssue, Why: "others know the key"}
			},
		},
		{
			name: "leaked, and waiting for a person",
			account: func(a *finding.Account) {
				leaked(a)
				waits(a, "nothing on record explains K7")
			},
			want: []string{"page leak_stalled"},
		},
		{
			name: "leaked, and a destination is somebody else's: the leak is what matters",
			account: func(a *finding.Account) {
				leaked(a)
				a.Observed.Holdings[0].Holding = rotation.Holding{State: rotation.StateBare}
				waits(a, "vault:kv/ml/eval#WANDB_API_KEY is not ours", dest())
			},
			want: []string{"page leak_stalled"},
		},
		{
			name: "leaked, and a key could not be created",
			account: func(a *finding.Account) {
				leaked(a)
				a.Record.Tries = 1
				waits(a, "the last creation failed; the next try is at 2026-11-26T12:01:00Z")
			},
			want: []string{"page leak_stalled"},
		},
		{
			name: "leaked, and parked",
			account: func(a *finding.Account) {
				leaked(a)
				a.Record.Parked = "no live key can be read back"
			},
			want: []string{"page leak_stalled"},
		},
		{
			name: "leaked, and its store is down",
			account: func(a *finding.Account) {
				leaked(a)
				a.Action = rotation.Action{Kind: rotation.DoDeliver, Why: "it holds key K1"}
			},
			input: func(in *finding.Input) {
				in.Stores = []finding.Store{{Name: "aws"}, {Name: "vault", FailingSince: ago(time.Hour), Words: "sealed"}}
			},
			want: []string{"page leak_stalled", "ticket store_failing vault"},
		},
		{
			name: "leaked, and W&B does not answer",
			account: func(a *finding.Account) {
				leaked(a)
				a.Action = rotation.Action{Kind: rotation.DoIssue, Why: "others know the key"}
			},
			input: func(in *finding.Input) { in.Issuer.FailingSince = ago(time.Hour) },
			want:  []string{"page leak_stalled", "ticket issuer_failing"},
		},
		{
			name: "leaked, and watched only",
			account: func(a *finding.Account) {
				leaked(a)
				a.Spec.Policy.Observe = true
				a.Action = rotation.Action{Kind: rotation.Wait, Why: "manage: observe; others may know keys of this account, and none is replaced before it is manage: rotate"}
			},
			want: []string{"page leak_stalled"},
		},
		{
			name: "due for three days",
			account: func(a *finding.Account) {
				due(a, 3*day)
				waits(a, "due, and the platform's keys are unknown")
			},
			want: []string{"ticket rotation_overdue"},
		},
		{
			name:    "due for six hours",
			account: func(a *finding.Account) { due(a, 6*time.Hour) },
		},
		{
			name: "due for three days, and others go first",
			account: func(a *finding.Account) {
				due(a, 3*day)
				a.Held = "max_rotations_per_day is reached"
			},
			want: []string{"report rotation_overdue"},
		},
		{
			name: "due for three days, and parked: that says why",
			account: func(a *finding.Account) {
				due(a, 3*day)
				a.Record.Parked = "W&B has the creation of API keys disabled"
			},
			want: []string{"ticket parked"},
		},
		{
			name: "due for three days, and watched only since a key could not be created",
			account: func(a *finding.Account) {
				due(a, 3*day)
				a.Record.Tries = 1
				a.Spec.Policy.Observe = true
			},
		},
		{
			name: "due for three days, and being replaced after a leak",
			account: func(a *finding.Account) {
				due(a, 3*day)
				leaked(a)
				a.Action = rotation.Action{Kind: rotation.DoIssue, Why: "others know the key"}
			},
		},
		{
			name: "due for three days, and somebody removed the account",
			account: func(a *finding.Account) {
				due(a, 3*day)
				a.Observed.Listing.Accounts, a.Observed.Listing.Keys = nil, nil
			},
			input: func(in *finding.Input) { in.Platform = nil },
			want:  []string{"page not_at_platform"},
		},
		{
			name: "due for three days, and its window opens tomorrow",
			account: func(a *finding.Account) {
				due(a, 3*day)
				a.Spec.Policy.Window = shut(now().Add(day))
			},
		},
		{
			name: "due for ten days, and frozen without an end",
			account: func(a *finding.Account) {
				due(a, 10*day)
				a.Spec.Policy.Freeze = shut{}
			},
			want: []string{"report rotation_overdue"},
		},
		{
			name: "a key could not be created, twice",
			account: func(a *finding.Account) {
				due(a, 2*time.Hour)
				a.Record.Tries, a.Record.NotBefore, a.LastFailure = 2, now().Add(4*time.Minute), "wandb: create key: limited"
				a.Action = rotation.Action{Kind: rotation.Wait, Why: "the last creation failed", Overdue: true}
			},
			want: []string{"ticket rotation_failing"},
		},
		{
			name: "due in three days, and frozen for a month",
			account: func(a *finding.Account) {
				due(a, -3*day)
				a.Spec.Policy.Freeze = shut(now().Add(30 * day))
			},
			want: []string{"ticket rotation_will_miss"},
		},
		{
			name: "due in three days, and an old key waits for a person's word",
			account: func(a *finding.Account) {
				old(a)
				due(a, -3*day)
				a.Record.Agreed = ago(day)
				a.Spec.Policy.Forever = true
			},
			want: []string{"ticket rotation_will_miss"},
		},
		{
			name: "due in three days, and a run may hold the old key for a week more",
			account: func(a *finding.Account) {
				old(a)
				due(a, -3*day)
				a.Record.Agreed, a.Spec.Policy.MaxOverlap = ago(2*day), 9*day
				a.Record.HeldBy = []rotation.Beat{{Run: "ml/eval/k2x9", Created: ago(5 * day)}}
			},
			want: []string{"ticket rotation_will_miss"},
		},
		{
			name: "due in three days, and a destination does not agree",
			account: func(a *finding.Account) {
				due(a, -3*day)
				waits(a, "vault:kv/ml/eval#WANDB_API_KEY cannot be looked at", dest())
			},
			want: []string{"ticket rotation_will_miss"},
		},
		{
			name:    "due in three days, and nothing is in the way",
			account: func(a *finding.Account) { due(a, -3*day) },
		},
		{
			name: "due in three weeks, and frozen until then",
			account: func(a *finding.Account) {
				due(a, -21*day)
				a.Spec.Policy.Freeze = shut(now().Add(60 * day))
			},
		},
		{
			name:    "readers need longer than the overlap",
			account: func(a *finding.Account) { a.ReaderNeeds = 3*day + 10*time.Minute },
			want:    []string{"ticket overlap_too_short"},
		},
		{
			name: "readers need longer than the overlap, which ends tonight",
			account: func(a *finding.Account) {
				old(a)
				a.Record.Agreed, a.Record.Offer.Issued = ago(16*time.Hour), ago(17*time.Hour)
				a.ReaderNeeds = 3 * day
			},
			want: []string{"page overlap_too_short"},
		},
	}
}

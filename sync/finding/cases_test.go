package finding_test

import (
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

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
			name: "a process that never ends reads once",
			account: func(a *finding.Account) {
				a.LastRead = map[rotation.Destination]time.Time{dest(): ago(70 * day)}
				a.Spec.Policy.Forever = true
			},
		},
	}
}

func reachCases() []findCase {
	organization := func(a *finding.Account) {
		a.Spec.Account.Scope, a.Spec.Account.Ref = rotation.ScopeOrganization, "acme//nightly-eval"
	}
	return []findCase{
		{name: "organization scope, used in one team", account: organization, want: []string{"report scope_too_wide"}},
		{
			name: "organization scope, used in one team, for a reason",
			account: func(a *finding.Account) {
				organization(a)
				a.Reason = "reads the audit log"
			},
			want: []string{"report scope_too_wide"},
		},
		{
			name: "organization scope, used in one team, for ten days only",
			account: func(a *finding.Account) {
				organization(a)
				a.Evidence = used("ml", "eval", daily(10, 1)...)
			},
		},
		{
			name: "organization scope, used in one team, and its runs were not looked at last week",
			account: func(a *finding.Account) {
				organization(a)
				c := a.Evidence.Coverage[usage.Runs]
				c.Gaps = []usage.Gap{{From: ago(7 * day), Until: ago(6 * day), Why: "W&B did not answer"}}
				a.Evidence.Coverage[usage.Runs] = c
			},
		},
		{
			name: "organization scope, used in two teams",
			account: func(a *finding.Account) {
				organization(a)
				a.Evidence.Traces[usage.Runs].Projects[usage.Project{Team: "vision", Name: "eval"}] = ago(3 * day)
			},
		},
		{
			name: "organization scope, which does one thing in four teams",
			account: func(a *finding.Account) {
				organization(a)
				for _, team := range []string{"vision", "speech", "robots"} {
					a.Evidence.Traces[usage.Runs].Projects[usage.Project{Team: team, Name: "eval"}] = ago(3 * day)
				}
			},
		},
		{
			name: "organization scope, and not all use of it can be seen",
			account: func(a *finding.Account) {
				organization(a)
				c := a.Evidence.Coverage[usage.Runs]
				c.Blind = []usage.Blindness{usage.Restricted}
				a.Evidence.Coverage[usage.Runs] = c
			},
		},
		{
			name: "used in three projects, and declared for one of them",
			account: func(a *finding.Account) {
				for _, p := range []string{"serving", "sweeps"} {
					a.Evidence.Traces[usage.Runs].Projects[usage.Project{Team: "ml", Name: p}] = ago(3 * day)
				}
			},
			want: []string{"report several_purposes"},
		},
		{
			name: "used in three projects, and declared for none",
			account: func(a *finding.Account) {
				a.Env, a.Access = nil, nil
				for _, p := range []string{"serving", "sweeps"} {
					a.Evidence.Traces[usage.Runs].Projects[usage.Project{Team: "ml", Name: p}] = ago(3 * day)
				}
			},
		},
		{
			name: "used in four projects, and declared for none",
			account: func(a *finding.Account) {
				a.Env, a.Access = nil, nil
				for _, p := range []string{"serving", "sweeps", "demo"} {
					a.Evidence.Traces[usage.Runs].Projects[usage.Project{Team: "ml", Name: p}] = ago(3 * day)
				}
			},
			want: []string{"report several_purposes"},
		},
		{
			name: "used in three projects, and declared for all",
			account: func(a *finding.Account) {
				for _, p := range []string{"serving", "sweeps"} {
					project := usage.Project{Team: "ml", Name: p}
					a.Evidence.Traces[usage.Runs].Projects[project] = ago(3 * day)
					a.Access[project] = finding.AccessWrite
				}
			},
		},
		{
			name:    "two systems use it",
			account: func(a *finding.Account) { a.UsedBy = []string{"airflow/eval", "jenkins/nightly"} },
			want:    []string{"report shared_key"},
		},
		{
			name:    "another account's secret holds the same key",
			account: func(a *finding.Account) { a.SharedWith = []rotation.Ref{"ml/ci-train"} },
			want:    []string{"report shared_key"},
		},
		{
			name: "team scope, used in two teams",
			account: func(a *finding.Account) {
				a.Evidence.Traces[usage.Runs].Projects[usage.Project{Team: "vision", Name: "eval"}] = ago(3 * day)
			},
			want: []string{"report shared_key"},
		},
		{
			name:    "refused now and then",
			account: func(a *finding.Account) { denied(a, map[int]int{5: 2, 1: 3}) },
			want:    []string{"ticket failed_authentications"},
		},
		{
			name:    "refused twice",
			account: func(a *finding.Account) { denied(a, map[int]int{5: 1, 1: 1}) },
		},
		{
			name: "nothing but refusals since yesterday",
			account: func(a *finding.Account) {
				a.Evidence = used("ml", "eval", daily(300, 2)...)
				denied(a, map[int]int{1: 20, 0: 12})
			},
			want: []string{"page failed_authentications"},
		},
	}
}

func denied(a *finding.Account, days map[int]int) {
	t := a.Evidence.Traces[usage.Runs]
	t.Denied = map[usage.Day]int{}
	for n, times := range days {
		t.Denied[usage.DayOf(ago(time.Duration(n)*day))] = times
	}
	a.Evidence.Traces[usage.AuditLog] = usage.Trace{Denied: t.Denied}
}

func twoPlaces(a *finding.Account) {
	a.Spec.Wants = append(a.Spec.Wants, rotation.Want{Destination: second(), Shape: "shape"})
	a.Record.Dests = append(a.Record.Dests, second())
	a.Observed.Holdings = append(a.Observed.Holdings, rotation.Held{Destination: second(), Holding: holding(2, "K2")})
}

func estateCases() []findCase {
	unknown := func(in *finding.Input) {
		in.Platform = append(in.Platform, finding.PlatformAccount{
			Account:  rotation.Account{ID: "U9", Name: "grid search", Team: "ml", Scope: rotation.ScopeTeam},
			Keys:     []rotation.Key{{ID: "K9"}, {ID: "K10", Label: rotation.NewLabel("staging", "U9", 1, ago(300*day), "n")}},
			Evidence: used("ml", "sweeps", daily(200, 90)...),
		})
	}
	return []findCase{
		{name: "W&B has an account that is not in the configuration", input: unknown, want: []string{"report not_managed"}},
		{
			name: "W&B has an account of the organization and an external one that are not in the configuration",
			input: func(in *finding.Input) {
				in.Platform = append(in.Platform,
					finding.PlatformAccount{Account: rotation.Account{ID: "U5", Name: "sweeper", Team: "no", Scope: rotation.ScopeOrganization}, Evidence: used("ml", "sweeps", 1)},
					finding.PlatformAccount{Account: rotation.Account{Ref: "ml/federated", ID: "U6", Name: "federated", Team: "ml", Scope: rotation.ScopeExternal}, Evidence: used("", "")},
					finding.PlatformAccount{Account: rotation.Account{ID: "U7", Name: "dark", Team: "ml", Scope: rotation.ScopeTeam}, Owner: "ml@acme.example"},
				)
			},
			want: []string{"report not_managed", "report not_managed", "report not_managed"},
		},
		{
			name: "W&B has more accounts of a team that could not be listed completely",
			input: func(in *finding.Input) {
				unknown(in)
				delete(in.Listed, "ml")
			},
		},
		{
			name: "accounts are listed under their team, and again under the organization, as are people",
			input: func(in *finding.Input) {
				unknown(in)
				for _, p := range slices.Clone(in.Platform) {
					p.Account.Scope = ""
					in.Platform = append(in.Platform, p)
				}
				in.Platform = append(in.Platform, finding.PlatformAccount{Account: rotation.Account{ID: "P1", Name: "jane", Team: "ml"}})
			},
			want: []string{"report not_managed"},
		},
		{
			name:    "somebody removed the account",
			account: func(a *finding.Account) { a.Record.Parked = "the platform no longer lists this account" },
			input:   func(in *finding.Input) { in.Platform = nil },
			want:    []string{"page not_at_platform"},
		},
		{
			name: "watched only, and W&B has no such account",
			account: func(a *finding.Account) {
				observed(a)
				a.Observed, a.Evidence = rotation.Observed{}, usage.Evidence{}
				a.KnownSince = time.Time{}
			},
			input: func(in *finding.Input) { in.Platform = nil },
			want:  []string{"ticket not_at_platform"},
		},
		{
			name: "not made yet, and about to be",
			account: func(a *finding.Account) {
				a.Record, a.Observed, a.Evidence = rotation.Record{}, rotation.Observed{}, usage.Evidence{}
				a.Action = rotation.Action{Kind: rotation.DoProvision}
				a.DeliveredAt, a.KnownSince, a.WatchedSince = time.Time{}, time.Time{}, time.Time{}
			},
			input: func(in *finding.Input) { in.Platform = nil },
		},
		{
			name: "one left the configuration, another and its account are gone",
			input: func(in *finding.Input) {
				in.Platform = append(in.Platform, finding.PlatformAccount{Account: rotation.Account{ID: "U3", Name: "old-train", Team: "ml", Scope: rotation.ScopeTeam}})
				in.Left = []finding.Left{
					{Account: "ml/old-train", Record: rotation.Record{Account: "U3", Left: ago(9 * day), Dests: []rotation.Destination{second()}}, Evidence: used("ml", "train", 12)},
					{Account: "ml/older-train", Record: rotation.Record{Account: "U4", Left: ago(99 * day)}},
				}
			},
			want: []string{"ticket left_configuration", "report left_configuration"},
		},
		{
			name: "an account of the organization left the configuration",
			input: func(in *finding.Input) {
				in.Platform = append(in.Platform, finding.PlatformAccount{Account: rotation.Account{ID: "U3", Name: "sweeper", Scope: rotation.ScopeOrganization}})
				in.Left = []finding.Left{{Account: "acme//sweeper", Record: rotation.Record{Account: "U3", Left: ago(day)}}}
			},
			want: []string{"ticket left_configuration"},
		},
		{
			name: "one left the configuration while its keys have leaked",
			input: func(in *finding.Input) {
				in.Platform = append(in.Platform, finding.PlatformAccount{Account: rotation.Account{ID: "U3", Name: "old-train", Team: "ml"}})
				in.Left = []finding.Left{{Account: "ml/old-train", Record: rotation.Record{
					Account: "U3", Left: ago(day), Leaked: 2, Leak: rotation.Leak{At: ago(2 * day)}, Dests: []rotation.Destination{second()},
				}}}
			},
			want: []string{"page leak_stalled", "ticket left_configuration"},
		},
		{
			name:    "nobody is named, and nothing is said",
			account: func(a *finding.Account) { a.Owner, a.Purpose = "", "" },
			want:    []string{"report no_owner", "report no_purpose"},
		},
		{
			name:    "reviewed too long ago",
			account: func(a *finding.Account) { a.Reviewed = ago(200 * day) },
			want:    []string{"ticket review_overdue"},
		},
		{
			name:    "never reviewed",
			account: func(a *finding.Account) { a.Reviewed = time.Time{} },
			want:    []string{"ticket review_overdue"},
		},
		{
			name: "no review is expected",
			account: func(a *finding.Account) {
				a.Reviewed, a.ReviewEvery = time.Time{}, 0
			},
		},
		{
			name: "a name that says nothing",
			account: func(a *finding.Account) {
				a.Spec.Account.Name, a.Spec.Account.Ref = "service-account-1", "ml/service-account-1"
			},
			want: []string{"report name_convention"},
		},
		{
			name: "a name against a person's own pattern",
			input: func(in *finding.Input) {
				in.NameAllowed = func(string) string { return "it must begin with its team" }
			},
			want: []string{"report name_convention"},
		},
		{
			name: "a restricted project that it is not in, and one that it may only read",
			account: func(a *finding.Account) {
				a.Access[usage.Project{Team: "ml", Name: "secret"}] = finding.AccessNone
				a.Access[usage.Project{Team: "ml", Name: "eval"}] = finding.AccessRead
				a.Access[usage.Project{Team: "ml", Name: "other"}] = finding.AccessUnknown
			},
			want: []string{"ticket restricted_project ml/eval", "ticket restricted_project ml/secret"},
		},
		{
			name: "credits runs to somebody outside the team",
			account: func(a *finding.Account) {
				a.Attribution, a.Attributed = "jane", finding.No
			},
			want: []string{"report attribution_outside_team"},
		},
		{
			name:    "whether somebody is in the team is not known",
			account: func(a *finding.Account) { a.Attribution = "jane" },
		},
		{
			name: "organization scope, which sends its runs to a team that is not its default",
			account: func(a *finding.Account) {
				a.Spec.Account.Scope, a.Env = rotation.ScopeOrganization, map[string]string{"WANDB_ENTITY": "vision"}
				a.Access, a.Evidence = nil, used("vision", "eval", daily(20, 1)...)
			},
		},
		{
			name: "sends its runs to another team",
			account: func(a *finding.Account) {
				a.Env = map[string]string{"WANDB_ENTITY": "vision"}
				a.Access = nil
			},
			want: []string{"ticket entity_mismatch"},
		},
	}
}

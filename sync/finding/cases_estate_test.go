package finding_test

import (
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

func estateCases() []findCase {
	unknown := func(in *finding.Input) {
		in.Platform = append(in.Platform, finding.PlatformAccount{
			Account:  rotation.Account{Ref: "ml/grid search", ID: "U9", Name: "grid search", Team: "ml", Scope: rotation.ScopeTeam},
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
					finding.PlatformAccount{Account: rotation.Account{Ref: "acme//sweeper", ID: "U5", Name: "sweeper", Team: "no", Scope: rotation.ScopeOrganization}, Evidence: used("ml", "sweeps", 1)},
					finding.PlatformAccount{Account: rotation.Account{Ref: "ml/federated", ID: "U6", Name: "federated", Team: "ml", Scope: rotation.ScopeExternal}, Evidence: used("", "")},
					finding.PlatformAccount{Account: rotation.Account{Ref: "ml/dark", ID: "U7", Name: "dark", Team: "ml", Scope: rotation.ScopeTeam}},
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
			name: "somebody removed the account",
			account: func(a *finding.Account) {
				a.Record.Parked = "the platform no longer lists this account"
				a.Observed.Listing.Accounts, a.Observed.Listing.Keys = nil, nil
			},
			input: func(in *finding.Input) { in.Platform = nil },
			want:  []string{"page not_at_platform"},
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
				a.Access[usage.Project{Team: "ml", Name: "other"}] = ""
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

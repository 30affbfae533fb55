package finding_test

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/usage"
)

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

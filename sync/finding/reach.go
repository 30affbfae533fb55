package finding

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

const (
	// recent is how far back use is looked at to say what an account is used for.
	recent = 90 * day
	// settledIn is for how long an account must have been used before its reach is
	// judged.
	settledIn = 30 * day
	// undeclaredProjects is how many projects an account may be used in where
	// nobody wrote which: one workflow seldom needs more.
	undeclaredProjects = 3
)

// places returns the projects that an account was used in a short while ago, and
// their teams, in order.
func (v view) places() (projects, teams []string, all []usage.Project) {
	for _, t := range v.Evidence.Traces {
		for p, at := range t.Projects {
			if p.Team != "" && v.in.Now.Sub(at) < recent && !slices.Contains(all, p) {
				all = append(all, p)
				projects = append(projects, p.Team+"/"+p.Name)
				if !slices.Contains(teams, p.Team) {
					teams = append(teams, p.Team)
				}
			}
		}
	}
	slices.Sort(projects)
	slices.Sort(teams)
	return projects, teams, all
}

// scopeTooWide: organization scope, and the use shows one team.
func (v view) scopeTooWide() []Finding {
	projects, teams, _ := v.places()
	if v.Spec.Account.Scope != rotation.ScopeOrganization || v.off() || v.use.Verdict != usage.Used || len(teams) != 1 ||
		v.in.Now.Sub(v.use.First) < settledIn || !v.sees(usage.Runs, v.in.Now.Add(-settledIn)) {
		return nil
	}
	evidence := []string{
		fmt.Sprintf("all use seen in the last %s is in team %s: %s", span(recent), teams[0], list(projects, 5)),
		"it may read and write every project of every team that is not restricted",
	}
	if v.Reason != "" {
		evidence = append(evidence, "the reason that is written for organization scope: "+v.Reason)
	}
	return one(Finding{
		Code: ScopeTooWide, Title: "has organization scope, and is used in team " + teams[0] + " alone", Evidence: evidence, Command: v.status(),
	})
}

// sees reports whether a source saw all use of the account since a time.
func (v view) sees(s usage.Source, since time.Time) bool {
	c := v.Evidence.Coverage[s]
	return !c.From.IsZero() && !c.From.After(since) &&
		!slices.ContainsFunc(c.Gaps, func(g usage.Gap) bool { return g.Until.After(since) }) &&
		!slices.ContainsFunc(c.Blind, func(b usage.Blindness) bool { return b != usage.NotInLog })
}

// severalPurposes: used in projects that are no single workflow's. An account of
// organization scope may do one thing in many teams, in a project of one name.
func (v view) severalPurposes() []Finding {
	projects, _, all := v.places()
	purposes, declared := v.purposes(all), v.purposes(v.declared())
	strange := slices.DeleteFunc(slices.Clone(purposes), func(p string) bool { return slices.Contains(declared, p) })
	if v.off() || len(declared) > 0 && len(strange) < 2 || len(declared) == 0 && len(purposes) <= undeclaredProjects {
		return nil
	}
	evidence := []string{fmt.Sprintf("used in %s in the last %s: %s", counted(len(projects), "project"), span(recent), list(projects, 8))}
	if len(declared) > 0 {
		evidence = append(evidence, "declared for "+list(declared, 8))
	}
	return one(Finding{
		Code: SeveralPurposes, Title: "is used for several purposes: in " + counted(len(projects), "project"), Evidence: evidence, Command: v.status(),
	})
}

// purposes names what projects are for, in order.
func (v view) purposes(projects []usage.Project) []string {
	var names []string
	for _, p := range projects {
		name := p.Team + "/" + p.Name
		if v.Spec.Account.Scope == rotation.ScopeOrganization {
			name = p.Name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// declared are the projects that the configuration names for the account.
func (v view) declared() []usage.Project {
	var all []usage.Project
	if name := v.Env["WANDB_PROJECT"]; name != "" {
		team := v.Env["WANDB_ENTITY"]
		if team == "" {
			team = v.Spec.Account.Team
		}
		all = append(all, usage.Project{Team: team, Name: name})
	}
	for p := range v.Access {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b usage.Project) int { return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(a.Name, b.Name)) })
	return all
}

// sharedKey: one key in several hands. Whoever has it can act for all of them,
// and none can be cut off alone.
func (v view) sharedKey() []Finding {
	if v.off() {
		return nil
	}
	var evidence []string
	if len(v.UsedBy) > 1 {
		evidence = append(evidence, "used_by names "+counted(len(v.UsedBy), "system")+": "+list(v.UsedBy, 8))
	}
	if _, teams, _ := v.places(); len(teams) > 1 && v.Spec.Account.Scope != rotation.ScopeOrganization {
		evidence = append(evidence, fmt.Sprintf("used in the last %s in the teams %s", span(recent), list(teams, 8)))
	}
	if len(evidence) == 0 {
		return nil
	}
	return one(Finding{Code: SharedKey, Title: "its key is in several hands", Evidence: evidence, Command: v.status()})
}

const (
	deniedDays = 7
	deniedMany = 3 // a single refusal may be somebody's mistake
)

// failedLogins: the platform refused what bears the account's name.
func (v view) failedLogins() []Finding {
	today := usage.DayOf(v.in.Now)
	days := map[usage.Day]int{}
	total, lately := 0, 0
	for _, t := range v.Evidence.Traces {
		for d, n := range t.Denied {
			if d > today-deniedDays && d <= today {
				days[d] += n
				total += n
				if d >= today-1 {
					lately += n
				}
			}
		}
	}
	if total < deniedMany || v.off() {
		return nil
	}
	f := Finding{
		Code: FailedLogins, Title: fmt.Sprintf("%s refused in the last %s", counted(total, "request"), span(deniedDays*day)),
		Command: "keyrota doctor " + string(v.ref),
	}
	for d := today - deniedDays + 1; d <= today; d++ {
		if days[d] > 0 {
			f.Evidence = append(f.Evidence, date(d.Start())+": "+counted(days[d], "refusal"))
		}
	}
	// Nothing but refusals since it was last used: whoever has its key is failing.
	if last := v.use.Last; lately >= deniedMany && !last.IsZero() && usage.DayOf(last) < today-1 && v.in.Now.Sub(last) < v.UnusedAfter {
		f.Severity = Page
		f.Broken = "every request since " + date(today.Start().Add(-day)) + " was refused; it last worked on " + date(last)
	}
	return one(f)
}

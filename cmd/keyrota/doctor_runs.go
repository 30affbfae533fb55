package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/inventory"
)

// in is the team and the project that runs land in.
func (p *patient) in() (team, project string) {
	env := p.account.Config.Env
	return cmp.Or(env["WANDB_ENTITY"], p.account.Account.Team), env["WANDB_PROJECT"]
}

// team asks who is in the account's team, with its own key.
func (p *patient) team(ctx context.Context) {
	directory, ok := p.s.inventory.Issuer.(providers.Directory)
	if !ok || p.account.Account.Team == "" {
		p.hidden = errors.New("nobody can say who is in its team")
		return
	}
	p.hidden = p.s.observer.Call.Read(ctx, inventory.IssuerService, "members", func(ctx context.Context) error {
		p.members = nil
		return directory.Members(ctx, p.account.Account.Team, p.key, func(m providers.Member) error {
			p.members = append(p.members, m)
			return nil
		})
	})
}

// username is what runs name the account by; empty: not known.
func (p *patient) username() string {
	i := slices.IndexFunc(p.members, func(m providers.Member) bool { return m.ID == p.id })
	if i < 0 {
		return ""
	}
	return p.members[i].Username
}

const (
	runsWithin = 30 * 24 * time.Hour
	// mostProjects bounds in how many projects runs are looked for.
	mostProjects = 30
)

// landed is where runs were seen.
type landed struct {
	own, others int
	last        time.Time
	err         error
}

// runs looks for where the account's runs have landed of late.
func (p *patient) runs(ctx context.Context) {
	reporter, ok := p.s.inventory.Issuer.(providers.RunReporter)
	if !ok {
		return
	}
	team, project := p.in()
	name := p.username()
	if name == "" {
		p.found.add(checkUnknown, caseRuns, "look for its runs", "the user name that its runs bear is not known", "")
		return
	}
	var projects []string
	err := p.s.observer.Call.Read(ctx, inventory.IssuerService, "projects", func(ctx context.Context) error {
		projects = nil
		return reporter.Projects(ctx, team, p.key, func(project string) error {
			projects = append(projects, project)
			return nil
		})
	})
	if !p.found.judge(caseRuns, "see the projects of team "+team, err, "it sees "+count(len(projects), "project")) {
		return
	}
	if at := slices.Index(projects, project); at > 0 {
		projects[0], projects[at] = projects[at], projects[0]
	}
	here, elsewhere := landed{}, []string{}
	for _, at := range projects[:min(len(projects), mostProjects)] {
		l := p.landedIn(ctx, reporter, team, at, name)
		if at == project {
			here = l
		} else if l.own > 0 {
			elsewhere = append(elsewhere, fmt.Sprintf("%s (%s, last at %s)", at, count(l.own, "run"), l.last.UTC().Format(time.RFC3339)))
		}
	}
	days := fmt.Sprintf(" in the last %d days", int(runsWithin.Hours()/24))
	switch tried := "look for its runs in " + team; {
	case here.err != nil:
		p.found.judge(caseRuns, "look for its runs in "+team+"/"+project, here.err, "")
	case here.own > 0:
		p.found.add(checkOK, caseRuns, tried, fmt.Sprintf("%s in project %s%s, the last at %s", count(here.own, "run"), project, days, here.last.UTC().Format(time.RFC3339)), "")
	case len(elsewhere) > 0:
		p.found.add(checkWarning, caseRuns, tried, "its runs land in other projects"+days+": "+strings.Join(elsewhere, ", "), "the job names a project of its own, or is not started anew since WANDB_PROJECT changed: make both say the same")
	case here.others > 0:
		p.found.add(checkUnknown, caseRuns, tried, fmt.Sprintf("no run of it%s; %s in project %s under others' names, as runs are that are credited to a person", days, count(here.others, "run"), project), "")
	default:
		p.found.add(checkUnknown, caseRuns, tried, "no run of it"+days+" in what it sees of "+count(min(len(projects), mostProjects), "project"), "if one was started: see that the job gets WANDB_ENTITY and WANDB_PROJECT, and its key, from where it is delivered")
	}
}

func (p *patient) landedIn(ctx context.Context, reporter providers.RunReporter, team, project, name string) landed {
	var l landed
	since := p.app.now().Add(-runsWithin)
	l.err = p.s.observer.Call.Read(ctx, inventory.IssuerService, "runs", func(ctx context.Context) error {
		l = landed{}
		return reporter.Runs(ctx, team, project, p.key, since, func(r providers.Run) error {
			if r.User != name {
				l.others++
				return nil
			}
			l.own++
			if r.Created.After(l.last) {
				l.last = r.Created
			}
			return nil
		})
	})
	return l
}

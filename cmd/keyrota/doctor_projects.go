package main

import (
	"context"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/inventory"
)

// restricted asks what the account may do with the projects that it needs.
func (p *patient) restricted(ctx context.Context) {
	checker, ok := p.s.inventory.Issuer.(providers.AccessChecker)
	if !ok {
		return
	}
	projects := slices.Clone(p.account.Config.Projects)
	if team, project := p.in(); team != "" && project != "" && !slices.Contains(projects, team+"/"+project) {
		projects = append([]string{team + "/" + project}, projects...)
	}
	for _, at := range projects {
		team, project, _ := strings.Cut(at, "/")
		tried := "open project " + at
		access, err := p.access(ctx, checker, team, project, p.key)
		switch {
		case err != nil:
			p.found.judge(caseRestricted, tried, err, "")
		case access == providers.AccessWrite:
			p.found.add(checkOK, caseRestricted, tried, "it may read and write there", "")
		case access == providers.AccessRead:
			p.found.add(checkFailed, caseRestricted, tried, "it may read there, and not write", "in W&B, add the account to the project, or open the project to its team")
		default:
			p.unseen(ctx, checker, tried, team, project, at)
		}
	}
}

// unseen tells a project that is not there from one that is restricted, by what
// an administrator sees.
func (p *patient) unseen(ctx context.Context, checker providers.AccessChecker, tried, team, project, at string) {
	const none = "it sees no such project"
	if !p.account.Admin {
		p.found.add(checkUnknown, caseRestricted, tried, none+"; whether there is one only an admin can tell", "if there is: in W&B, open the project's settings and add the account; if not, the first run makes it")
		return
	}
	access, err := p.access(ctx, checker, team, project, providers.Secret{})
	switch {
	case err != nil:
		p.found.judge(caseRestricted, tried+" as an admin", err, "")
		p.found[len(p.found)-1].Result = checkUnknown
	case access == providers.AccessNone && slices.Contains(p.account.Config.Projects, at):
		p.found.add(checkFailed, caseRestricted, tried, none+", and neither does the admin", "make the project, restrict it and add the account; or correct projects: in the configuration")
	case access == providers.AccessNone:
		p.found.add(checkOK, caseRestricted, tried, none+", and neither does the admin: the first run makes it", "")
	default:
		p.found.add(checkFailed, caseRestricted, tried, "the project is there, and the account may not see it: it is restricted", "in W&B, open the settings of project "+at+" and add the account to it")
	}
}

func (p *patient) access(ctx context.Context, checker providers.AccessChecker, team, project string, auth providers.Secret) (providers.Access, error) {
	var access providers.Access
	err := p.s.observer.Call.Read(ctx, inventory.IssuerService, "access", func(ctx context.Context) (err error) {
		access, err = checker.Access(ctx, team, project, auth)
		return err
	})
	return access, err
}

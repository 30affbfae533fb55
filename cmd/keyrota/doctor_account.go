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
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// W&B's four cases (W&B docs, Service accounts, Troubleshooting).
const (
	caseUnauthorized = "unauthorized"
	caseRuns         = "runs not appearing"
	caseAttribution  = "attribution"
	caseRestricted   = "restricted project"
)

// patient is one account that is looked at from its own point of view.
type patient struct {
	*examination
	account inventory.Account
	found   checks
	key     providers.Secret // a live key of it; empty: none was found
	id      rotation.AccountID
	members []providers.Member // of its team, as it sees them; nil: not known
	hidden  error              // why it does not see them
}

// doctorOf examines one account.
func (a *app) doctorOf(ctx context.Context, name string) error {
	e, _, err := a.examine(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = e.s.Close() }()
	account, err := e.s.inventory.Find(name)
	if err != nil {
		return err
	}
	p := &patient{examination: e, account: account}
	if account.Account.Scope == rotation.ScopeExternal {
		if err := p.external(ctx); err != nil {
			return err
		}
	} else {
		p.account = account.For(e.records[account.Ref()])
		p.keys(ctx)
	}
	p.entity()
	if !p.key.Empty() {
		p.team(ctx)
		p.runs(ctx)
	}
	p.attribution()
	if !p.key.Empty() {
		p.restricted(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.diagnose(doctorView{Account: string(account.Ref()), Checks: p.found})
}

// external tries the sign-in of an account that has no key. What it may do at
// W&B only a job shows.
func (p *patient) external(ctx context.Context) error {
	accounts, worker, err := p.app.federation(p.s)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if account.Ref == p.account.Ref() {
			p.found = append(p.found, trialChecks(caseUnauthorized, worker.Try(ctx, account))...)
			return nil
		}
	}
	p.found.add(checkUnknown, caseUnauthorized, "sign in", "the configuration does not say where its JWT comes from", "write identity: for it")
	return nil
}

// keys reads the key back from every destination, as its readers do, and asks
// W&B whose it is.
func (p *patient) keys(ctx context.Context) {
	if len(p.account.Wants) == 0 {
		p.found.add(checkUnknown, caseUnauthorized, "read its key", "the configuration names no destination of its key", "write deliver: for it")
	}
	for _, w := range p.account.Wants {
		p.keyAt(ctx, w.Destination)
	}
}

func (p *patient) keyAt(ctx context.Context, d rotation.Destination) {
	tried := "use the key at " + d.String()
	reader, ok := p.s.worker.Stores[d.Store].(providers.Reader)
	if !ok {
		p.found.add(checkUnknown, caseUnauthorized, tried, "its store gives no values back", "")
		return
	}
	var text providers.Secret
	err := p.s.observer.Call.Read(ctx, d.Store, "read", func(ctx context.Context) (err error) {
		text, err = reader.Read(ctx, d, "")
		return err
	})
	if err != nil {
		if p.found.judge(caseUnauthorized, tried, err, ""); providers.KindOf(err) == providers.NotFound {
			p.found[len(p.found)-1].Hint = "keyrota sync delivers it; keyrota status " + string(p.account.Ref()) + " says what that waits for"
		}
		return
	}
	values := p.account.Format(d).Keys(text)
	if len(values) == 0 {
		p.found.add(checkFailed, caseUnauthorized, tried, "no key is in what is there", "keyrota sync heals what was changed by hand, where it is keyrota's")
		return
	}
	for i, value := range values {
		var seen providers.Verified
		err := p.s.observer.Call.Read(ctx, inventory.IssuerService, "verify", func(ctx context.Context) (err error) {
			seen, err = p.s.inventory.Issuer.Verify(ctx, p.account.Account, value)
			return err
		})
		kind := providers.KindOf(err)
		switch {
		case err == nil:
			p.found.add(checkOK, caseUnauthorized, tried, "it works, and is this account's", "")
			if p.key.Empty() {
				p.key, p.id = value, seen.Account
			}
		case kind == providers.Denied && i < len(values)-1:
			continue
		case kind == providers.Denied:
			p.found.add(checkFailed, caseUnauthorized, tried, "W&B does not know the key that is there: whoever reads it gets 401", "keyrota status "+string(p.account.Ref())+" says what keyrota makes of it; a job that still has an old one must be started anew")
		case kind == providers.Conflict:
			p.found.add(checkFailed, caseUnauthorized, tried, "the key that is there works, and is another account's", "find out who wrote it, then run: keyrota status "+string(p.account.Ref()))
		default:
			p.found.judge(caseUnauthorized, tried, err, "")
			p.found[len(p.found)-1].Result = checkUnknown
		}
		return
	}
}

// entity judges where runs land by the job's environment alone.
func (p *patient) entity() {
	const tried = "look at WANDB_ENTITY"
	env, team := p.account.Config.Env, p.account.Account.Team
	switch entity := env["WANDB_ENTITY"]; {
	case entity == "":
		p.found.add(checkWarning, caseRuns, tried, "it is not set: runs land in the account's own team", "write it under env:, so that it is plain where they are")
	case p.account.Account.Scope == rotation.ScopeOrganization, entity == team:
		p.found.add(checkOK, caseRuns, tried, "runs land in team "+entity, "")
	default:
		p.found.add(checkFailed, caseRuns, tried, fmt.Sprintf("it is %s, and the account is in team %s: an account of a team can write to open projects of other teams, and to no others", entity, team), "write WANDB_ENTITY: "+team+", or use an account of that team")
	}
	if project := env["WANDB_PROJECT"]; project == "" {
		p.found.add(checkWarning, caseRuns, "look at WANDB_PROJECT", "it is not set: unless the job names one, runs land in a project called uncategorized", "write it under env:")
	} else {
		p.found.add(checkOK, caseRuns, "look at WANDB_PROJECT", "runs land in project "+project, "")
	}
}

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

// attribution judges whether runs can be credited to whom the environment names.
func (p *patient) attribution() {
	env := p.account.Config.Env
	name, email := env["WANDB_USERNAME"], env["WANDB_USER_EMAIL"]
	who, setting := cmp.Or(name, email), "WANDB_USERNAME"
	if name == "" {
		setting = "WANDB_USER_EMAIL"
	}
	tried := "find " + setting + " in the team"
	switch {
	case who == "":
		p.found.add(checkOK, caseAttribution, "look at WANDB_USERNAME and WANDB_USER_EMAIL", "neither is set: runs are credited to the account itself", "")
		return
	case name != "" && email != "":
		p.found.add(checkWarning, caseAttribution, "look at WANDB_USERNAME and WANDB_USER_EMAIL", "both are set", "keep one of them")
	}
	if p.members == nil {
		words := "who is in the team is not known"
		if p.hidden != nil {
			words += ": " + p.hidden.Error()
		}
		p.found.add(checkUnknown, caseAttribution, tried, words, "")
		return
	}
	team := p.account.Account.Team
	at := slices.IndexFunc(p.members, func(m providers.Member) bool {
		return !m.Service && (name != "" && m.Username == name || name == "" && strings.EqualFold(m.Email, email))
	})
	mails := slices.ContainsFunc(p.members, func(m providers.Member) bool { return m.Email != "" })
	switch {
	case at >= 0 && p.members[at].Pending:
		p.found.add(checkFailed, caseAttribution, tried, who+" is invited to team "+team+", and has not joined", "have them join: until then runs are not credited to them")
	case at >= 0:
		p.found.add(checkOK, caseAttribution, tried, who+" is in team "+team, "")
	case name == "" && !mails:
		p.found.add(checkUnknown, caseAttribution, tried, "the account does not see the e-mail addresses of the members", "write WANDB_USERNAME instead")
	case p.account.Account.Scope == rotation.ScopeOrganization:
		p.found.add(checkUnknown, caseAttribution, tried, who+" is not in its default team; whether an account of the organization can credit runs to them is not public", "")
	default:
		p.found.add(checkFailed, caseAttribution, tried, who+" is not in team "+team+": W&B ignores it, and runs are credited to the account", "add them to the team, or correct "+setting)
	}
}

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

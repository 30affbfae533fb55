package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// account is an account while its history is made.
type account struct {
	Truth
	uses         []time.Time // oldest first
	in           []place     // where, one after the other; empty: in the project that bears its name
	credited     string      // the person whom its runs show, where there is one
	creditedFrom time.Time   // since when; zero: always
	deleted      time.Time   // when its project was deleted with all runs; zero: it was not
	platformName string      // how a person renamed it on the platform; empty: not
	noRuns       bool        // it only reads and writes artifacts
	noLog        bool        // and leaves nothing in the log
	denied       []time.Time // failed authentications
	moreKeys     []sandbox.Key
	settings     []string // lines of its configuration beyond the usual ones
	known        []string // those that only people can know
	ownerless    bool
	aimless      bool // no purpose is written
	unreviewed   bool
	unrotated    bool // its key is the first
	stale        bool // its key was not rotated when it should have been
	usedBy       []string
	env          map[string]string
}

type place struct {
	team, project string
	visibility    sandbox.Visibility
	members       []string
}

// teamSize is how many accounts a team has.
const teamSize = 20

func teamOf(i int) string { return fmt.Sprintf("team-%02d", i/teamSize) }

// purposes are what the accounts of a team are for; their names are good ones.
func purposes() [teamSize]string {
	return [...]string{
		"ci-model-training", "nightly-eval-pipeline", "prod-inference-monitor", "dataset-refresh", "embedding-index-build",
		"weekly-quality-report", "hyperparameter-sweep", "model-registry-sync", "feature-store-export", "drift-detection",
		"ab-test-analysis", "checkpoint-archive", "label-import", "benchmark-suite", "release-gate",
		"cost-report", "safety-eval", "data-validation", "fine-tuning-jobs", "retrieval-eval",
	}
}

func (g *generator) newAccount(i int, k kind) *account {
	a := &account{Truth: Truth{
		Name: purposes()[i%teamSize], Team: teamOf(i), Scope: sandbox.ScopeTeam, Kind: k.name, Managed: true,
		Codes: slices.Clone(k.codes), Unknown: k.unknown, ID: g.id("User"), KeyID: g.id("ApiKey"),
		Key: fmt.Sprintf("local-CANARY%04d_CANARY%044d", i, i),
	}, env: map[string]string{}}
	a.Also, a.usedBy = k.also, []string{"airflow/" + a.Name}
	a.Username = a.Name + "-" + a.Team
	a.env["WANDB_PROJECT"] = a.Name
	return a
}

// rename gives the account a name of its own in the whole organization.
func (a *account) rename(name string) {
	a.Name = name
	a.Username = name + "-" + a.Team
	a.env["WANDB_PROJECT"] = name
}

// organizationWide makes it an account of organization scope.
func (a *account) organizationWide() {
	a.rename(a.Name + "-" + a.Team)
	a.Username, a.Scope = a.Name, sandbox.ScopeOrganization
	a.settings = append(a.settings, "scope: organization", "default_team: "+a.Team, `reason: "reads the projects of several teams"`)
}

// knows writes what people know of its use.
func (a *account) knows(line string) { a.known = append(a.known, line) }

// place puts the account and what it did into the seed.
func (g *generator) place(a *account) {
	a.Ref = a.Team + "/" + a.Name
	if a.Scope == sandbox.ScopeOrganization {
		a.Ref = Organization + "//" + a.Name
	}
	a.Issued = a.Delivered
	rotations := g.rotate(a)
	since := a.Delivered
	if len(a.uses) > 0 {
		a.Last = a.uses[len(a.uses)-1]
		since = a.Last
	}
	if a.Read.IsZero() {
		a.Read = a.Last
	}
	idle := slices.Contains(a.Codes, "unused") || slices.Contains(a.Codes, "never_used")
	if idle && a.Managed && g.now.Sub(since) >= ProposeAfter {
		a.Codes = append(a.Codes, "propose_quarantine")
	}
	if a.Kind == Gone {
		a.ID, a.KeyID, a.Key, a.Username = "", "", "", ""
		return
	}
	keys := a.moreKeys
	if a.Key != "" {
		keys = append(keys, sandbox.Key{Value: a.Key, ID: a.KeyID, CreatedAt: a.Issued, Description: label(a, a.Issued)})
	}
	g.h.Seed.ServiceAccounts = append(g.h.Seed.ServiceAccounts, sandbox.ServiceAccount{
		Name: cmp.Or(a.platformName, a.Name), Scope: a.Scope, Team: a.Team, Username: a.Username, ID: a.ID,
		Keys: keys,
	})
	g.entry(a, "team:create_service_account", a.Delivered, 200)
	for _, at := range rotations {
		// What keyrota does itself, as the account: no use of it.
		g.entry(a, "user:read", at, 200)
		g.entry(a, "user:create_api_key", at, 200)
		g.entry(a, "user:delete_api_key", at.Add(7*day), 200)
	}
	for _, at := range a.denied {
		g.entry(a, "user:read", at, 401)
	}
	if !a.deleted.IsZero() {
		g.deleteProject(a)
	}
	for i, at := range a.uses {
		if at.After(a.deleted) {
			g.use(a, i, at)
		}
	}
}

// rotate returns when the account's key was replaced: in time for the 90 days of the configuration, or for the last
// time too long ago.
func (g *generator) rotate(a *account) (rotations []time.Time) {
	const every = 75 * day
	until := g.now
	if a.unrotated {
		return nil
	}
	if a.stale {
		until = g.now.Add(-2 * every)
	}
	for t := a.Delivered.Add(every); a.Managed && t.Before(until); t = t.Add(every) {
		rotations, a.Issued = append(rotations, t), t
	}
	return rotations
}

// label is the description of a key that keyrota made.
func label(a *account, at time.Time) string {
	if !a.Managed {
		return "made by hand"
	}
	return fmt.Sprintf("keyrota/%s/%s/1@%s.0123456789", Instance, a.ID, at.UTC().Format("20060102T150405Z"))
}

// use puts one use into the seed: a run, and what it does with artifacts.
func (g *generator) use(a *account, i int, at time.Time) {
	p := place{team: a.Team, project: a.Name}
	if len(a.in) > 0 {
		p = a.in[i%len(a.in)]
	}
	g.project(p)
	credited := a.credited != "" && !at.Before(a.creditedFrom)
	if !a.noRuns {
		lasts := time.Duration(10+g.rand.IntN(300)) * time.Minute
		state, user := "finished", a.Username
		if credited {
			user = a.credited
		}
		if g.rand.IntN(20) == 0 {
			state = "failed"
		}
		g.h.Seed.Runs = append(g.h.Seed.Runs, sandbox.Run{
			ID: g.id("Run"), Name: fmt.Sprintf("%s-%06d", p.project, g.ids), Team: p.team, Project: p.project,
			Account: a.Username, CreditedTo: user, KeyID: a.KeyID, State: state,
			CreatedAt: at, HeartbeatAt: earlier(at.Add(lasts), g.now),
		})
	}
	if a.noLog || credited {
		return
	}
	if a.noRuns || g.rand.IntN(2) == 0 {
		g.artifact(a, p, "artifact:read", at.Add(time.Minute))
	}
	if !a.noRuns && g.rand.IntN(4) == 0 {
		g.artifact(a, p, "artifact:create", at.Add(2*time.Minute))
	}
}

// deleteProject has a person delete the account's project: its runs are gone with it.
func (g *generator) deleteProject(a *account) {
	g.h.Seed.AuditLog = append(g.h.Seed.AuditLog, sandbox.AuditEntry{
		Action: "project:delete", ActorUserID: leadID(a.Team), ActorEmail: address(lead(a.Team)), ActorIP: "10.1.0.1",
		EntityName: a.Team, ProjectName: a.Name, ResponseCode: 200, Timestamp: a.deleted, Visibility: sandbox.VisibilityTeam,
	})
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// project makes a project unless it is there.
func (g *generator) project(p place) {
	id := p.team + "/" + p.project
	if g.projects[id] {
		return
	}
	g.projects[id] = true
	g.h.Seed.Projects = append(g.h.Seed.Projects, sandbox.Project{
		ID: g.id("Project"), Name: p.project, Team: p.team, Visibility: cmp.Or(p.visibility, sandbox.VisibilityTeam),
		Members: p.members, CreatedAt: g.begin,
	})
}

func (g *generator) entry(a *account, action string, at time.Time, status int) {
	if !at.Before(g.now) {
		return
	}
	e := sandbox.AuditEntry{
		Action: action, ActorUserID: a.ID, ActorIP: "10.0.0.7", EntityName: a.Team, ResponseCode: status, Timestamp: at, UserAsset: a.ID,
	}
	if strings.HasPrefix(action, "team:") { // a person did it
		e.ActorUserID, e.ActorEmail = leadID(a.Team), address(lead(a.Team))
	}
	g.h.Seed.AuditLog = append(g.h.Seed.AuditLog, e)
}

func (g *generator) artifact(a *account, p place, action string, at time.Time) {
	if !at.Before(g.now) {
		return
	}
	g.h.Seed.AuditLog = append(g.h.Seed.AuditLog, sandbox.AuditEntry{
		Action: action, ActorUserID: a.ID, ActorIP: "10.0.0.7", CLIVersion: "0.21.0", EntityName: p.team, ProjectName: p.project,
		ResponseCode: 200, Timestamp: at, Visibility: cmp.Or(p.visibility, sandbox.VisibilityTeam),
	})
}

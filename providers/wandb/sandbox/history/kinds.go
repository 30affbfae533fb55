package history

import (
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// Kind is a way in which an account is used, or what is wrong with it.
type Kind string

// kind says how accounts of a kind are made, and what is true of them.
type kind struct {
	name    Kind
	weight  int // how many of 500 there are, about
	codes   []string
	unknown bool
	also    []string // findings that are neither right nor wrong
	make    func(g *generator, a *account)
}

// kinds are all kinds of accounts. The first is the usual one.
func kinds() []kind {
	var all []kind
	for _, group := range [][]kind{usedKinds(), idleKinds(), unknownKinds(), misusedKinds(), platformKinds(), recordKinds(), writtenKinds()} {
		all = append(all, group...)
	}
	return all
}

// usedKinds are used as they should be, however seldom.
func usedKinds() []kind {
	return []kind{
		{name: "daily", weight: 60, make: daily},
		{name: "weekly", weight: 50, make: func(g *generator, a *account) { g.delivered(a, 200, 720); g.every(a, 7*day, 15, g.now) }},
		{name: "monthly", weight: 35, make: func(g *generator, a *account) { g.delivered(a, 300, 720); g.every(a, 30*day, 10, g.now) }},
		{name: "quarterly", weight: 40, make: func(g *generator, a *account) { g.delivered(a, 600, 720); g.every(a, 91*day, 8, g.now) }},
		{name: "quarterly, some days each time", weight: 20, make: func(g *generator, a *account) {
			g.delivered(a, 600, 720)
			g.bursts(a, 91*day, 8, 5)
		}},
		{name: "quarterly, as written", weight: 10, make: func(g *generator, a *account) {
			g.delivered(a, 100, 170)
			g.every(a, 91*day, 8, g.now)
			a.knows("rhythm: 92d")
		}},
		// Once or twice is no rhythm that anybody could see.
		{name: "quarterly, and young", weight: 8, unknown: true, also: []string{"usage_unknown"}, make: func(g *generator, a *account) {
			g.delivered(a, 30, 110)
			g.every(a, 91*day, 8, g.now)
		}},
		{name: "yearly", weight: 4, make: func(g *generator, a *account) { g.delivered(a, 500, 720); g.every(a, 365*day, 2, g.now) }},
		{name: "yearly, as written", weight: 8, make: func(g *generator, a *account) {
			g.delivered(a, 500, 720)
			g.every(a, 365*day, 2, g.now)
			a.knows("rhythm: 370d")
		}},
		{name: "in campaigns", weight: 10, make: func(g *generator, a *account) { g.delivered(a, 400, 720); g.bursts(a, 34*day, 10, 7) }},
		{name: "reads artifacts only", weight: 20, make: func(g *generator, a *account) { daily(g, a); a.noRuns = true }},
		{name: "pausing", weight: 12, make: func(g *generator, a *account) { g.delivered(a, 300, 720); g.every(a, day, 10, g.ago(25, 42)) }},
		{name: "new", weight: 15, codes: []string{"usage_unknown"}, make: func(g *generator, a *account) { g.delivered(a, 3, 40) }},
		{name: "new, in use", weight: 10, make: func(g *generator, a *account) { g.delivered(a, 10, 40); g.every(a, day, 10, g.now) }},
		{name: "organization-wide", weight: 6, make: func(g *generator, a *account) {
			daily(g, a)
			a.organizationWide()
			for _, team := range g.someTeams(a.Team, 4) {
				a.in = append(a.in, place{team: team, project: "shared-metrics"})
			}
			a.env["WANDB_PROJECT"] = "shared-metrics"
		}},
		{name: "organization-wide, in teams of people alone", weight: 5, make: func(g *generator, a *account) {
			daily(g, a)
			a.organizationWide()
			a.in, a.noLog = []place{{team: guilds()[0], project: "metrics"}, {team: guilds()[1], project: "metrics"}}, true
			a.env["WANDB_PROJECT"] = "metrics"
		}},
		{name: "renamed at W&B", weight: 4, make: func(g *generator, a *account) { daily(g, a); a.platformName = a.Name + " (old)" }},
	}
}

// idleKinds are used no more, and that can be seen.
func idleKinds() []kind {
	unused := []string{"unused"}
	return []kind{
		{name: "idle", weight: 50, codes: unused, make: func(g *generator, a *account) {
			g.delivered(a, 500, 720)
			g.every(a, []time.Duration{day, 7 * day}[g.rand.IntN(2)], 10, g.ago(60, 380))
		}},
		{name: "idle for more than a year", weight: 12, codes: unused, make: func(g *generator, a *account) {
			g.delivered(a, 680, 720)
			g.every(a, day, 10, g.ago(420, 650))
		}},
		{name: "monthly once", weight: 12, codes: unused, make: func(g *generator, a *account) {
			g.delivered(a, 600, 720)
			g.every(a, 30*day, 10, g.ago(150, 300))
		}},
		{name: "quarterly once", weight: 8, codes: unused, make: func(g *generator, a *account) {
			g.delivered(a, 715, 720)
			g.every(a, 91*day, 3, g.ago(300, 310))
		}},
		{name: "never used", weight: 25, codes: []string{"never_used"}, make: func(g *generator, a *account) { g.delivered(a, 60, 720) }},
	}
}

// unknownKinds may be in use without a trace that can be seen.
func unknownKinds() []kind {
	untold := []string{"usage_unknown"}
	return []kind{
		{name: "credited to a person", weight: 15, unknown: true, codes: untold, make: func(g *generator, a *account) {
			daily(g, a)
			a.credited = member(a.Team)
			a.env["WANDB_USERNAME"] = a.credited
		}},
		{name: "credited to a person, unwritten", weight: 6, unknown: true, codes: untold, make: func(g *generator, a *account) {
			daily(g, a)
			a.credited = member(a.Team)
		}},
		// Whether those are its own nobody can see.
		{name: "idle, where people work", weight: 6, unknown: true, codes: untold, also: []string{"secret_unread"}, make: func(g *generator, a *account) {
			g.delivered(a, 500, 720)
			g.every(a, day, 10, g.ago(100, 300))
			for at := a.Delivered; at.Before(g.now); at = at.Add(g.about(5*day, 50)) {
				g.personal(place{team: a.Team, project: a.Name}, at)
			}
		}},
		{name: "credited to a person lately", weight: 5, unknown: true, codes: untold, make: func(g *generator, a *account) {
			daily(g, a)
			a.credited, a.creditedFrom = member(a.Team), g.ago(100, 150)
			delete(a.env, "WANDB_PROJECT")
		}},
		// Used since, it is plainly in use.
		{name: "quarterly, its project deleted", weight: 5, unknown: true, also: untold, make: func(g *generator, a *account) {
			g.delivered(a, 600, 720)
			g.every(a, 91*day, 8, g.now)
			a.deleted, a.noLog = g.ago(10, 40), true
		}},
		{name: "Weave only", weight: 12, unknown: true, codes: untold, make: func(g *generator, a *account) {
			g.delivered(a, 200, 700)
			a.Read = g.ago(0, 3)
			a.knows("weave: true")
		}},
		{name: "restricted project, from outside", weight: 8, unknown: true, codes: []string{"restricted_project", "usage_unknown"}, also: []string{"secret_unread"}, make: func(g *generator, a *account) {
			g.delivered(a, 200, 700)
			closed := place{team: a.Team, project: a.Name + "-closed", visibility: sandbox.VisibilityRestricted, members: []string{member(a.Team)}}
			g.project(closed)
			a.knows("projects: [" + closed.project + "]")
		}},
		// With its own key its runs can be seen, with the administrator's they cannot.
		{name: "restricted project, from inside", weight: 8, unknown: true, also: untold, make: func(g *generator, a *account) {
			daily(g, a)
			closed := place{team: a.Team, project: a.Name + "-closed", visibility: sandbox.VisibilityRestricted, members: []string{a.Username}}
			a.in, a.noLog = []place{closed}, true
			a.knows("projects: [" + closed.project + "]")
		}},
	}
}

// misusedKinds are used as they should not be.
func misusedKinds() []kind {
	return []kind{
		{name: "several purposes", weight: 10, codes: []string{"several_purposes"}, make: func(g *generator, a *account) {
			daily(g, a)
			for i := range 6 {
				a.in = append(a.in, place{team: a.Team, project: fmt.Sprintf("%s-%d", purposes()[(i*3+1)%teamSize], i)})
			}
		}},
		{name: "in two teams", weight: 6, codes: []string{"shared_key"}, make: func(g *generator, a *account) {
			daily(g, a)
			other := g.someTeams(a.Team, 2)[1]
			a.in = []place{{team: a.Team, project: a.Name}, {team: other, project: "guests", visibility: sandbox.VisibilityOpen}}
		}},
		{name: "read by two systems", weight: 6, codes: []string{"shared_key"}, make: func(g *generator, a *account) { daily(g, a); a.usedBy = append(a.usedBy, "jenkins/release") }},
		{name: "organization-wide, for one team", weight: 8, codes: []string{"scope_too_wide"}, make: func(g *generator, a *account) {
			daily(g, a)
			a.organizationWide()
		}},
		{name: "failing to authenticate", weight: 8, codes: []string{"failed_authentications"}, make: func(g *generator, a *account) {
			daily(g, a)
			for i := range 30 {
				a.denied = append(a.denied, g.now.Add(-time.Duration(i)*4*time.Hour-time.Hour))
			}
		}},
	}
}

// platformKinds are on the platform in another way than the configuration says.
func platformKinds() []kind {
	return []kind{
		{name: "unmanaged", weight: 8, codes: []string{"not_managed"}, make: func(g *generator, a *account) { daily(g, a); a.Managed = false }},
		{name: "unmanaged, idle", weight: 6, codes: []string{"not_managed"}, make: func(g *generator, a *account) {
			g.delivered(a, 500, 720)
			g.every(a, day, 10, g.ago(100, 300))
			a.Managed = false
		}},
		{name: Gone, weight: 6, codes: []string{"not_at_platform"}, make: func(g *generator, a *account) { g.delivered(a, 200, 700) }},
		{name: "key by hand", weight: 6, codes: []string{"foreign_key"}, make: func(g *generator, a *account) {
			daily(g, a)
			a.moreKeys = append(a.moreKeys, g.key(a, "by hand", 5))
		}},
	}
}

// writtenKinds are in daily use, and what is written of them is amiss.
func writtenKinds() []kind {
	return []kind{
		{name: "no owner", weight: 6, codes: []string{"no_owner"}, make: func(g *generator, a *account) { daily(g, a); a.ownerless = true }},
		{name: "no purpose", weight: 6, codes: []string{"no_purpose"}, make: func(g *generator, a *account) { daily(g, a); a.aimless = true }},
		{name: "unreviewed", weight: 6, codes: []string{"review_overdue"}, make: func(g *generator, a *account) { daily(g, a); a.unreviewed = true }},
		{name: "badly named", weight: 5, codes: []string{"name_convention"}, make: func(g *generator, a *account) {
			daily(g, a)
			a.rename(fmt.Sprintf("service-account-%d", len(g.h.accounts)))
		}},
		{name: "entity of others", weight: 4, codes: []string{"entity_mismatch"}, make: func(g *generator, a *account) {
			daily(g, a)
			a.env["WANDB_ENTITY"] = g.someTeams(a.Team, 2)[1]
		}},
		{name: "attributed to an outsider", weight: 4, codes: []string{"attribution_outside_team"}, make: func(g *generator, a *account) {
			daily(g, a)
			a.env["WANDB_USERNAME"] = member(g.someTeams(a.Team, 2)[1])
		}},
	}
}

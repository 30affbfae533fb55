package history

import (
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// Each team has a lead, its administrator, and a member.
func lead(team string) string   { return "lead-" + team }
func member(team string) string { return "member-" + team }

func address(username string) string { return username + "@acme.example" }

func leadID(team string) string { return "lead:" + team }

// guilds are teams of people alone.
func guilds() []string { return []string{"guild-00", "guild-01"} }

// addPeople makes the teams of so many accounts and the people in them, who read on every working day, and log every
// week.
func (g *generator) addPeople(accounts int) {
	seed := &g.h.Seed
	seed.People = append(seed.People, sandbox.Person{
		Username: "ada", Email: address("ada"), Admin: true, ID: g.id("User"), Keys: []sandbox.Key{{Value: AdminKey, ID: g.id("ApiKey")}},
	})
	teams := guilds()
	for i := 0; i < accounts; i += teamSize {
		teams = append(teams, teamOf(i))
	}
	for _, team := range teams {
		seed.Teams = append(seed.Teams, sandbox.Team{Name: team, ID: g.id("Entity")})
		for _, p := range []sandbox.Person{
			{Username: lead(team), ID: leadID(team), Teams: map[string]sandbox.Role{team: sandbox.RoleAdmin}},
			{Username: member(team), ID: g.id("User"), Teams: map[string]sandbox.Role{team: sandbox.RoleMember}},
		} {
			p.Email = address(p.Username)
			seed.People = append(seed.People, p)
		}
		for at := g.begin.Add(9 * time.Hour); at.Before(g.now); at = at.Add(day) {
			if weekend(at) {
				continue
			}
			seed.AuditLog = append(seed.AuditLog, sandbox.AuditEntry{
				Action: "project:read", ActorUserID: leadID(team), ActorEmail: address(lead(team)), ActorIP: "10.1.0.1",
				EntityName: team, ProjectName: notes, ResponseCode: 200, Timestamp: at, Visibility: sandbox.VisibilityTeam,
			})
			if at.Weekday() == time.Monday {
				g.personal(place{team: team, project: notes}, at)
			}
		}
	}
}

// notes is the project of each team that its people log to.
const notes = "notes"

// personal is a run that a team's lead logs with a key of their own.
func (g *generator) personal(p place, at time.Time) {
	g.project(p)
	g.h.Seed.Runs = append(g.h.Seed.Runs, sandbox.Run{
		ID: g.id("Run"), Name: fmt.Sprintf("%s-%06d", p.project, g.ids), Team: p.team, Project: p.project, Account: lead(p.team),
		State: "finished", CreatedAt: at, HeartbeatAt: earlier(at.Add(time.Hour), g.now),
	})
}

func weekend(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }

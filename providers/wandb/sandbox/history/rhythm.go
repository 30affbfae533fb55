package history

import (
	"slices"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// delivered says between how many days ago the account was given its first key.
func (g *generator) delivered(a *account, from, to int) { a.Delivered = g.ago(from, to) }

// daily has the account used on every working day until now.
func daily(g *generator, a *account) {
	g.delivered(a, 200, 720)
	g.every(a, day, 10, g.now)
}

// every has the account used from its delivery on until a time, at intervals that are some percent longer or shorter.
func (g *generator) every(a *account, gap time.Duration, percent int, until time.Time) {
	for t := a.Delivered.Add(g.about(time.Hour, 50)); t.Before(until); t = t.Add(g.about(gap, percent)) {
		if gap > day || !weekend(t) {
			a.uses = append(a.uses, t)
		}
	}
}

// bursts has the account used for up to so many days on end, until now.
func (g *generator) bursts(a *account, gap time.Duration, percent, days int) {
	for t := a.Delivered.Add(g.about(time.Hour, 50)); t.Before(g.now); t = t.Add(g.about(gap, percent)) {
		for i := range 2 + g.rand.IntN(days-1) {
			if at := t.Add(time.Duration(i) * day); at.Before(g.now) {
				a.uses = append(a.uses, at)
			}
		}
	}
}

// about is a length of time, some percent longer or shorter.
func (g *generator) about(d time.Duration, percent int) time.Duration {
	spread := int64(d) * int64(percent) / 100
	return d + time.Duration(g.rand.Int64N(2*spread+1)-spread)
}

// someTeams returns a team and others, so many or as there are.
func (g *generator) someTeams(first string, n int) []string {
	teams := []string{first}
	all := g.h.Seed.Teams[len(guilds()):]
	from := g.rand.IntN(len(all))
	for i := range all {
		if t := all[(from+i)%len(all)].Name; len(teams) < n && !slices.Contains(teams, t) {
			teams = append(teams, t)
		}
	}
	return teams
}

// key is one more key of the account, made some days ago.
func (g *generator) key(a *account, description string, daysAgo int) sandbox.Key {
	return sandbox.Key{Value: "local-CANARYMORE" + a.Key[len("local-CANARY"):], ID: g.id("ApiKey"), Description: description, CreatedAt: g.ago(daysAgo, daysAgo+1)}
}

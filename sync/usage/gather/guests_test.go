package gather_test

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/usage"
)

// TestAnAccountThatComesToATeamLaterIsLookedForInAllOfItsRuns: what it did there
// before was nobody's.
func TestAnAccountThatComesToATeamLaterIsLookedForInAllOfItsRuns(t *testing.T) {
	organization := func(w *world) {
		w.members[""] = []providers.Member{{ID: "id:acme//metrics", Username: "metrics", Name: "metrics"}}
		w.configure(`name: metrics, scope: organization, default_team: ml, reason: "all of it", env: {WANDB_PROJECT: sums}`, "acme//metrics", nil)
	}
	unlisted := func(op, what string) error {
		if op == "members" && what == "" {
			return failure(providers.Transient)
		}
		return nil
	}
	listed := func(w *world) { w.fails = func(string, string) error { return nil } }
	for name, c := range map[string]struct {
		user  string
		first func(w *world) // before the first look
		later func(w *world)
		gaps  int // days on which its runs were taken for a person's once
	}{
		"of the organization": {user: "metrics", later: organization},
		"of the organization, which could not be listed": {
			user: "metrics",
			first: func(w *world) {
				organization(w)
				w.fails = unlisted
			},
			later: listed,
		},
		"of the organization, which could not be listed for a month": {
			user: "metrics",
			first: func(w *world) {
				organization(w)
				w.now = start.Add(-30 * day)
				w.whole()
				w.now, w.fails = start, unlisted
			},
			later: listed, gaps: 1,
		},
		"of another team": {user: "late-vision", later: func(w *world) {
			w.account("vision", "late", func(a *config.Account) { a.Env = map[string]string{"WANDB_ENTITY": "ml", "WANDB_PROJECT": "shared"} })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.people(420)
			old := w.account("ml", "old", nil)
			w.projects["ml"] = []string{"shared"}
			w.run("ml", "shared", c.user, 20, time.Hour)
			w.run("ml", "shared", "old-ml", 30, time.Hour)
			w.run("ml", "shared", "old-ml", 30, time.Hour)
			if c.first != nil {
				c.first(w)
			}
			w.look()
			c.later(w)
			w.now = start.Add(3 * day)
			w.whole()
			late := w.accounts[1].Ref()
			w.judged(late, usage.Used, "last used on 2026-11-10, as its runs show")
			if gaps := w.of(late).Coverage[usage.Runs].Gaps; len(gaps) != c.gaps {
				t.Errorf("its own runs are taken for a person's: %+v", gaps)
			}
			if n := w.of(old).Traces[usage.Runs].Days[usage.DayOf(start)-30]; n != 2 {
				t.Errorf("runs of another count %d times", n)
			}
			// Once.
			w.run("ml", "shared", c.user, 300, time.Hour)
			w.now = start.Add(4 * day)
			w.whole()
			if first := w.of(late).Traces[usage.Runs].First; !first.Equal(start.Add(-20 * day)) {
				t.Errorf("all was read again: %s", first)
			}
		})
	}
}

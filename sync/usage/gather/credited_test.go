package gather_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/usage"
)

// TestWhatWasReadAndNotYetCoveredStillHides: the runs of a project are not read
// again, so on which days they showed people is kept until the accounts that may
// be meant are covered.
func TestWhatWasReadAndNotYetCoveredStillHides(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(w *world)
	}{
		"a stop after a team": {func(w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			w.fails = func(op, what string) error {
				if op == "projects" && what == "vision" { // teams are saved one by one
					cancel()
				}
				return ctx.Err()
			}
			if _, err := w.gatherer().Gather(ctx, w.accounts, w.records); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}},
		"another project fails for days": {func(w *world) {
			w.fails = func(op, what string) error {
				if op == "runs" && what == "ml/other" {
					return failure(providers.Transient)
				}
				return nil
			}
			for n := range 5 {
				w.now = start.Add(time.Duration(n) * day)
				w.look()
			}
		}},
		"and the first is gone by then": {func(w *world) {
			w.fails = func(op, what string) error {
				if op == "runs" && what == "ml/other" {
					return failure(providers.Transient)
				}
				return nil
			}
			w.look()
			w.projects["ml"] = []string{"other"}
			delete(w.runs, "ml/credited")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.people(420)
			credited, other := w.account("ml", "credited", nil), w.account("ml", "other", nil)
			w.account("vision", "another", nil)
			w.projects["ml"], w.runs["ml/other"] = []string{"credited", "other"}, []providers.Run{}
			w.run("ml", "credited", "ada", 10, time.Hour)
			c.meanwhile(w)
			w.fails = func(string, string) error { return nil }
			w.now = start.Add(6 * day)
			for n := range 7 {
				w.log = append(w.log, providers.AuditEntry{At: start.Add(time.Duration(n) * day), Action: "artifact:read", Actor: "ada", Status: 200})
			}
			w.whole()
			w.judged(credited, usage.Unknown, "runs: nothing was seen on 2026-11-20: a run where it logs shows a person as its user")
			w.judged(other, usage.Never, "")
		})
	}
}

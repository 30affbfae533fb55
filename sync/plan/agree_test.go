package plan_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

const month = 30 * 24 * time.Hour

// TestWhatPlanSaysIsWhatSyncDoes makes a plan from a sweep, then real passes,
// and compares the steps with the events that the passes saved.
func TestWhatPlanSaysIsWhatSyncDoes(t *testing.T) {
	for _, c := range []struct {
		name  string
		yaml  string // oneAccount if empty
		opt   providertest.PlatformOptions
		given func(w *world) // after which the plan is made
		want  []string
		waits string   // what the account then waits for contains this
		asks  string   // the assumptions contain this
		again []string // what is planned after the pass
		idle  bool     // pending, and the pass finds that it can do nothing
	}{
		{
			name: "a new account",
			want: []string{
				"provision", "adopt (new) e1",
				"deliver (new) e1 a:ml/train#WANDB_API_KEY", "deliver (new) e1 b:ml/train#KEY",
			},
			waits: "in step", asks: "shows the account's first key",
		},
		{
			name:  "a new account on a server that shows no first key",
			opt:   providertest.PlatformOptions{HidesFirstKey: true},
			given: func(w *world) { w.hidesFirstKey = true },
			want:  []string{"provision", "park e0"},
			waits: "keyrota adopt",
		},
		{
			name:  "nothing to do",
			given: func(w *world) { w.pass() },
			waits: "in step",
		},
		{
			name:  "a rotation is due",
			given: func(w *world) { w.pass(); w.sleep(month) },
			want: []string{
				"issue (new) e2", "deliver (new) e2 a:ml/train#WANDB_API_KEY", "deliver (new) e2 b:ml/train#KEY",
			},
			waits: "both keys work",
		},
		{
			name:  "the overlap is over",
			given: func(w *world) { w.pass(); w.sleep(month); w.pass(); w.sleep(25 * time.Hour) },
			want:  []string{"retire key-2 e1"},
			waits: "in step",
		},
		{
			name:  "the account is to be switched off",
			given: func(w *world) { w.pass(); w.off() },
			want:  []string{"quarantining key-2 e1"},
			waits: "every key of the account is deleted from 2000-01-08T00:00:00Z on, as its configuration says (state: quarantined); to bring it back after that, write state: active, create a key by hand, and run: keyrota adopt ml/ci-train --key-file -",
		},
		{
			name:  "and its owner was warned for long enough",
			given: func(w *world) { w.pass(); w.off(); w.pass(); w.sleep(7 * 24 * time.Hour) },
			want:  []string{"quarantining key-2 e1"},
			waits: "what is being written or created ends first",
		},
		{
			name: "and its keys go",
			given: func(w *world) {
				w.pass()
				w.platform.AddKey(w.record().Account, "somebody's")
				w.pass()
				w.off()
				w.pass()
				w.sleep(7 * 24 * time.Hour)
				w.pass()
				w.sleep(11 * time.Minute)
			},
			want:  []string{"retire key-3", "retire key-2 e1", "quarantined"},
			waits: "quarantined since",
		},
		{
			name: "and it is wanted again",
			given: func(w *world) {
				w.pass()
				w.off()
				w.pass()
				w.sleep(7 * 24 * time.Hour)
				w.pass()
				w.sleep(11 * time.Minute)
				w.pass()
				w.inv.Accounts[0].State = rotation.Active
			},
			want:  []string{"activate", "park e0"},
			waits: "keyrota adopt",
		},
		{
			name:  "an account that may be in use is to be switched off",
			given: func(w *world) { w.pass(); w.off(); w.inv.Accounts[0].Force = false },
			waits: "state: quarantined is not carried out: whether it was used in the last 14 days is not known (its use is not observed here): observe its use, or write force: true beside it",
		},
		{
			name:  "a store is down",
			given: func(w *world) { w.pass(); w.sleep(month); w.stores["b"].Unreachable(true) },
			waits: "b:ml/train#KEY cannot be looked at",
		},
		{
			name: "a store is down while a delivery is under way",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.cut("put", "b")
				w.pass()
				w.stores["a"].Edit("ml/train", `{"WANDB_API_KEY":"CANARY-typed-by-hand-0000000000000000000000000000"}`)
				w.stores["b"].Unreachable(true)
			},
			want:  []string{"deliver key-3 e2 a:ml/train#WANDB_API_KEY"},
			waits: "b:ml/train#KEY cannot be looked at",
		},
		{
			name: "a hand edit",
			given: func(w *world) {
				w.pass()
				w.stores["a"].Edit("ml/train", `{"WANDB_API_KEY":"CANARY-typed-by-hand-0000000000000000000000000000"}`)
			},
			want: []string{"deliver key-2 e1 a:ml/train#WANDB_API_KEY"}, waits: "in step", asks: "by hand does not work",
		},
		{
			name: "a hand edit of the only destination",
			yaml: oneStore,
			given: func(w *world) {
				w.pass()
				w.stores["a"].Edit("ml/train", `{"WANDB_API_KEY":"CANARY-typed-by-hand-0000000000000000000000000000"}`)
			},
			want: []string{"deliver key-2 e1 a:ml/train#WANDB_API_KEY"}, asks: "earlier version of a:ml/train",
		},
		{
			name: "the only destination was deleted",
			yaml: oneStore,
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.pass()
				w.stores["a"].Delete("ml/train")
			},
			// What was deleted is not read; the version before it holds the old key.
			want: []string{"issue (new) e3", "deliver (new) e3 a:ml/train#WANDB_API_KEY"},
			asks: "still holds key key-2",
		},
		{
			name:  "the ledger is lost",
			given: func(w *world) { w.pass(); w.sleep(month); w.pass(); w.loseLedger() },
			want: []string{
				"recover key-3 e3", "deliver key-3 e3 a:ml/train#WANDB_API_KEY", "deliver key-3 e3 b:ml/train#KEY",
			},
		},
		{
			name:  "the ledger is lost and a store is down",
			given: func(w *world) { w.pass(); w.loseLedger(); w.stores["b"].Unreachable(true) },
			waits: "nothing is on record, and b:ml/train#KEY cannot be looked at",
		},
		{
			name:  "the format changed",
			given: func(w *world) { w.pass(); w.configure(otherFormat) },
			want:  []string{"deliver key-2 e1 a:ml/train#WANDB_API_KEY"},
			waits: "in step",
		},
		{
			name: "a stray key",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.loseAnswer()
				w.dieAfter(rotation.EventIssueFailed)
				w.sleep(time.Hour)
			},
			want: []string{
				"discard key-3",
				"issue (new) e3", "deliver (new) e3 a:ml/train#WANDB_API_KEY", "deliver (new) e3 b:ml/train#KEY",
			},
		},
		{
			name: "a creation was cut short by the end of the process",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.dieAfter(rotation.EventIssuing)
			},
			want: []string{
				"abandon",
				"issue (new) e3", "deliver (new) e3 a:ml/train#WANDB_API_KEY", "deliver (new) e3 b:ml/train#KEY",
			},
		},
		{
			name: "the process ended before a new key was delivered anywhere",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.dieAfter(rotation.EventDelivering)
			},
			want: []string{
				"issue (new) e3", "deliver (new) e3 a:ml/train#WANDB_API_KEY", "deliver (new) e3 b:ml/train#KEY",
			},
		},
		{
			name: "a delivery was cut short between data and mark",
			yaml: oneStore,
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.cut("put", "a")
				w.pass()
				w.restart()
			},
			want: []string{"deliver key-3 e2 a:ml/train#WANDB_API_KEY"},
			asks: "cut short",
		},
		{
			name:  "without an admin key, nothing on record",
			opt:   providertest.PlatformOptions{NoAdmin: true},
			waits: "without an admin key",
		},
		{
			name:  "without an admin key, a rotation is due",
			given: func(w *world) { w.pass(); w.sleep(month); w.loseAdmin() },
			want: []string{
				"issue (new) e2", "deliver (new) e2 a:ml/train#WANDB_API_KEY", "deliver (new) e2 b:ml/train#KEY",
			},
		},
		{
			name: "without an admin key, a stray key and a hand edit",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.loseAnswer()
				w.dieAfter(rotation.EventIssueFailed)
				w.loseAdmin()
				w.stores["a"].Edit("ml/train", `{"WANDB_API_KEY":"CANARY-typed-by-hand-0000000000000000000000000000"}`)
			},
			// The stray may be what was typed: it is left until that is settled.
			want: []string{"deliver key-2 e1 a:ml/train#WANDB_API_KEY"},
			asks: "does not work",
		},
		{
			name:  "without an admin key, and no value left to list keys with",
			yaml:  oneStore,
			given: func(w *world) { w.pass(); w.loseAdmin(); w.stores["a"].Erase("ml/train") },
			idle:  true,
			waits: "the platform's keys are unknown",
		},
		{
			name: "without an admin key, adopted where it sits",
			opt:  providertest.PlatformOptions{NoAdmin: true},
			given: func(w *world) {
				a := w.platform.AddAccount(rotation.Account{Name: "ci-train", Team: "ml", Scope: rotation.ScopeTeam})
				_, value := w.platform.AddKey(a.ID, "")
				w.stores["a"].Edit("old/place", value.Expose())
				w.request(rotation.Request{Kind: rotation.RequestAdopt, From: rotation.Destination{Store: "a", Path: "old/place"}})
			},
			want: []string{
				"find", "adopt (unknown) e1", "deliver (unknown) e1 a:ml/train#WANDB_API_KEY", "deliver (unknown) e1 b:ml/train#KEY",
				// A key of unknown age is due at once.
				"issue (new) e2", "deliver (new) e2 a:ml/train#WANDB_API_KEY", "deliver (new) e2 b:ml/train#KEY",
			},
			asks: "holds a live key of this account",
		},
		{
			name: "a foreign secret",
			given: func(w *world) {
				w.stores["a"].Edit("ml/train", `{"WANDB_API_KEY":"CANARY-of-someone-else-00000000000000000000000"}`)
			},
			want:  []string{"provision", "adopt (new) e1", "deliver (new) e1 b:ml/train#KEY"},
			waits: "a:ml/train#WANDB_API_KEY is not ours",
		},
		{
			name: "a secret named to be taken over",
			given: func(w *world) {
				w.stores["a"].Edit("ml/train", `{"WANDB_API_KEY":"CANARY-of-someone-else-00000000000000000000000"}`)
				w.change(func(r *rotation.Record) {
					r.Adopt = []rotation.Destination{{Store: "a", Path: "ml/train", Field: "WANDB_API_KEY"}}
				})
			},
			want: []string{
				"provision", "adopt (new) e1",
				"deliver (new) e1 a:ml/train#WANDB_API_KEY", "deliver (new) e1 b:ml/train#KEY",
			},
		},
		{
			name: "observed only", yaml: observeOnly,
			waits: "manage: observe",
		},
		{
			name: "due, and the window is closed", yaml: withWindow,
			given: func(w *world) { w.pass(); w.sleep(month + 4*24*time.Hour + 3*time.Hour) }, // a Friday night
			waits: "held back until the window opens",
		},
		{
			name: "a person asks for a rotation while one is under way",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.pass()
				w.request(rotation.Request{Kind: rotation.RequestRotate})
			},
			want: []string{
				"issue (new) e3", "deliver (new) e3 a:ml/train#WANDB_API_KEY", "deliver (new) e3 b:ml/train#KEY",
			},
		},
		{
			name: "a person rolls back",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.pass()
				w.request(rotation.Request{Kind: rotation.RequestRollback, Key: "key-2"})
			},
			want: []string{
				"rollback key-2 e3", "deliver key-2 e3 a:ml/train#WANDB_API_KEY", "deliver key-2 e3 b:ml/train#KEY",
			},
		},
		{
			name: "a person rolls back to a key that is not there",
			given: func(w *world) {
				w.pass()
				w.request(rotation.Request{Kind: rotation.RequestRollback, Key: "key-9"})
			},
			want:  []string{"refuse key-9"},
			waits: "in step",
		},
		{
			name: "a leak",
			given: func(w *world) {
				w.pass()
				w.request(rotation.Request{Kind: rotation.RequestLeaked, At: time.Now()})
			},
			want: []string{
				"leaked key-2 e1",
				"issue (new) e2", "deliver (new) e2 a:ml/train#WANDB_API_KEY", "deliver (new) e2 b:ml/train#KEY",
			},
			waits: "overlap",
		},
		{
			name: "a leak, and a person who cannot wait, in a freeze",
			given: func(w *world) {
				w.pass()
				w.configure(frozen)
				w.platform.AddKey(w.record().Account, "somebody's")
				w.request(rotation.Request{Kind: rotation.RequestLeaked, At: time.Now(), Keys: []rotation.KeyID{"key-3"}, Leak: rotation.Leak{Now: true}})
			},
			want: []string{
				"leaked key-2 e1", "leaked key-3",
				"issue (new) e2", "deliver (new) e2 a:ml/train#WANDB_API_KEY",
				"retire key-3", "retire key-2 e1", "leak-over (new) e2",
				"deliver (new) e2 b:ml/train#KEY",
			},
			waits: "in step",
		},
		{
			name: "a leak, and a key that nothing explains",
			given: func(w *world) {
				w.pass()
				w.platform.AddKey(w.record().Account, "somebody's")
				w.request(rotation.Request{Kind: rotation.RequestLeaked, At: time.Now(), Leak: rotation.Leak{Now: true}})
			},
			want: []string{
				"leaked key-2 e1",
				"issue (new) e2", "deliver (new) e2 a:ml/train#WANDB_API_KEY",
				"retire key-2 e1",
				"deliver (new) e2 b:ml/train#KEY",
			},
			waits: "nothing on record explains key-3: for each, run keyrota rotate --leaked ml/ci-train with --delete KEY or --keep KEY",
		},
		{
			name: "a person ends an overlap",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.pass()
				w.sleep(time.Hour)
				w.request(rotation.Request{Kind: rotation.RequestRetire, Keys: []rotation.KeyID{"key-2"}})
			},
			want:  []string{"end key-2 e1", "retire key-2 e1"},
			waits: "in step",
		},
		{
			name: "a person ends an overlap in a freeze",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.pass()
				w.sleep(time.Hour)
				w.configure(frozen)
				w.request(rotation.Request{Kind: rotation.RequestRetire, Keys: []rotation.KeyID{"key-2"}})
			},
			want:  []string{"end key-2 e1"},
			waits: "by a freeze until 2000-03-16T00:00:00Z: keyrota unfreeze lifts",
		},
		{
			name: "a person asks for a rotation in a freeze",
			given: func(w *world) {
				w.pass()
				w.configure(frozen)
				w.request(rotation.Request{Kind: rotation.RequestRotate})
			},
			waits: "a rotation was asked for, and is held back by a freeze until 2000-03-16T00:00:00Z: keyrota unfreeze lifts the freeze, keyrota rotate --leaked overrides it",
		},
		{
			name:  "an old key was deleted by someone", // it is forgotten once the platform agrees with the clock: at the end of its overlap
			given: func(w *world) { w.pass(); w.sleep(month); w.pass(); w.platform.DeleteKey("key-2") },
		},
		{
			name:  "the account was removed",
			given: func(w *world) { w.pass(); w.platform.DeleteAccount(w.record().Account) },
			want:  []string{"park key-2 e1"},
			waits: "no longer lists this account",
		},
		{
			name: "two accounts of one name",
			given: func(w *world) {
				for range 2 {
					w.platform.AddAccount(rotation.Account{Name: "ci-train", Team: "ml", Scope: rotation.ScopeTeam})
				}
			},
			want:  []string{"park e0"},
			waits: "2 accounts by exactly this name",
		},
		{
			name:  "a destination left the configuration",
			given: func(w *world) { w.pass(); w.sleep(month); w.configure(oneStore) },
			want:  []string{"issue (new) e2", "deliver (new) e2 a:ml/train#WANDB_API_KEY"},
			waits: "left the configuration",
		},
		{
			name: "parked",
			given: func(w *world) {
				w.pass()
				w.sleep(month)
				w.platform.Set(func(o *providertest.PlatformOptions) { o.CreateDisabled = true })
				w.pass()
			},
			waits: "disabled",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				yaml := c.yaml
				if yaml == "" {
					yaml = oneAccount
				}
				w := newWorld(t, yaml, c.opt)
				if c.given != nil {
					c.given(w)
				}
				p, pending := w.plan(time.Now())
				w.ledger.trace = nil
				steps := w.steps(p)
				report := w.pass()
				w.compare("the plan", c.want, steps)
				w.compare("the passes", w.asSteps(steps), w.ledger.trace)
				if got := len(pending) == 1; got != (report.Did > 0 || c.idle) {
					t.Errorf("pending: %v, and the pass did %d things", pending, report.Did)
				}
				if p.Changes() != (len(c.want) > 0) {
					t.Errorf("Changes() = %v", p.Changes())
				}
				wait := p.Waiting[0]
				w.contains("waits for", wait.Why, c.waits)
				wait.Why = strings.ReplaceAll(wait.Why, "memory: observe", "memory: look")
				if wait.Why != report.Wait.Why || !wait.Until.Equal(report.Wait.Until) || wait.Overdue != report.Wait.Overdue {
					t.Errorf("planned to wait for %q until %s (overdue: %v)\nand waits for   %q until %s (overdue: %v)",
						wait.Why, wait.Until, wait.Overdue, report.Wait.Why, report.Wait.Until, report.Wait.Overdue)
				}
				assumed := ""
				for _, s := range p.Steps {
					assumed += s.Assuming
				}
				w.contains("assumes", assumed, c.asks)
				again, _ := w.plan(time.Now())
				w.compare("after the pass, the plan", c.again, w.steps(again))
			})
		})
	}
}

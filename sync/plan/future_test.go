package plan_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/plan"
)

// TestThePlanOfTheFuture makes a plan for a quarter of a year, then lets the
// time pass and makes a pass whenever something is due.
func TestThePlanOfTheFuture(t *testing.T) {
	for _, yaml := range []string{oneAccount, withWindow} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, yaml, providertest.PlatformOptions{})
			steps := w.comesTrue(time.Now().Add(3*month + 7*24*time.Hour))
			if len(steps) < 4+3*4 {
				t.Errorf("only %d steps:\n%v", len(steps), steps)
			}
		})
	}
}

// comesTrue makes a plan, then a pass whenever something is due, and compares
// what was planned with what was done, and when.
func (w *world) comesTrue(until time.Time) (steps []string) {
	w.t.Helper()
	p, _ := w.plan(until)
	steps = w.steps(p)
	w.ledger.trace = nil
	var when []time.Time
	for {
		r := w.pass()
		for len(when) < len(w.ledger.trace) {
			when = append(when, time.Now())
		}
		if r.Wait.Until.IsZero() || r.Wait.Until.After(until) {
			break
		}
		w.sleep(time.Until(r.Wait.Until))
	}
	w.compare("the passes", w.asSteps(steps), w.ledger.trace)
	for i, s := range p.Steps {
		if i < len(when) && !s.When.Equal(when[i]) {
			w.t.Errorf("%s was planned for %s, and done at %s", steps[i], s.When, when[i])
		}
	}
	return steps
}

// TestThePlanSaysWhenKeysGo: who reviews that an account is to be switched off
// sees when its keys are deleted.
func TestThePlanSaysWhenKeysGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		w.off()
		w.compare("the plan", []string{"quarantining key-2 e1", "quarantining key-2 e1", "retire key-2 e1", "quarantined"}, w.comesTrue(time.Now().Add(10*24*time.Hour)))
	})
}

// TestAPlanAssumesThatARunGoesOn as long as it was last seen to.
func TestAPlanAssumesThatARunGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		w.sleep(month)
		w.pass()
		w.sleep(25 * time.Hour)
		a := &w.inv.Accounts[0]
		a.Beats, a.Policy.MaxOverlap = true, 14*24*time.Hour
		p, _ := w.plan(time.Now())
		if len(p.Steps) != 1 || p.Steps[0].Kind != plan.Retire || !strings.Contains(p.Steps[0].Assuming, "no run of the account that is older than the new key goes on") {
			t.Errorf("nothing is known of runs: %+v", p.Steps)
		}
		w.change(func(r *rotation.Record) {
			r.HeldBy = []rotation.Beat{{Run: "ml/eval/k2x9", Created: r.Agreed.Add(-time.Hour)}}
		})
		p, _ = w.plan(time.Now())
		if len(p.Steps) != 0 || !strings.Contains(p.Waiting[0].Why, "run ml/eval/k2x9") {
			t.Errorf("a run was seen: %+v", p)
		}
	})
}

// TestAPlanSaysWhatItAssumes: a value typed by hand is read only when
// something is done, and then other things may follow than were planned.
func TestAPlanSaysWhatItAssumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		_, value := w.platform.AddKey(w.record().Account, "made by hand")
		if err := w.stores["a"].EditField("ml/train", "WANDB_API_KEY", value); err != nil {
			t.Fatal(err)
		}
		p, pending := w.plan(time.Now())
		if len(pending) != 1 || len(p.Steps) != 1 || p.Steps[0].Assuming == "" {
			t.Fatalf("pending %v, planned %+v", pending, p.Steps)
		}
		w.ledger.trace = nil
		w.pass()
		if len(w.ledger.trace) == 0 || w.ledger.trace[0] != "adopt key-3 e2 a:ml/train#WANDB_API_KEY" {
			t.Fatalf("done: %v", w.ledger.trace)
		}
	})
}

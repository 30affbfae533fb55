package plan_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
)

// TestThePlanOfTheFuture makes a plan for a quarter of a year, then lets the
// time pass and makes a pass whenever something is due.
func TestThePlanOfTheFuture(t *testing.T) {
	for _, yaml := range []string{oneAccount, withWindow} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, yaml, providertest.PlatformOptions{})
			begun := time.Now()
			until := begun.Add(3*month + 7*24*time.Hour)
			p, _ := w.plan(until)
			steps := w.steps(p)
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
			if len(steps) < 4+3*4 {
				t.Errorf("only %d steps:\n%v", len(steps), steps)
			}
			w.compare("the passes", w.asSteps(steps), w.ledger.trace)
			for i, s := range p.Steps {
				if i < len(when) && !s.When.Equal(when[i]) {
					t.Errorf("%s was planned for %s, and done at %s", steps[i], s.When, when[i])
				}
			}
		})
	}
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

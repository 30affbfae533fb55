package plan_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/plan"
)

func TestStepsAreByTimeThenByAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeAccounts, providertest.PlatformOptions{})
		w.pass() // the first account is done
		p, pending := w.plan(time.Now().Add(2 * month))
		if !slices.Equal(pending, []rotation.Ref{"ml/zebra", "ml/aardvark"}) {
			t.Errorf("pending: %v", pending)
		}
		if !slices.IsSortedFunc(p.Steps, func(a, b plan.Step) int {
			return cmp.Or(a.When.Compare(b.When), cmp.Compare(a.Ref, b.Ref))
		}) {
			t.Errorf("not in order: %+v", p.Steps)
		}
		var now []string
		refs := map[rotation.Ref]int{}
		for _, s := range p.Steps {
			refs[s.Ref]++
			if s.When.Equal(p.Now) {
				now = append(now, string(s.Ref)+" "+string(s.Kind))
			}
		}
		w.compare("now", []string{
			"ml/aardvark provision", "ml/aardvark adopt", "ml/aardvark deliver",
			"ml/zebra provision", "ml/zebra adopt", "ml/zebra deliver",
		}, now)
		if refs["ml/ci-train"] < 5 || refs["ml/zebra"] < 3+3*4 {
			t.Errorf("steps by account: %v", refs)
		}
		var waiting []rotation.Ref
		for _, v := range p.Waiting {
			waiting = append(waiting, v.Ref)
			if v.Phase != rotation.PhaseSteady || v.Due.IsZero() || !v.Until.Equal(v.Due) {
				t.Errorf("waiting: %+v", v)
			}
		}
		if !slices.Equal(waiting, []rotation.Ref{"ml/aardvark", "ml/ci-train", "ml/zebra"}) {
			t.Errorf("waiting: %v", waiting)
		}
	})
}

// TestWithoutALedger: marks and labels lead to what a pass would do with an
// empty ledger, and the plan says what they do not tell.
func TestWithoutALedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		w.sleep(month)
		w.pass()
		w.noLedger = true
		p, pending := w.plan(time.Now().Add(2 * 24 * time.Hour))
		w.compare("the plan", []string{
			"recover key-3 e3", "deliver key-3 e3 a:ml/train#WANDB_API_KEY", "deliver key-3 e3 b:ml/train#KEY",
		}, w.steps(p))
		if len(pending) != 1 {
			t.Errorf("pending: %v", pending)
		}
		w.contains("notes", strings.Join(p.Waiting[0].Notes, "; "), "without the ledger")
	})
}

// TestWhatIsInTheWayStopsThePlanOfTheFuture: a store that is down is taken to
// stay down, and the plan says so.
func TestWhatIsInTheWayStopsThePlanOfTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		w.stores["b"].Unreachable(true)
		p, pending := w.plan(time.Now().Add(2 * month))
		wait := p.Waiting[0]
		if len(p.Steps) > 0 || p.Changes() || len(pending) > 0 || !wait.Overdue || !slices.Contains(wait.Destinations, w.inv.Accounts[0].Wants[1].Destination) {
			t.Errorf("%+v", p)
		}
		w.contains("notes", strings.Join(wait.Notes, "; "), "from "+wait.Due.UTC().Format(time.RFC3339)+" on: b:ml/train#KEY cannot be looked at")
	})
}

// TestEachDeliverySaysWhy holds the words that people decide by.
func TestEachDeliverySaysWhy(t *testing.T) {
	for _, c := range []struct {
		name  string
		given func(w *world)
		why   string
	}{
		{"new", func(*world) {}, "nothing is there"},
		{"due", func(w *world) { w.pass(); w.sleep(month) }, "it holds key key-2"},
		{"format", func(w *world) { w.pass(); w.configure(otherFormat) }, "its format changed"},
		{"recovered", func(w *world) { w.pass(); w.sleep(month); w.pass(); w.loseLedger() }, "it holds this key under another edition"},
		{"edited", func(w *world) {
			w.pass()
			w.stores["a"].Edit("ml/train", `{"WANDB_API_KEY":"CANARY-typed-by-hand-0000000000000000000000000000"}`)
		}, "it was changed since it was delivered, or a delivery was cut short"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, oneAccount, providertest.PlatformOptions{})
			c.given(w)
			p, _ := w.plan(time.Now())
			i := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.Kind == plan.Deliver })
			if i < 0 || p.Steps[i].Why != c.why || p.Steps[i].Rule == 0 {
				t.Errorf("%s: %+v", c.name, p.Steps)
			}
		})
	}
}

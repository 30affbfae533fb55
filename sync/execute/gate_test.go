package execute_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
)

// gate holds everything back that hold says, and remembers what it was asked.
type gate struct {
	hold  rotation.Hold
	asked []string
	lanes []string
}

func (g *gate) Admit(_ context.Context, r ledger.Routine) (rotation.Hold, error) {
	g.asked, g.lanes = append(g.asked, fmt.Sprintf("admit %d", r.Limit)), r.Lanes
	return g.hold, nil
}

func (g *gate) Held(_ context.Context, all []ledger.Routine) ([]rotation.Hold, error) {
	g.asked = append(g.asked, "held")
	return slices.Repeat([]rotation.Hold{g.hold}, len(all)), nil
}

func (g *gate) Begin(_ context.Context, _ rotation.Ref, lanes []string) error {
	g.asked, g.lanes = append(g.asked, "begin"), lanes
	return nil
}

func (g *gate) Prove(_ context.Context, _ rotation.Ref, _ time.Time, lanes []string) error {
	g.asked = append(g.asked, fmt.Sprintf("prove %d", len(lanes)))
	return nil
}

func (g *gate) TellOnce(_ context.Context, _ time.Duration, e rotation.Event) (bool, error) {
	g.asked = append(g.asked, e.Words)
	return true, nil
}

func (g *gate) take() string {
	defer func() { g.asked = nil }()
	return strings.Join(g.asked, ", ")
}

// TestAHeldRotationReadsNothing: it is asked for before a secret is read back,
// and begins where a key is created; what a person asks for is not held back.
func TestAHeldRotationReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		g := &gate{hold: rotation.Hold{Words: "another goes first", Stuck: true}}
		w.worker.Gate, w.worker.Limit = g, 7
		w.pass()
		if asked := g.take(); asked != "" {
			t.Errorf("a first key is held back: %s", asked)
		}
		time.Sleep(30 * 24 * time.Hour)
		reads := w.stores["a"].Calls().Values + w.stores["b"].Calls().Values
		report := w.pass()
		if report.Did != 0 || report.Wait.Why != "due; another goes first" || report.Wait.Rule != 12 || report.Result(nil) != execute.Waiting {
			t.Errorf("%+v", report)
		}
		if asked := g.take(); asked != "held" {
			t.Errorf("asked: %s", asked)
		}
		if now := w.stores["a"].Calls().Values + w.stores["b"].Calls().Values; now != reads {
			t.Errorf("%d secrets were read for a rotation that waits", now-reads)
		}

		g.hold = rotation.Hold{}
		if report := w.pass(); report.Result(nil) != execute.Changed || len(w.record().Old) != 1 {
			t.Errorf("%+v", report)
		}
		if asked := g.take(); asked != "held, admit 7, prove 2" || len(g.lanes) != 2 {
			t.Errorf("asked: %s, lanes %v", asked, g.lanes)
		}

		time.Sleep(time.Minute)
		g.hold = rotation.Hold{Words: "another goes first"}
		r := w.record()
		r.Request = rotation.Request{Kind: rotation.RequestRotate, At: time.Now()}
		w.ledger.record["ml/ci-train"] = r
		if report := w.pass(); report.Record.Offer.Edition != 3 {
			t.Errorf("a person asked for it: %+v", report)
		}
		if asked := g.take(); asked != "begin, prove 2, prove 2" {
			t.Errorf("asked: %s", asked)
		}
	})
}

const threeAccounts = `
instance: test
ledger: ledger.db
stores: {a: {}}
defaults: {every: 30d, owner: ml@example.org}
accounts:
  - {name: newest, team: ml, purpose: p, deliver: a:newest}
  - {name: oldest, team: ml, purpose: p, deliver: a:oldest}
  - {name: fresh, team: ml, purpose: p, deliver: a:fresh}
`

// orderedGate lets only the first of those who ask begin.
type orderedGate struct {
	gate
	order []rotation.Ref
}

func (g *orderedGate) Held(_ context.Context, all []ledger.Routine) ([]rotation.Hold, error) {
	g.order = nil
	holds := make([]rotation.Hold, len(all))
	for i, r := range all {
		g.order = append(g.order, r.Ref)
		if i > 0 {
			holds[i].Words = "the limit is reached"
		}
	}
	return holds, nil
}

// TestTheLongestDueGoesFirst: and a sweep finds who waits, so that no pass is
// made only to learn it.
func TestTheLongestDueGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threeAccounts, providertest.PlatformOptions{})
		for i, age := range []time.Duration{35, 40, 1} { // days
			if _, err := w.worker.Pass(t.Context(), w.inv.Accounts[i]); err != nil {
				t.Fatal(err)
			}
			ref := w.inv.Accounts[i].Ref()
			r := w.ledger.record[ref]
			r.Offer.Issued = time.Now().Add(-age * 24 * time.Hour)
			w.ledger.record[ref] = r
		}
		seen := inventory.Observer{Issuer: w.platform, Stores: w.worker.Stores, Call: w.worker.Call, Now: time.Now}.
			Sweep(t.Context(), w.inv.Accounts, w.ledger.record)
		var swept []plan.Account
		for _, a := range w.inv.Accounts {
			swept = append(swept, plan.Account{Spec: a.Spec, Record: w.ledger.record[a.Ref()], Observed: seen[a.Ref()]})
		}
		g := &orderedGate{}
		for name, hold := range map[string]func(context.Context, execute.Gate, int, []inventory.Account, []plan.Account, time.Time) (int, error){
			"a sweep": execute.Hold, "a plan": execute.HoldPlanned,
		} {
			held, err := hold(t.Context(), g, 1, w.inv.Accounts, swept, time.Now())
			if err != nil || held != 1 || !slices.Equal(g.order, []rotation.Ref{"ml/oldest", "ml/newest"}) {
				t.Errorf("%s: %d held, asked %v, %v", name, held, g.order, err)
			}
			if pending := plan.Pending(swept, time.Now()); !slices.Equal(pending, []rotation.Ref{"ml/oldest"}) {
				t.Errorf("%s: pending %v", name, pending)
			}
			p := plan.Make(swept, time.Now(), time.Now())
			if wait := p.Waiting[1]; wait.Ref != "ml/newest" || wait.Why != "due; the limit is reached" || len(p.Steps) != 2 {
				t.Errorf("%s: %+v", name, p)
			}
			for i := range swept {
				swept[i].Held = rotation.Hold{}
			}
		}
		if told, err := execute.TellHeld(t.Context(), g, swept); told || err != nil {
			t.Error("nobody waits, and it is told")
		}
		swept[0].Held.Words = "the limit is reached"
		if _, err := execute.TellHeld(t.Context(), g, swept); err != nil || g.take() != "due and held back: ml/newest; of the first: the limit is reached" {
			t.Error(err)
		}
	})
}

const movingPlace = `
instance: test
ledger: ledger.db
stores: {a: {}, b: {}}
accounts:
  - name: ci-train
    team: ml
    purpose: training
    owner: ml@example.org
    every: 30d
    deliver: {store: a, path: new, formerly: "b:ml/train#KEY"}
`

// TestAFormerPlaceIsDeliveredTo for as long as it is on record as once written:
// nobody who still reads it is left with a dead key. A place that never was is
// not written, and one that is given up is left as it is.
func TestAFormerPlaceIsDeliveredTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, movingPlace, providertest.PlatformOptions{})
		w.pass()
		if n := w.stores["b"].Calls().Writes; n != 0 {
			t.Errorf("%d writes to a place that never was", n)
		}

		w = newWorld(t, strings.Replace(oneAccount, "[a:ml/train#WANDB_API_KEY, b:ml/train#KEY]", `"b:ml/train#KEY"`, 1), providertest.PlatformOptions{})
		w.pass()
		w.configure(movingPlace)
		if a := w.inv.Accounts[0]; len(a.Wants) != 1 || len(a.For(w.record()).Wants) != 2 || !a.Former(a.For(w.record()).Wants[1].Destination) {
			t.Errorf("%+v", a.For(w.record()).Wants)
		}
		former := rotation.Destination{Store: "b", Path: "ml/train", Field: "KEY"}
		holds := func(edition rotation.Edition) bool {
			h, err := w.stores["b"].Look(t.Context(), former)
			return err == nil && h.Mark.Edition == edition && h.Mark.Key == w.record().Offer.Key
		}
		w.pass()
		time.Sleep(30 * 24 * time.Hour)
		if w.pass(); !holds(2) || w.record().Agreed.IsZero() {
			t.Errorf("the former place is not delivered to: %+v", w.record())
		}
		// It is down: the new key is not agreed, and no old one goes.
		time.Sleep(30 * 24 * time.Hour)
		w.stores["b"].Unreachable(true)
		w.pass()
		if r := w.record(); r.Offer.Edition != 2 || w.live() != 2 {
			t.Errorf("a key went, or came, while a place that counts could not be seen: %+v", r)
		}
		w.stores["b"].Unreachable(false)
		w.pass()
		if !holds(3) || w.live() != 2 {
			t.Errorf("it does not go on: %+v", w.record())
		}

		// A person gives it up in the middle of a delivery to it.
		time.Sleep(30 * 24 * time.Hour)
		given := false
		w.stores["b"].Intercept(func(context.Context, providertest.StoreStep) error {
			r := w.record()
			if i := slices.Index(r.Dests, former); i >= 0 && r.Offer.Edition == 4 && !given {
				given = true
				r.Dests = slices.Delete(r.Clone().Dests, i, i+1)
				w.ledger.record["ml/ci-train"] = r
				w.ledger.revision["ml/ci-train"]++
			}
			return nil
		})
		w.pass()
		w.pass()
		if r := w.record(); !given || slices.Contains(r.Dests, former) || holds(4) || r.Offer.Edition != 4 || r.Agreed.IsZero() {
			t.Errorf("given up %t: %+v", given, r)
		}
	})
}

// TestARecordThatWentEndsThePass: who worked by the old name does not make the
// account anew.
func TestARecordThatWentEndsThePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		time.Sleep(30 * 24 * time.Hour)
		w.stores["a"].Intercept(func(context.Context, providertest.StoreStep) error {
			delete(w.ledger.record, "ml/ci-train")
			delete(w.ledger.revision, "ml/ci-train")
			return nil
		})
		if _, err := w.worker.Pass(t.Context(), w.inv.Accounts[0]); err == nil || !strings.Contains(err.Error(), "its record went on under another name") {
			t.Error(err)
		}
		if len(w.ledger.record) != 0 {
			t.Errorf("%+v", w.ledger.record)
		}
	})
}

// TestAFormerPlaceCountsWithoutALedger: the record that said so is lost, and its
// readers are still there.
func TestAFormerPlaceCountsWithoutALedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, strings.Replace(oneAccount, "[a:ml/train#WANDB_API_KEY, b:ml/train#KEY]", `"b:ml/train#KEY"`, 1), providertest.PlatformOptions{})
		w.pass()
		w.configure(movingPlace)
		w.pass()
		clear(w.ledger.record)
		clear(w.ledger.revision)
		w.restart()
		w.pass()
		former := rotation.Destination{Store: "b", Path: "ml/train", Field: "KEY"}
		if r := w.record(); !slices.Contains(r.Dests, former) {
			t.Errorf("the former place does not count: %+v", r)
		}
		for range 4 {
			time.Sleep(16 * 24 * time.Hour)
			w.pass()
		}
		h, err := w.stores["b"].Look(t.Context(), former)
		if r := w.record(); err != nil || h.Mark.Key != r.Offer.Key {
			t.Errorf("%v: its readers have key %s, and the record is %+v", err, h.Mark.Key, r)
		}
	})
}

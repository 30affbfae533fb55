package execute_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
)

// judged is a store that knows what it may do.
type judged struct {
	*providertest.Memory
	write providers.Right
	err   error
}

func (j *judged) Rights(_ context.Context, ds []rotation.Destination, yield func(rotation.Destination, providers.Rights) error) error {
	for _, d := range ds {
		if err := yield(d, providers.Rights{Write: j.write, Missing: "the policy needs: update"}); err != nil {
			return err
		}
	}
	return j.err
}

// TestNoKeyIsMadeForAStoreThatRefuses: a store that is known to deny writes holds
// a new key back, until it allows them; one that does not know holds nothing
// back, and neither does anything in an emergency.
func TestNoKeyIsMadeForAStoreThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		b := &judged{Memory: w.stores["b"], write: providers.RightGranted}
		w.worker.Stores["b"] = b
		w.pass()
		if len(w.record().Dests) != 2 {
			t.Fatalf("%+v", w.record())
		}
		first, events := w.reader(), len(w.ledger.events)
		time.Sleep(30 * 24 * time.Hour)
		b.write = providers.RightDenied
		reads := w.stores["a"].Calls().Values
		report := w.pass()
		if report.Did != 0 || report.Result(nil) != execute.Waiting || !strings.Contains(report.Wait.Why, "b:ml/train#KEY may not be written by keyrota, so no key is made for it (the policy needs: update)") {
			t.Errorf("%+v", report)
		}
		if w.live() != 1 || w.reader() != first || len(w.ledger.events) != events || w.stores["a"].Calls().Values != reads+1 {
			t.Errorf("%d live keys, events %v", w.live(), w.ledger.events[events:])
		}

		b.write, b.err = providers.RightUnknown, errors.New("unwell")
		if report := w.pass(); report.Result(nil) != execute.Changed || w.reader() == first {
			t.Errorf("what is not known holds back: %+v", report)
		}

		time.Sleep(time.Hour)
		b.write, b.err = providers.RightDenied, nil
		r := w.record()
		r.Request = rotation.Request{Kind: rotation.RequestLeaked, At: time.Now()}
		w.ledger.record["ml/ci-train"] = r
		edition := r.Offer.Edition
		if report := w.pass(); report.Record.Offer.Edition == edition {
			t.Errorf("an emergency is held back: %+v", report)
		}
	})
}

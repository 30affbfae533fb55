package execute_test

import (
	"testing"
	"testing/synctest"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
)

// A key that a person hands in is in their process alone: others leave the
// account to them, and a second try finishes what the first began.
func TestAKeyHandedInIsLeftToWhoeverHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{HidesFirstKey: true})
		w.pass()
		if w.record().Parked == "" {
			t.Fatal("an account without a readable key is not parked")
		}
		ref := w.inv.Accounts[0].Ref()
		key, value := w.platform.AddKey(w.record().Account, "")
		hand := func() *execute.Worker {
			r := w.record()
			r.Request = rotation.Request{Kind: rotation.RequestAdopt, Key: key.ID, By: "someone"}
			if _, err := w.ledger.Save(t.Context(), ref, r, w.ledger.revision[ref]); err != nil {
				t.Fatal(err)
			}
			w.restart()
			w.worker.Hand(ref, key.ID, value)
			return w.worker
		}
		hand()
		for _, s := range w.stores {
			s.Unreachable(true) // nothing is delivered before this process ends
		}
		w.pass()
		if w.record().Offer.Key != key.ID {
			t.Fatal("the key is not offered")
		}
		for _, s := range w.stores {
			s.Unreachable(false)
		}
		w.restart() // offered, and the process with the key ended
		if got := w.pass(); got.Result(nil) != execute.Waiting || w.record().Parked != "" {
			t.Fatalf("another process did not wait for the key: %+v", got)
		}
		hand()
		if got := w.pass(); bad(got) {
			t.Fatalf("the second try did not finish: %+v", got)
		}
		w.reader()
	})
}

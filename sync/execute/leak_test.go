package execute_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func (w *world) request(q rotation.Request) {
	w.t.Helper()
	ref := w.inv.Accounts[0].Ref()
	r := w.record().Clone()
	q.At = time.Now()
	r.Request = q
	if _, err := w.ledger.Save(w.t.Context(), ref, r, w.ledger.revision[ref]); err != nil {
		w.t.Fatal(err)
	}
}

// refuse has a store answer looks and take no writes, until it is told otherwise.
func (w *world) refuse(store string) (stop func()) {
	w.stores[store].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "put" && s.Point == providertest.Before {
			return &providers.Error{Provider: store, Op: s.Op, Kind: providers.Denied}
		}
		return nil
	})
	return func() { w.stores[store].Intercept(nil) }
}

func (w *world) works(k rotation.KeyID) bool {
	return slices.ContainsFunc(w.platform.LiveKeys(w.record().Account), func(key rotation.Key) bool { return key.ID == k })
}

// With --now the keys that others know go as soon as one destination, whichever
// takes it, holds the new one; the rest are delivered to when they can be.
func TestNowWaitsForOneDestinationOnly(t *testing.T) {
	for _, refuses := range []string{"a", "b"} {
		bubble(t, refuses+" refuses writes", func(t *testing.T) {
			w := newWorld(t, oneAccount, providertest.PlatformOptions{})
			w.pass()
			was := w.reader()
			stop := w.refuse(refuses)
			w.request(rotation.Request{Kind: rotation.RequestLeaked, Leak: rotation.Leak{Now: true}})
			r := w.pass()
			if w.works(was) || w.live() != 1 || w.record().Emergency() {
				t.Fatalf("the key that others know lives on: %+v\n%v", r, w.ledger.events)
			}
			if !bad(r) {
				t.Fatalf("that %s is without the new key is not told: %+v", refuses, r)
			}
			stop()
			if r := w.pass(); bad(r) {
				t.Fatalf("not healed: %+v", r)
			}
			w.reader()
		})
	}
}

// A key that cannot be deleted keeps no destination from the new one.
func TestNowDeliversThoughNothingCanBeDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		was := w.reader()
		w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
			if s.Op == "revoke" && s.Point == providertest.Before {
				return &providers.Error{Provider: "platform", Op: s.Op, Kind: providers.Denied}
			}
			return nil
		})
		w.request(rotation.Request{Kind: rotation.RequestLeaked, Leak: rotation.Leak{Now: true}})
		if r := w.pass(); !bad(r) || r.Trouble == "" || w.reader() == was {
			t.Fatalf("%+v", r)
		}
		w.platform.Intercept(nil)
		if r := w.pass(); bad(r) || w.live() != 1 || w.record().Emergency() {
			t.Fatalf("%d live keys, %+v", w.live(), r)
		}
	})
}

func TestALeakTakesItsOverlapAndNamesWhatNothingExplains(t *testing.T) {
	for name, admin := range map[string]bool{"with an admin key": true, "by its own keys": false} {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(t, oneAccount, providertest.PlatformOptions{})
			w.pass()
			was := w.reader()
			if !admin {
				w.admin = false
				w.platform.Set(func(o *providertest.PlatformOptions) { o.NoAdmin = true })
				w.configure(oneAccount)
			}
			minted, _ := w.platform.AddKey(w.record().Account, "somebody's")
			w.request(rotation.Request{Kind: rotation.RequestLeaked, Leak: rotation.Leak{Overlap: time.Hour}})
			r := w.pass()
			if w.reader() == was || !w.works(was) || !slices.Contains(w.ledger.events, "key.unexplained") {
				t.Fatalf("%+v\n%v", r, w.ledger.events)
			}
			if !strings.Contains(r.Wait.Why, string(minted.ID)) || !bad(r) {
				t.Fatalf("nobody is asked whose %s is: %s", minted.ID, r.Wait.Why)
			}
			time.Sleep(59 * time.Minute)
			if w.pass(); !w.works(was) {
				t.Fatal("the key went before the overlap that was asked for")
			}
			time.Sleep(2 * time.Minute)
			if w.pass(); w.works(was) || !w.record().Emergency() || !w.works(minted.ID) {
				t.Fatalf("after the overlap: %v", w.ledger.events)
			}
			w.request(rotation.Request{Kind: rotation.RequestLeaked, Keys: []rotation.KeyID{minted.ID}, Leak: rotation.Leak{Overlap: time.Hour}})
			if r := w.pass(); bad(r) || w.live() != 1 || w.record().Emergency() {
				t.Fatalf("not over: %+v\n%v", r, w.ledger.events)
			}
		})
	}
}

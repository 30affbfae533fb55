package execute_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// leavable is a platform that takes accounts out of their teams.
type leavable struct {
	*providertest.Platform
	denies bool
}

func (p *leavable) RemoveAccount(_ context.Context, a rotation.Account) error {
	if p.denies {
		return &providers.Error{Provider: "platform", Op: "remove account", Kind: providers.Denied, Err: errors.New("not an admin of team ml")}
	}
	p.DeleteAccount(a.ID)
	return nil
}

const day = 24 * time.Hour

// want has the configuration say so of the account.
func (w *world) want(state rotation.AccountState, force bool) {
	a := &w.inv.Accounts[0]
	a.State, a.Force, a.QuarantineWait = state, force, 7*day
}

func inService(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, oneAccount, providertest.PlatformOptions{})
	w.issuer = &leavable{Platform: w.platform}
	w.configure(oneAccount)
	if r := w.pass(); bad(r) {
		t.Fatalf("%+v", r)
	}
	return w
}

// quarantined waits until an account is without a key.
func (w *world) quarantined() {
	w.t.Helper()
	w.pass()
	time.Sleep(7 * day)
	w.pass()
	time.Sleep(11 * time.Minute)
	if r := w.pass(); bad(r) || w.live() != 0 {
		w.t.Fatalf("%d live keys: %+v\n%v", w.live(), r, w.ledger.events)
	}
}

func TestAQuarantineWarnsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inService(t)
		w.want(rotation.Quarantined, true)
		r := w.pass()
		if bad(r) || w.live() != 1 || r.Record.Phase() != rotation.PhaseQuarantining || !strings.Contains(r.Wait.Why, "2000-01-08T00:00:00Z") {
			t.Fatalf("%+v", r)
		}
		warning := w.ledger.told[len(w.ledger.told)-1]
		if warning.Kind != rotation.EventQuarantining || !strings.Contains(warning.Words, "deleted from 2000-01-08T00:00:00Z on") || !strings.Contains(warning.Words, "makes it anew") {
			t.Errorf("%+v", warning)
		}
		// Until then it works as ever.
		w.stores["a"].Edit("ml/train", `{"WANDB_API_KEY": "nothing"}`)
		if r := w.pass(); bad(r) {
			t.Fatalf("not healed: %+v", r)
		}
		was := w.reader()
		byHand, _ := w.platform.AddKey(w.record().Account, "by hand")
		time.Sleep(6 * day)
		if w.pass(); w.live() != 2 || w.reader() != was {
			t.Fatal("a key went while its owner was still being warned")
		}
		time.Sleep(day)
		w.pass()
		writes, a := w.writes(), w.raw("a")
		time.Sleep(11 * time.Minute)
		r = w.pass()
		if bad(r) || w.live() != 0 || r.Record.Phase() != rotation.PhaseQuarantined {
			t.Fatalf("%d live keys: %+v\n%v", w.live(), r, w.ledger.events)
		}
		if w.writes() != writes || w.raw("a") != a {
			t.Error("the secrets are not as they were")
		}
		if words := w.condemned(was); !strings.Contains(words, "whoever reads it holds a dead key") {
			t.Errorf("the account's key: %q", words)
		}
		if words := w.condemned(byHand.ID); !strings.Contains(words, "nothing on record explains it") {
			t.Errorf("a key made by hand: %q", words)
		}
		events := len(w.ledger.events)
		if r := w.pass(); bad(r) || r.Did != 0 || len(w.ledger.events) != events {
			t.Errorf("a second pass: %+v", r)
		}
		w.stores["a"].Edit("ml/train", "{}")
		if r := w.pass(); bad(r) || w.writes() != writes || w.raw("a") != "{}" {
			t.Errorf("healed: %+v", r)
		}
		w.request(rotation.Request{Kind: rotation.RequestRotate})
		if w.pass(); w.live() != 0 || !strings.Contains(w.ledger.told[len(w.ledger.told)-1].Words, "rotate refused") {
			t.Errorf("a rotation of what is quarantined: %+v", w.ledger.told[len(w.ledger.told)-1])
		}
		w.platform.AddKey(w.record().Account, "by hand, again")
		if w.pass(); w.live() != 0 {
			t.Error("a key that was made since works")
		}
	})
}

func (w *world) raw(store string) string {
	content, _ := w.stores[store].Raw("ml/train")
	return content
}

func TestAnAccountInUseIsNotSwitchedOff(t *testing.T) {
	used := func(at time.Time, known bool, err error) func(context.Context, rotation.Ref) (time.Time, bool, error) {
		return func(context.Context, rotation.Ref) (time.Time, bool, error) { return at, known, err }
	}
	for name, row := range map[string]struct {
		ago     time.Duration // 0: never
		unknown bool
		err     error
		force   bool
		refused string // empty: it is not
	}{
		"used yesterday":           {ago: day, refused: "in the last 14 days: find out by whom, or write force: true"},
		"used yesterday, and yet":  {ago: day, force: true},
		"used a while ago":         {ago: 15 * day},
		"never used":               {},
		"nobody knows":             {unknown: true, refused: "whether it was used in the last 14 days is not known"},
		"nobody knows, and yet":    {unknown: true, force: true},
		"the ledger cannot say it": {err: errors.New("disk on fire"), refused: "disk on fire"},
	} {
		bubble(t, name, func(t *testing.T) {
			w := inService(t)
			time.Sleep(20 * day)
			var at time.Time
			if row.ago > 0 {
				at = time.Now().Add(-row.ago)
			}
			w.worker.LastUse = used(at, !row.unknown && row.err == nil, row.err)
			w.want(rotation.Quarantined, row.force)
			r := w.pass()
			begun := w.record().Off.State != ""
			if begun == (row.refused != "") || !strings.Contains(r.Wait.Why, row.refused) || bad(r) == begun {
				t.Fatalf("%+v", r)
			}
			if row.refused != "" && w.ledger.events[len(w.ledger.events)-1] == "account.quarantining" {
				t.Fatal("it begins")
			}
		})
	}
	bubble(t, "used while its owner is warned", func(t *testing.T) {
		w := inService(t)
		w.worker.LastUse = used(time.Time{}, true, nil)
		w.want(rotation.Quarantined, false)
		w.pass()
		time.Sleep(5 * day)
		w.worker.LastUse = used(time.Now().Add(-time.Hour), true, nil)
		r := w.pass()
		if !bad(r) || w.record().Off.State != "" || w.ledger.events[len(w.ledger.events)-1] != "account.activating" {
			t.Fatalf("%+v\n%v", r, w.ledger.events)
		}
		time.Sleep(5 * day)
		if w.pass(); w.live() != 1 {
			t.Fatal("its key is gone")
		}
	})
}

func TestAQuarantineThatIsCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inService(t)
		was := w.reader()
		w.want(rotation.Quarantined, true)
		w.pass()
		w.want(rotation.Active, false)
		time.Sleep(8 * day)
		if r := w.pass(); bad(r) || w.reader() != was || r.Record.Phase() != rotation.PhaseSteady {
			t.Fatalf("%+v", r)
		}
	})
}

// Where the platform shows the first key of new accounts, an account comes back
// by itself: made anew, under another id.
func TestBackFromQuarantine(t *testing.T) {
	for _, state := range []rotation.AccountState{rotation.Quarantined, rotation.Removed} {
		bubble(t, string(state), func(t *testing.T) {
			w := inService(t)
			before := w.record().Account
			w.want(state, true)
			w.quarantined()
			w.want(rotation.Active, false)
			r := w.pass()
			if bad(r) || w.record().Account == before || !slices.Contains(w.record().Former, before) || r.Record.Phase() != rotation.PhaseSteady {
				t.Fatalf("%+v\n%v", r, w.ledger.events)
			}
			w.reader()
			if n := len(w.platform.Accounts()); n != 1 {
				t.Errorf("%d accounts", n)
			}
			time.Sleep(31 * day)
			if r := w.pass(); bad(r) || w.live() != 2 {
				t.Fatalf("not rotated: %+v", r)
			}
		})
	}
}

func TestBackFromQuarantineByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inService(t)
		w.inv.Accounts[0].FirstKey = false
		w.want(rotation.Quarantined, true)
		w.pass()
		if words := w.ledger.told[len(w.ledger.told)-1].Words; !strings.Contains(words, "create a key by hand, and run: keyrota adopt ml/ci-train --key-file -") {
			t.Errorf("it is not said beforehand: %s", words)
		}
		w.quarantined()
		w.want(rotation.Active, false)
		if r := w.pass(); !strings.Contains(w.record().Parked, "keyrota adopt ml/ci-train --key-file -") {
			t.Fatalf("%+v", r)
		}
		key, value := w.platform.AddKey(w.record().Account, "by hand")
		w.worker.Hand(w.inv.Accounts[0].Ref(), key.ID, value)
		w.request(rotation.Request{Kind: rotation.RequestAdopt, Key: key.ID})
		if r := w.pass(); bad(r) || !slices.Contains(w.ledger.events, "key.adopted") {
			t.Fatalf("%+v", r)
		}
		w.reader() // the key that a person made, or the one that it was rotated to at once
	})
}

func TestAnAccountIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inService(t)
		platform := w.issuer.(*leavable)
		platform.denies = true
		w.want(rotation.Removed, true)
		w.pass()
		time.Sleep(7 * day)
		w.pass()
		time.Sleep(11 * time.Minute)
		if r := w.pass(); w.live() != 0 || !strings.Contains(w.record().Parked, "not an admin of team ml") {
			t.Fatalf("%+v", r)
		}
		platform.denies = false
		w.request(rotation.Request{Kind: rotation.RequestRetry})
		if r := w.pass(); bad(r) || len(w.platform.Accounts()) != 0 || r.Record.Phase() != rotation.PhaseRemoved {
			t.Fatalf("%+v\n%v", r, w.ledger.events)
		}
		if got := w.ledger.events[len(w.ledger.events)-2:]; !slices.Equal(got, []string{"account.removing", "account.removed"}) {
			t.Errorf("%v", w.ledger.events)
		}
		if r := w.pass(); bad(r) || r.Did != 0 {
			t.Errorf("a second pass: %+v", r)
		}
	})
}

// What was parked is switched off all the same; what is only observed never is.
func TestWhoIsSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inService(t)
		r := w.record().Clone()
		r.Parked = "create a key by hand"
		if _, err := w.ledger.Save(t.Context(), w.inv.Accounts[0].Ref(), r, w.ledger.revision[w.inv.Accounts[0].Ref()]); err != nil {
			t.Fatal(err)
		}
		w.want(rotation.Quarantined, true)
		w.inv.Accounts[0].Policy.Observe = true
		if r := w.pass(); r.Record.Off.State != "" {
			t.Fatalf("%+v", r)
		}
		w.inv.Accounts[0].Policy.Observe = false
		w.quarantined()
	})
}

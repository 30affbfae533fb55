package execute_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// memoryLedger is a ledger for one test.
type memoryLedger struct {
	record   map[rotation.Ref]rotation.Record
	revision map[rotation.Ref]ledger.Revision
	events   []string
	told     []rotation.Event
	saving   func(rotation.Record)       // called before each save; nil: nothing is
	saved    func(rotation.Record) error // what is answered to a save that came off; nil: that it did
}

func (l *memoryLedger) Load(_ context.Context, ref rotation.Ref) (rotation.Record, ledger.Revision, error) {
	return l.record[ref].Clone(), l.revision[ref], nil
}

func (l *memoryLedger) Save(_ context.Context, ref rotation.Ref, r rotation.Record, prev ledger.Revision, events ...rotation.Event) (ledger.Revision, error) {
	if l.saving != nil {
		l.saving(r)
	}
	if l.revision[ref] != prev {
		return 0, ledger.ErrConflict
	}
	l.record[ref] = r.Clone()
	l.revision[ref]++
	for _, e := range events {
		l.events, l.told = append(l.events, string(e.Kind)), append(l.told, e)
	}
	if l.saved != nil {
		if err := l.saved(r); err != nil {
			return 0, err
		}
	}
	return l.revision[ref], nil
}

// world is one configuration with everything around it in memory.
type world struct {
	t        *testing.T
	platform *providertest.Platform
	issuer   providers.Issuer // in its place; nil: the platform itself
	stores   map[string]*providertest.Memory
	ledger   *memoryLedger
	worker   *execute.Worker
	inv      *inventory.Inventory
	admin    bool
	nonces   int
}

const oneAccount = `
instance: test
ledger: ledger.db
stores: {a: {}, b: {}}
accounts:
  - name: ci-train
    team: ml
    purpose: training
    owner: ml@example.org
    every: 30d
    deliver: [a:ml/train#WANDB_API_KEY, b:ml/train#KEY]
`

func newWorld(t *testing.T, yaml string, opt providertest.PlatformOptions) *world {
	t.Helper()
	opt.Now = time.Now
	w := &world{
		t: t, platform: providertest.NewPlatform(opt), stores: map[string]*providertest.Memory{}, admin: !opt.NoAdmin,
		ledger: &memoryLedger{record: map[rotation.Ref]rotation.Record{}, revision: map[rotation.Ref]ledger.Revision{}},
	}
	w.configure(yaml)
	return w
}

// configure does what a new start of the program with this configuration does.
func (w *world) configure(yaml string) {
	w.t.Helper()
	c, problems := config.Parse("keyrota.yaml", []byte(yaml), config.Options{})
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	stores := map[string]providers.SecretStore{}
	for name := range c.Stores {
		if w.stores[name] == nil {
			w.stores[name] = providertest.NewMemory(providertest.MemoryOptions{Name: name})
		}
		stores[name] = w.stores[name]
	}
	if w.issuer == nil {
		w.issuer = w.platform
	}
	inv, err := inventory.Build(c, inventory.Providers{
		Issuer: w.issuer, Stores: stores,
		Abilities: func(rotation.Account) inventory.Abilities {
			return inventory.Abilities{Admin: w.admin, Provision: w.admin, FirstKey: w.admin}
		},
	}, "ledger-1")
	if err != nil {
		w.t.Fatal(err)
	}
	w.inv = inv
	w.restart()
}

// restart forgets everything that a process holds in memory.
func (w *world) restart() {
	stores := map[string]providers.SecretStore{}
	for name, s := range w.stores {
		stores[name] = s
	}
	w.worker = &execute.Worker{
		Issuer: w.issuer, Stores: stores, Ledger: w.ledger, Call: attempt.Default(), Name: "test",
		Now: time.Now, Nonce: func() string { w.nonces++; return strconv.Itoa(w.nonces) }, ValidWithin: 3 * time.Minute,
	}
}

func (w *world) pass() execute.Report {
	w.t.Helper()
	report, err := w.worker.Pass(w.t.Context(), w.inv.Accounts[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// bad reports whether a person would say that something is wrong.
func bad(r execute.Report) bool {
	return r.Result(nil) != execute.Unchanged && r.Result(nil) != execute.Changed
}

func (w *world) record() rotation.Record { return w.ledger.record[w.inv.Accounts[0].Ref()] }

func (w *world) writes() int {
	n := 0
	for _, s := range w.stores {
		n += s.Calls().Writes
	}
	return n
}

// reader checks that every destination holds a key that works, and returns it.
func (w *world) reader() rotation.KeyID {
	w.t.Helper()
	var all []string
	for _, want := range w.inv.Accounts[0].Wants {
		value, err := w.stores[want.Destination.Store].Read(w.t.Context(), want.Destination, "")
		if err != nil {
			w.t.Fatalf("a reader of %s: %v", want.Destination, err)
		}
		_, id, works := w.platform.Works(value)
		if !works {
			w.t.Fatalf("a reader of %s finds a key that does not work", want.Destination)
		}
		all = append(all, string(id))
	}
	if all[0] != all[len(all)-1] {
		w.t.Fatalf("the destinations hold different keys: %s", strings.Join(all, ", "))
	}
	return rotation.KeyID(all[0])
}

func (w *world) live() int {
	return len(w.platform.LiveKeys(w.record().Account))
}

func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestFromNothingThroughARotation(t *testing.T) {
	for _, admin := range []bool{true, false} {
		bubble(t, fmt.Sprintf("admin=%v", admin), func(t *testing.T) {
			w := newWorld(t, oneAccount, providertest.PlatformOptions{})
			first := w.pass()
			if bad(first) {
				t.Fatalf("not delivered: %+v", first.Wait)
			}
			was := w.reader()
			if !admin { // the admin leaves; the account goes on by its own keys
				w.admin = false
				w.platform.Set(func(o *providertest.PlatformOptions) { o.NoAdmin = true })
				w.configure(oneAccount)
			}
			writes := w.writes()
			if again := w.pass(); again.Did != 0 || w.writes() != writes {
				t.Fatalf("the second pass did %d things and %d writes", again.Did, w.writes()-writes)
			}
			time.Sleep(31 * 24 * time.Hour)
			if r := w.pass(); bad(r) {
				t.Fatalf("not rotated: %+v\n%v", r, w.ledger.events)
			}
			now := w.reader()
			if now == was || w.live() != 2 {
				t.Fatalf("after a rotation: key %s, was %s, %d live keys", now, was, w.live())
			}
			time.Sleep(23 * time.Hour)
			w.pass()
			if w.live() != 2 {
				t.Fatal("the old key went before the overlap was over")
			}
			time.Sleep(2 * time.Hour)
			if r := w.pass(); bad(r) || w.live() != 1 {
				t.Fatalf("after the overlap: %d live keys, %+v", w.live(), r.Wait)
			}
			if w.reader() != now {
				t.Fatal("the wrong key went")
			}
		})
	}
}

func TestAStoreThatIsDownCostsNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		was := w.reader()
		w.stores["b"].Unreachable(true)
		for range 40 {
			time.Sleep(24 * time.Hour)
			w.pass()
		}
		if w.live() != 1 {
			t.Fatalf("%d live keys while a store was down", w.live())
		}
		w.stores["b"].Unreachable(false)
		w.pass()
		time.Sleep(25 * time.Hour)
		if r := w.pass(); bad(r) || w.live() != 1 || w.reader() == was {
			t.Fatalf("not healed: %d live keys, %+v", w.live(), r)
		}
	})
}

func TestALostAnswerLeavesNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		lost := 0
		w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
			if s.Op == "issue" && s.Point == providertest.After && lost == 0 {
				lost++
				return &providers.Error{Provider: "platform", Op: "issue", Kind: providers.Transient}
			}
			return nil
		})
		time.Sleep(31 * 24 * time.Hour)
		w.pass()
		if lost != 1 || w.live() != 2 {
			t.Fatalf("%d answers lost, %d live keys", lost, w.live())
		}
		time.Sleep(11 * time.Minute) // no request can be under way any more
		if r := w.pass(); bad(r) || w.live() != 2 || !slices.Contains(w.ledger.events, "key.discarded") {
			t.Fatalf("not rotated: %d live keys, %+v", w.live(), r)
		}
	})
}

// TestAnOfferThatMayBeSavedCostsNoKey: the ledger took the offer of a new key
// and could not be asked whether it keeps it.
func TestAnOfferThatMayBeSavedCostsNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		was := w.record().Offer
		w.ledger.saved = func(r rotation.Record) error {
			if r.Offer != was {
				w.ledger.saved = nil
				return fmt.Errorf("the server is gone: %w", ledger.ErrUnclear)
			}
			return nil
		}
		time.Sleep(31 * 24 * time.Hour)
		if _, err := w.worker.Pass(t.Context(), w.inv.Accounts[0]); !errors.Is(err, ledger.ErrUnclear) {
			t.Fatalf("got %v", err)
		}
		offered := w.record().Offer.Key
		if r := w.pass(); bad(r) || w.reader() != offered || w.live() != 2 {
			t.Fatalf("%d live keys, %+v\n%v", w.live(), r, w.ledger.events)
		}
		if n := len(slices.DeleteFunc(w.ledger.events, func(e string) bool { return e != "key.issuing" })); n != 1 {
			t.Errorf("%d keys were asked for", n)
		}
	})
}

func TestCreationDisabledParks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		w.platform.Set(func(o *providertest.PlatformOptions) { o.CreateDisabled = true })
		time.Sleep(31 * 24 * time.Hour)
		r := w.pass()
		if r.Record.Parked == "" || !bad(r) {
			t.Fatalf("not parked: %+v", r)
		}
		w.reader()
	})
}

func TestAHandEditIsHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		was := w.reader()
		d := w.inv.Accounts[0].Wants[0].Destination
		w.stores["a"].Edit(d.Path, `{"WANDB_API_KEY":"CANARY-typed-by-hand-0000000000000000000000000000"}`)
		if r := w.pass(); bad(r) || w.reader() != was {
			t.Fatalf("not healed: %+v", r)
		}
	})
}

// Fields of one secret belong to several accounts: whoever writes first makes
// the others look again.
func TestASecretThatChangesMeanwhileIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		changes := 0
		w.stores["a"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
			if s.Op == "put" && s.Point == providertest.Before && changes < 3 {
				changes++
				w.stores["a"].Edit(s.Destination.Path, fmt.Sprintf(`{"OTHER":"%d"}`, changes))
			}
			return nil
		})
		if r := w.pass(); bad(r) {
			t.Fatalf("not delivered: %+v", r.Wait)
		}
		w.reader()
		if changes != 3 {
			t.Fatalf("%d changes", changes)
		}
	})
}

// A secret's older versions need not have the field that a key is delivered to:
// that its value is in none of them is known, and a person is told.
func TestAFieldThatNoVersionHasIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, strings.ReplaceAll(oneAccount, ", b:ml/train#KEY", ""), providertest.PlatformOptions{})
		w.pass()
		for range 2 { // the first key, which the platform shows, goes
			time.Sleep(31 * 24 * time.Hour)
			w.pass()
		}
		w.restart()
		for i := range 20 {
			w.stores["a"].Edit("ml/train", fmt.Sprintf(`{"OTHER":"%d"}`, i))
		}
		if r := w.pass(); r.Record.Parked == "" {
			t.Fatalf("nobody is told to adopt: %+v", r.Wait)
		}
	})
}

func TestALostLedgerIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		time.Sleep(31 * 24 * time.Hour)
		w.pass()
		now := w.reader()
		clear(w.ledger.record)
		clear(w.ledger.revision)
		w.restart()
		if r := w.pass(); bad(r) || w.reader() != now {
			t.Fatalf("not recovered: %+v", r)
		}
	})
}

func TestNoKeyIsCreatedThatCannotBeWrittenAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		ref := w.inv.Accounts[0].Ref()
		r := w.record()
		r.Request = rotation.Request{Kind: rotation.RequestRotate, By: "someone"}
		if _, err := w.ledger.Save(t.Context(), ref, r, w.ledger.revision[ref]); err != nil {
			t.Fatal(err)
		}
		for _, s := range w.stores {
			s.Unreachable(true)
		}
		for range 3 {
			w.restart() // what is in memory is gone
			if got := w.pass(); got.Result(nil) != execute.Waiting || w.live() != 1 {
				t.Fatalf("%d live keys, %+v", w.live(), got.Wait)
			}
		}
		for _, s := range w.stores {
			s.Unreachable(false)
		}
		if got := w.pass(); bad(got) || w.live() != 2 {
			t.Fatalf("not rotated: %d live keys, %+v", w.live(), got.Wait)
		}
	})
}

func TestNoKeyIsAskedForLongAfterItsIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		var hung rotation.Label
		w.ledger.saving = func(r rotation.Record) {
			if r.Intent.Label != "" && hung == "" {
				hung = r.Intent.Label
				time.Sleep(time.Hour) // the process hangs before its request
			}
		}
		asked := map[rotation.Label]int{}
		w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
			if s.Op == "issue" {
				asked[s.Label]++
			}
			return nil
		})
		time.Sleep(31 * 24 * time.Hour)
		if got := w.pass(); bad(got) || w.live() != 2 {
			t.Fatalf("not rotated: %d live keys, %+v", w.live(), got.Wait)
		}
		if hung == "" || asked[hung] != 0 || len(asked) != 1 {
			t.Fatalf("asked for a key an hour after its intent: %v", asked)
		}
	})
}

func TestAKeyThatCannotBeDeletedIsInNobodysWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneAccount, providertest.PlatformOptions{})
		w.pass()
		lost := false
		w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
			fail := &providers.Error{Provider: "platform", Op: s.Op, Kind: providers.Denied}
			switch {
			case s.Op == "issue" && s.Point == providertest.After && !lost:
				lost, fail.Kind = true, providers.Transient
				return fail
			case s.Op == "revoke" && s.Point == providertest.Before:
				return fail
			}
			return nil
		})
		time.Sleep(31 * 24 * time.Hour)
		w.pass()
		w.stores["a"].Erase("ml/train")
		time.Sleep(11 * time.Minute)
		if got := w.pass(); got.Result(nil) != execute.Failed || got.Trouble == "" {
			t.Fatalf("the key that stays is not told of: %+v", got)
		}
		w.reader()
	})
}

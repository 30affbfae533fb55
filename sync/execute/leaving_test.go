package execute_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// leaving is a world in which destinations come and go at random, and a person
// prunes and releases what left, beside rotations, stores that are down, and
// others who edit what is shared.
type leaving struct {
	*world
	*rand.Rand
	dests  []rotation.Destination // the first stays in the configuration
	wanted []bool
	given  map[rotation.Destination]bool // up, by a person: its readers are on their own
	down   map[string]bool               // stores
	passed bool                          // the last step was a pass
	trace  []string
}

const foreignField = `"theirs":"stays"`

func (l *leaving) reconfigure() {
	var all []string
	for i, d := range l.dests {
		if l.wanted[i] {
			all = append(all, d.String())
		}
	}
	l.configure(fmt.Sprintf(`
instance: test
ledger: ledger.db
stores: {a: {}, b: {}, c: {}}
accounts:
  - {name: ci-train, team: ml, purpose: training, owner: ml@example.org, every: 30d, overlap: 24h, deliver: [%s]}
`, `"`+strings.Join(all, `", "`)+`"`))
	l.worker.Call.Attempts = 1
}

// step does one thing.
func (l *leaving) step() {
	l.passed = false
	n := 1 + l.IntN(len(l.dests)-1)
	d := l.dests[n]
	store := l.stores[d.Store]
	switch op := l.IntN(12); op {
	case 0, 1, 2:
		l.say("pass")
		l.passed = true
		if _, err := l.worker.Pass(l.t.Context(), l.inv.Accounts[0]); err != nil {
			l.t.Fatal(err)
		}
	case 3:
		wait := []time.Duration{time.Hour, 25 * time.Hour, 31 * 24 * time.Hour}[l.IntN(3)]
		l.say("wait %s", wait)
		time.Sleep(wait)
	case 4, 5:
		l.wanted[n] = !l.wanted[n]
		l.say("%s in the configuration: %v", d, l.wanted[n])
		l.reconfigure()
	case 6, 7:
		l.prunes(l.inv.Accounts[0], d)
	case 10: // as if the account had left as a whole
		left := l.inv.Accounts[0]
		left.Wants = nil
		l.prunes(left, l.dests[l.IntN(len(l.dests))])
	case 11: // the engine is at work in the moment of the deletion
		store.Intercept(func(_ context.Context, s providertest.StoreStep) error {
			if s.Op == "remove" && s.Point == providertest.Before {
				store.Intercept(nil)
				l.pass()
			}
			return nil
		})
		l.prunes(l.inv.Accounts[0], d)
		store.Intercept(nil)
	case 8:
		r := l.record()
		if l.wanted[n] || !slices.Contains(r.Dests, d) {
			return
		}
		l.say("release %s", d)
		l.given[d] = true
		ref := l.inv.Accounts[0].Ref()
		l.ledger.record[ref], l.ledger.revision[ref] = r.Without(d), l.ledger.revision[ref]+1
	case 9:
		if l.IntN(2) == 0 {
			down := l.IntN(2) == 0
			l.say("%s down: %v", d.Store, down)
			store.Unreachable(down)
			l.down[d.Store] = down
			return
		}
		text, there := store.Raw(d.Path)
		if !there || d.Field == "" || !strings.Contains(text, foreignField) {
			return
		}
		l.say("the shared secret is edited")
		store.Edit(d.Path, strings.Replace(text, foreignField, foreignField+fmt.Sprintf(`,"n%d":%d`, len(l.trace), l.IntN(9)), 1))
	}
}

func (l *leaving) prunes(a inventory.Account, d rotation.Destination) {
	trouble, err := l.worker.Prune(l.t.Context(), a, d, "")
	l.say("prune %s, %d wanted: %q, %v", d, len(a.Wants), trouble, err)
	if err != nil {
		l.t.Fatal(err)
	}
	if trouble == "" {
		l.given[d] = true
	}
}

func (l *leaving) say(format string, args ...any) {
	l.trace = append(l.trace, fmt.Sprintf(format, args...))
}

// check holds the promises against what readers and the platform see.
func (l *leaving) check() {
	r := l.record()
	somewhere := r.Offer.Key == "" || r.Agreed.IsZero()
	for i, d := range l.dests {
		value, there := l.stores[d.Store].Value(d)
		if !there {
			continue
		}
		_, key, works := l.platform.Works(value)
		somewhere = somewhere || key == r.Offer.Key
		if l.passed && !l.down[d.Store] && l.wanted[i] && key == r.Offer.Key {
			delete(l.given, d) // it holds what it should again: its readers count again
		}
		if !works && !l.given[d] {
			l.fail("a reader of %s holds a dead key", d)
		}
	}
	if !somewhere {
		l.fail("the offered key %s is nowhere to be read", r.Offer.Key)
	}
	if text, _ := l.stores["c"].Raw("shared"); !strings.Contains(text, foreignField) {
		l.fail("what is someone else's is gone: the secret is there: %v", text != "")
	}
}

func (l *leaving) fail(format string, args ...any) {
	l.t.Helper()
	l.t.Fatalf("%s\n%s\n%+v", fmt.Sprintf(format, args...), strings.Join(l.trace, "\n"), l.record())
}

// TestLeavingKeepsThePromises: nobody whose place was not given up by a person
// loses a key, the offered key is never taken from its last place, and what is
// someone else's stays.
func TestLeavingKeepsThePromises(t *testing.T) {
	worlds := 150
	if testing.Short() {
		worlds = 30
	}
	for seed := range worlds {
		bubble(t, fmt.Sprint(seed), func(t *testing.T) {
			l := &leaving{
				world: newWorld(t, oneAccount, providertest.PlatformOptions{}),
				Rand:  rand.New(rand.NewPCG(uint64(seed), 1)),
				given: map[rotation.Destination]bool{}, down: map[string]bool{},
				wanted: []bool{true, true, true, true},
				dests:  []rotation.Destination{{Store: "a", Path: "stays", Field: "KEY"}, {Store: "b", Path: "one", Field: "KEY"}, {Store: "b", Path: "two"}, {Store: "c", Path: "shared", Field: "KEY"}},
			}
			l.stores["c"] = providertest.NewMemory(providertest.MemoryOptions{Name: "c"})
			l.stores["c"].Edit("shared", "{"+foreignField+"}")
			l.reconfigure()
			for range 120 {
				l.step()
				l.check()
			}
			for _, s := range l.stores {
				s.Unreachable(false)
			}
			for i, d := range l.dests[1:] { // everything is well again, and all that left is given up
				if !l.wanted[i+1] && slices.Contains(l.record().Dests, d) {
					ref := l.inv.Accounts[0].Ref()
					l.ledger.record[ref], l.ledger.revision[ref] = l.record().Without(d), l.ledger.revision[ref]+1
				}
			}
			time.Sleep(32 * 24 * time.Hour)
			for range 3 {
				l.pass()
				time.Sleep(25 * time.Hour)
			}
			if report := l.pass(); bad(report) || len(l.record().Old) > 0 {
				l.fail("it does not come to rest: %+v", report)
			}
			l.reader()
		})
	}
}

package providertest

import (
	"context"
	"fmt"
	"sync"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// writeCases: what keyrota writes, and when it must not.
func writeCases() []storeCase {
	return []storeCase{
		{
			name: "create", story: "What is absent is created, a reader finds the value, and the mark speaks of it.",
			run: func(r *storeRun) {
				d := r.at("ci/new")
				put := r.put(d, r.payload(1), mark(1), r.in(d, rotation.StateAbsent))
				if h := r.holds(d, mark(1)); h.Version != put.Version {
					r.Errorf("put returned version %s, look shows %s", put.Version, h.Version)
				}
				r.reads(d, r.payload(1))
			},
		},
		{
			name: "nothing to do", story: "A second pass sees the edition and shape of the first, so that it need not write, nor read a value.",
			run: func(r *storeRun) {
				d := r.at("ci/steady")
				r.deliver(d, 1)
				first := r.holds(d, mark(1))
				calls, counted := r.calls(func() {
					if second := r.holds(d, mark(1)); second.Version != first.Version {
						r.Errorf("the version moved from %s to %s although nobody wrote", first.Version, second.Version)
					}
				})
				if counted && (calls.Writes > 0 || calls.Values > 0) {
					r.Errorf("a look made %+v", calls)
				}
			},
		},
		{
			name: "again", story: "The same edition and shape, put again from a fresh look, is allowed and ends as it was; where the store can, without a second version.",
			run: func(r *storeRun) {
				d := r.at("ci/again")
				r.deliver(d, 1)
				before := r.versions(d)
				r.deliver(d, 1)
				r.holds(d, mark(1))
				r.reads(d, r.payload(1))
				if after := r.versions(d); r.can.Idempotent && after != before {
					r.Errorf("%d versions, then %d", before, after)
				}
			},
		},
		{
			name: "next edition", story: "The next edition replaces value and mark, and what put returns is good for the one after.",
			run: func(r *storeRun) {
				d := r.at("ci/next")
				h := r.deliver(d, 1)
				for n := 2; n <= 4; n++ {
					h = r.put(d, r.payload(n), mark(n), h)
				}
				r.holds(d, mark(4))
				r.reads(d, r.payload(4))
			},
		},
		{
			name: "another format", story: "The same key in another shape is a delivery without a rotation.",
			run: func(r *storeRun) {
				d := r.at("ci/shape")
				r.deliver(d, 1)
				m := mark(1)
				m.Shape = "shape-2"
				r.put(d, r.payload(2), m, r.look(d))
				r.holds(d, m)
				r.reads(d, r.payload(2))
			},
		},
		{
			name: "stale look", story: "A writer that paused since its look is refused: somebody delivered a later edition.",
			run: func(r *storeRun) {
				d := r.at("ci/paused")
				r.deliver(d, 1)
				seen := r.look(d)
				r.deliver(d, 2)
				r.refused(d, 3, seen)
				r.holds(d, mark(2))
			},
		},
		{
			name: "stale look, value restored", story: "A writer that paused is refused even if the value is again what it saw: it went away and came back under a new edition.",
			run: func(r *storeRun) {
				d := r.at("ci/rolled-back")
				r.deliver(d, 1)
				seen := r.look(d)
				r.deliver(d, 2)
				r.put(d, r.payload(1), mark(3), r.look(d))
				r.refused(d, 2, seen)
				r.holds(d, mark(3))
			},
		},
		{
			name: "two creators", story: "Of two that saw nothing there, the later is refused.",
			run: func(r *storeRun) {
				d := r.at("ci/twice")
				seen := r.in(d, rotation.StateAbsent)
				r.put(d, r.payload(1), mark(1), seen)
				r.refused(d, 2, seen)
				r.holds(d, mark(1))
			},
		},
		{
			name: "many writers", story: "Of writers that start at once from one look exactly one wins, and the mark is the winner's.",
			needs: needsCompareAndSet, run: func(r *storeRun) { r.races(true) },
		},
		{
			name: "many creators", story: "Of writers that start at once and saw nothing there exactly one wins, and the mark is the winner's.",
			needs: needsCompareAndSet, run: func(r *storeRun) { r.races(false) },
		},
		{
			name: "whole object", story: "A whole secret of several fields is replaced as a whole, numbers and all.", once: true,
			run: func(r *storeRun) {
				d := r.Destination("ci/object", "")
				for n, text := range []string{
					`{"host":"api.example","port":1e3,"ratio":1.0,"big":12345678901234567890,"password":"` + key(0).Expose() + `","extra":{"ключ":["é",null,true]}}`,
					`{"password":"` + key(1).Expose() + `"}`,
				} {
					p := providers.Payload{Value: providers.NewSecret(text), Object: true}
					if err := r.check(r.store.Check(d, p)); err != nil {
						r.Fatal(err)
					}
					r.put(d, p, mark(n), r.look(d))
					r.holds(d, mark(n))
					r.reads(d, p)
				}
			},
		},
		{
			name: "identity", story: "A secret has one identity whatever the field, and two secrets have two.",
			once: true,
			run: func(r *storeRun) {
				if r.store.Identity(r.Destination("ci/a", "x")) != r.store.Identity(r.Destination("ci/a", "y")) {
					r.Error("two fields of one secret have two identities")
				}
				if r.store.Identity(r.Destination("ci/a", "")) == r.store.Identity(r.Destination("ci/b", "")) {
					r.Error("two secrets have one identity")
				}
			},
		},
	}
}

// races has some rounds, each of a secret of its own, since one may pass by luck.
func (r *storeRun) races(exists bool) {
	for n := range 5 {
		d := r.at(fmt.Sprintf("ci/race-%d", n))
		if exists {
			r.deliver(d, 1)
		}
		r.race(d)
	}
}

// race puts from one look at once and finds one winner.
func (r *storeRun) race(d rotation.Destination) {
	r.Helper()
	const writers = 8
	seen, ctx := r.look(d), r.ctx()
	errs := make([]error, writers)
	var all sync.WaitGroup
	start := make(chan struct{})
	for w := range writers {
		all.Go(func() {
			<-start
			_, errs[w] = r.store.Put(ctx, d, r.payload(10+w), mark(10+w), seen)
		})
	}
	close(start)
	all.Wait()
	winner := -1
	for w, err := range errs {
		switch {
		case r.check(err) == nil && winner >= 0:
			r.Errorf("writers %d and %d both won", winner, w)
		case err == nil:
			winner = w
		case providers.KindOf(err) != providers.Conflict:
			r.Errorf("writer %d: %v, want a conflict", w, err)
		}
	}
	if winner < 0 {
		r.Fatal("nobody won")
	}
	r.holds(d, mark(10+winner))
	r.reads(d, r.payload(10+winner))
}

// limit checks one destination and payload at or over a bound.
func (r *storeRun) limit(l StoreLimit) {
	d := r.Destination(l.Secret, l.Field)
	check := r.check(r.store.Check(d, l.Payload))
	if !l.Invalid {
		if check != nil {
			r.Fatal(check)
		}
		r.put(d, l.Payload, mark(1), r.look(d))
		r.holds(d, mark(1))
		r.reads(d, l.Payload)
		return
	}
	r.want(providers.Invalid, check)
	var e *providers.Error
	if asError(check, &e) && e.Hint == "" {
		r.Errorf("no hint of what to write instead: %v", check)
	}
	calls, counted := r.calls(func() {
		_, err := r.store.Put(context.WithoutCancel(r.ctx()), d, l.Payload, mark(1), rotation.Holding{State: rotation.StateAbsent, Fresh: true})
		r.want(providers.Invalid, err)
	})
	if counted && calls != (StoreCalls{}) {
		r.Errorf("a put that Check refuses asked the service: %+v", calls)
	}
}

package providertest

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/rotation"
)

// observeCases: many destinations at once, by their marks alone.
func observeCases() []storeCase {
	return []storeCase{
		{
			name: "observe", story: "Each destination shows what is there, in one pass, and no holding claims to be fresh.",
			run: func(r *storeRun) {
				absent, bare, ours, edited := r.at("ci/absent"), r.at("ci/bare"), r.at("ci/ours"), r.at("other/edited")
				r.Edit(r.T, bare.Path, r.content(1))
				r.deliver(ours, 2)
				r.deliver(edited, 3)
				r.Edit(r.T, edited.Path, r.content(4))
				want := map[rotation.Destination]rotation.State{
					absent: rotation.StateAbsent, bare: rotation.StateBare,
					ours: rotation.StateMarked, edited: rotation.StateEdited,
				}
				seen, err := r.observe(absent, bare, ours, edited)
				if err != nil {
					r.Fatal(err)
				}
				for d, state := range want {
					h, yielded := seen[d]
					// Without reading values a store may not be able to tell
					// whether a field without a mark is there.
					if !yielded && (d.Field != "" || r.can.ObservesMarked) && (d == bare || d == absent) {
						continue
					}
					if h.State != state {
						r.Errorf("%s is seen as %s, want %s", d, h.State, state)
					}
				}
				if seen[ours].Mark != mark(2) || seen[edited].Mark != mark(3) {
					r.Error("the marks are not those that were put")
				}
				if seen[ours].Version != r.look(ours).Version {
					r.Error("observe and look disagree about the version")
				}
			},
		},
		{
			name: "observe one", story: "A destination alone is yielded alone.",
			run: func(r *storeRun) {
				d := r.at("ci/one")
				r.deliver(r.at("ci/one-more"), 1)
				r.deliver(d, 2)
				seen, err := r.observe(d)
				if err != nil || len(seen) != 1 || seen[d].Mark != mark(2) {
					r.Errorf("saw %+v, %v", seen, err)
				}
			},
		},
		{
			name: "observe none", story: "Nothing wanted is nothing asked.", once: true,
			run: func(r *storeRun) {
				calls, _ := r.calls(func() {
					if seen, err := r.observe(); err != nil || len(seen) > 0 {
						r.Errorf("saw %+v, %v", seen, err)
					}
				})
				if calls != (StoreCalls{}) {
					r.Errorf("it made %+v", calls)
				}
			},
		},
		{
			name: "observe many", story: "Many secrets of a folder cost as few calls as the service allows, none of which reads a value or writes.",
			run: func(r *storeRun) {
				secrets := cmp.Or(r.can.Many, 20)
				var ds []rotation.Destination
				for n := range secrets {
					d := r.at(fmt.Sprintf("ci/many-%d", n))
					r.deliver(d, n)
					ds = append(ds, d)
				}
				calls, counted := r.calls(func() {
					seen, err := r.observe(ds...)
					if err != nil {
						r.Fatal(err)
					}
					for n, d := range ds {
						if seen[d].State != rotation.StateMarked || seen[d].Mark != mark(n) {
							r.Errorf("%s is seen as %+v", d, seen[d])
						}
					}
				})
				if !counted || r.can.ObserveCalls == nil {
					return
				}
				if calls.Values > 0 || calls.Writes > 0 {
					r.Errorf("it read values or wrote: %+v", calls)
				}
				if most := r.can.ObserveCalls(secrets); calls.Lists+calls.Looks > most {
					r.Errorf("it made %+v, want at most %d calls", calls, most)
				}
			},
		},
		{
			name: "observe two fields", story: "Two fields of one secret are two holdings with their own marks.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				a, b := r.Destination("ci/two", "A"), r.Destination("ci/two", "B")
				want := map[rotation.Destination]delivery{a: {key(1), markOf("account-a", 1)}, b: {key(2), markOf("account-b", 4)}}
				r.settle(want)
				seen, err := r.observe(a, b)
				if err != nil {
					r.Fatal(err)
				}
				for d, w := range want {
					if seen[d].State != rotation.StateMarked || seen[d].Mark != w.mark {
						r.Errorf("%s is seen as %+v", d, seen[d])
					}
				}
			},
		},
		{
			name: "observe with one broken", story: "A secret that cannot be seen is unknown and an error, never absent; what is seen of the others is true.",
			run: func(r *storeRun) {
				b, ok := r.StoreService.(Breaker)
				if !ok {
					r.Skip("the harness is no Breaker")
				}
				first, broken, last := r.at("ci/a"), r.at("ci/b"), r.at("ci/c")
				for n, d := range []rotation.Destination{first, broken, last} {
					r.deliver(d, n)
				}
				b.Break(r.T, broken.Path)
				seen, err := r.observe(first, broken, last)
				if err == nil {
					r.Error("no error")
				}
				if h := seen[broken]; h.State != rotation.StateUnknown {
					r.Errorf("%s is seen as %s", broken, h.State)
				}
				for _, d := range []rotation.Destination{first, last} {
					if h, yielded := seen[d]; yielded && h.State != rotation.StateMarked && h.State != rotation.StateUnknown {
						r.Errorf("%s is seen as %s", d, h.State)
					}
				}
				if h, err := r.store.Look(r.ctx(), broken); r.check(err) == nil {
					r.Errorf("a look at it shows %s and no error", h.State)
				}
			},
		},
		{
			name: "observe, stopped", story: "Whoever is yielded to may stop it, and gets its own error back.", once: true,
			run: func(r *storeRun) {
				var ds []rotation.Destination
				for n := range 3 {
					ds = append(ds, r.Destination(fmt.Sprintf("ci/stop-%d", n), ""))
					r.deliver(ds[n], n)
				}
				stop, times := errors.New("enough"), 0
				err := r.store.Observe(r.ctx(), ds, func(rotation.Destination, rotation.Holding) error {
					times++
					return stop
				})
				if !errors.Is(err, stop) || times != 1 {
					r.Errorf("yielded %d times, then %v", times, err)
				}
			},
		},
	}
}

// observe returns what was yielded, and fails the case if that was not asked
// for, twice the same, or fresh.
func (r *storeRun) observe(ds ...rotation.Destination) (map[rotation.Destination]rotation.Holding, error) {
	r.Helper()
	asked := map[rotation.Destination]bool{}
	for _, d := range ds {
		asked[d] = true
	}
	seen := map[rotation.Destination]rotation.Holding{}
	err := r.store.Observe(r.ctx(), ds, func(d rotation.Destination, h rotation.Holding) error {
		if _, twice := seen[d]; twice || !asked[d] {
			r.Errorf("%s was yielded twice, or not asked for", d)
		}
		if h.Fresh {
			r.Errorf("%s claims to be fresh", d)
		}
		seen[d] = h
		return nil
	})
	return seen, r.check(err)
}

package providertest

import (
	"errors"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// cutCases: a put that ends between its data and its mark.
func cutCases() []storeCase {
	return []storeCase{
		{
			name: "cut short", story: "The data is written and the mark is not: it is seen as edited, never as delivered, and healed.",
			run: func(r *storeRun) {
				d := r.at("ci/cut")
				r.deliver(d, 1)
				r.cut(d, r.payload(2), mark(2), r.look(d))
				r.reads(d, r.payload(2))
				h := r.in(d, rotation.StateEdited)
				if h.Mark.Instance != mark(1).Instance || h.Mark.Account != mark(1).Account {
					r.Errorf("marked %+v, want it still ours", h.Mark)
				}
				r.put(d, r.payload(2), mark(2), h)
				r.holds(d, mark(2))
			},
		},
		{
			name: "created and cut short", story: "The first data is written and its mark is not: the secret is known as ours all the same, not as someone else's.",
			needs: func(can StoreAbilities) bool { return !can.CreatesMarked },
			run: func(r *storeRun) {
				d := r.at("ci/first")
				r.cut(d, r.payload(1), mark(1), r.in(d, rotation.StateAbsent))
				r.reads(d, r.payload(1))
				h := r.in(d, rotation.StateEdited)
				if h.Mark.Instance != mark(1).Instance || h.Mark.Account != mark(1).Account {
					r.Errorf("marked %+v, want it ours", h.Mark)
				}
				r.put(d, r.payload(1), mark(1), h)
				r.holds(d, mark(1))
			},
		},
		{
			name: "taken over and cut short", story: "What was not ours is written and not marked: it is not taken for delivered, and a second try ends well.",
			run: func(r *storeRun) {
				d := r.at("ci/adopted")
				r.Edit(r.T, d.Path, r.content(1))
				r.cut(d, r.payload(2), mark(2), r.in(d, rotation.StateBare))
				h := r.in(d, rotation.StateBare, rotation.StateEdited)
				r.put(d, r.payload(2), mark(2), h)
				r.holds(d, mark(2))
				r.reads(d, r.payload(2))
			},
		},
		{
			name: "cut short, then another writer", story: "A put that was cut short and comes back is refused: its look is older than its own write.",
			run: func(r *storeRun) {
				d := r.at("ci/back")
				seen := r.deliver(d, 1)
				r.cut(d, r.payload(2), mark(2), seen)
				r.refused(d, 2, seen)
				r.deliver(d, 3)
				r.refused(d, 2, seen)
				r.holds(d, mark(3))
			},
		},
		{
			name: "cut short twice, value restored", story: "Two cut puts take the value away and bring it back under the old mark: a look from before them is stale all the same.",
			run: func(r *storeRun) {
				d := r.at("ci/restored")
				seen := r.deliver(d, 1)
				r.cut(d, r.payload(2), mark(2), seen)
				r.cut(d, r.payload(1), mark(3), r.look(d))
				r.refused(d, 2, seen)
			},
		},
		{
			name: "edited while it is put", story: "A person changes the value between our data and our mark: the mark does not speak of that change.",
			run: func(r *storeRun) {
				d := r.at("ci/meanwhile")
				seen := r.deliver(d, 1)
				r.beforeMark(func() error {
					r.Edit(r.T, d.Path, r.content(9))
					return nil
				})
				// Whether the put notices is its own affair.
				_, err := r.store.Put(r.ctx(), d, r.payload(2), mark(2), seen)
				_ = r.check(err)
				h := r.in(d, rotation.StateEdited)
				r.put(d, r.payload(2), mark(2), h)
				r.holds(d, mark(2))
			},
		},
		{
			name: "two accounts, cut short", story: "A cut put of one account leaves the marks of both behind; passes come to rest and do not chase each other.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				a, b := r.Destination("ci/two", "A"), r.Destination("ci/two", "B")
				want := map[rotation.Destination]delivery{
					a: {key(1), markOf("account-a", 1)},
					b: {key(2), markOf("account-b", 1)},
				}
				r.settle(want)
				want[a] = delivery{key(3), markOf("account-a", 2)}
				r.cut(a, providers.Payload{Value: want[a].value}, want[a].mark, r.look(a))
				if h := r.look(a); h.State == rotation.StateMarked {
					r.Errorf("%s is taken for delivered", a)
				}
				r.settle(want)
			},
		},
	}
}

// cut puts, loses the service between data and mark, and fails the case unless
// that is told as Transient.
func (r *storeRun) cut(d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) {
	r.Helper()
	r.beforeMark(func() error { return errors.New("cut by the suite") })
	_, err := r.store.Put(r.ctx(), d, p, m, seen)
	r.want(providers.Transient, err)
}

func (r *storeRun) beforeMark(f func() error) {
	r.Helper()
	i, ok := r.StoreService.(PutInterrupter)
	if !ok {
		r.Skip("the harness is no PutInterrupter")
	}
	i.BeforeMark(r.T, f)
}

package providertest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// fieldCases: one field of a secret that others use too.
func fieldCases() []storeCase {
	return []storeCase{
		{
			name: "among foreign fields", story: "Our field is set and every other stays as it was, to the digit.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				for i, c := range []string{
					`{"KEY":%s,"ratio":1.0,"big":12345678901234567890,"exp":1e3,"tiny":-0.10e-7}`,
					`{"text":"é ü 漢字 \\ \" / <a&b>","KEY":%s,"empty":"","null":null,"yes":true}`,
					`{"z":{"KEY":"inner","b":[1,2.50,{"c":{}}],"a":1.0},"a":[],"m":{},"KEY":%s}`,
					"{\n  \"user\" : \"svc\",\n  \"KEY\"  : %s ,\n  \"port\": 5432\n}\n",
				} {
					d := r.Destination(fmt.Sprintf("ci/shared-%d", i), "KEY")
					r.Edit(r.T, d.Path, fmt.Sprintf(c, `"old"`))
					before := r.others(d)
					r.put(d, providers.Payload{Value: key(i)}, mark(1), r.in(d, rotation.StateBare))
					r.reads(d, providers.Payload{Value: key(i)})
					if !reflect.DeepEqual(r.others(d), before) {
						r.Error("another field reads otherwise than before")
					}
					r.is(d.Path, fmt.Sprintf(c, `"`+key(i).Expose()+`"`))
				}
			},
		},
		{
			name: "beside foreign fields", story: "A field that is not there yet is added, and every other stays as it was.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				d := r.Destination("ci/beside", "KEY")
				foreign := `{"z":1.0,"a":{"y":1e3,"x":[12345678901234567890]},"password":"` + storeCanary + `-theirs"}`
				r.Edit(r.T, d.Path, foreign)
				before := r.others(d)
				r.put(d, providers.Payload{Value: key(1)}, mark(1), r.in(d, rotation.StateAbsent))
				r.holds(d, mark(1))
				r.reads(d, providers.Payload{Value: key(1)})
				if after, _ := r.Raw(r.T, d.Path); r.can.KeepsText && !strings.HasPrefix(after, foreign[:len(foreign)-1]) {
					r.Error("the text of the other fields changed")
				}
				if !reflect.DeepEqual(r.others(d), before) {
					r.Error("another field reads otherwise than before")
				}
			},
		},
		{
			name: "odd values", story: "A value goes into its field and comes out as it is, quotes and all.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				d := r.Destination("ci/odd", "KEY")
				for n, value := range []string{`{"a":1}`, `"`, "a\nb\t\\", "<&>", "é漢", " "} {
					p := providers.Payload{Value: providers.NewSecret(value)}
					r.put(d, p, mark(n), r.look(d))
					r.reads(d, p)
				}
			},
		},
		{
			name: "foreign field edited", story: "Someone edits another field: that edit stays when ours is put, and a put from a look before it is refused.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				d := r.Destination("ci/both", "KEY")
				r.Edit(r.T, d.Path, `{"KEY":"old","other":"1"}`)
				seen := r.put(d, providers.Payload{Value: key(1)}, mark(1), r.look(d))
				edited := `{"KEY":"` + key(1).Expose() + `","other":"2"}`
				r.Edit(r.T, d.Path, edited)
				_, err := r.store.Put(r.ctx(), d, providers.Payload{Value: key(2)}, mark(2), seen)
				r.want(providers.Conflict, err)
				r.is(d.Path, edited)
				h := r.in(d, rotation.StateMarked, rotation.StateEdited)
				r.put(d, providers.Payload{Value: key(2)}, mark(2), h)
				r.is(d.Path, strings.Replace(edited, key(1).Expose(), key(2).Expose(), 1))
			},
		},
		{
			name: "field removed", story: "Someone removes our field from the secret: it is not taken for delivered, and put again.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				d := r.Destination("ci/less", "KEY")
				r.Edit(r.T, d.Path, `{"other":"1"}`)
				r.put(d, providers.Payload{Value: key(1)}, mark(1), r.look(d))
				r.Edit(r.T, d.Path, `{"other":"1"}`)
				h := r.in(d, rotation.StateAbsent, rotation.StateEdited)
				r.put(d, providers.Payload{Value: key(1)}, mark(1), h)
				r.holds(d, mark(1))
				r.reads(d, providers.Payload{Value: key(1)})
			},
		},
		{
			name: "two accounts", story: "Two fields of one secret bear the marks of two accounts; writing one leaves the other delivered, so passes come to rest.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				a, b := r.Destination("ci/two", "A"), r.Destination("ci/two", "B")
				for n := 1; n <= 3; n++ {
					r.put(a, providers.Payload{Value: key(n)}, markOf("account-a", n), r.look(a))
					if n > 1 {
						r.holds(b, markOf("account-b", n-1))
					}
					r.put(b, providers.Payload{Value: key(10 + n)}, markOf("account-b", n), r.look(b))
					r.holds(a, markOf("account-a", n))
					r.holds(b, markOf("account-b", n))
				}
				r.reads(a, providers.Payload{Value: key(3)})
				r.reads(b, providers.Payload{Value: key(13)})
			},
		},
		{
			name: "two accounts, edited", story: "A write of one account does not vouch for what a person did to the other's field before it.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				a, b := r.Destination("ci/two", "A"), r.Destination("ci/two", "B")
				r.put(a, providers.Payload{Value: key(1)}, markOf("account-a", 1), r.look(a))
				r.put(b, providers.Payload{Value: key(2)}, markOf("account-b", 1), r.look(b))
				r.Edit(r.T, a.Path, `{"A":"by hand","B":"`+key(2).Expose()+`"}`)
				r.put(b, providers.Payload{Value: key(3)}, markOf("account-b", 2), r.look(b))
				r.in(a, rotation.StateEdited)
				r.holds(b, markOf("account-b", 2))
				r.settle(map[rotation.Destination]delivery{
					a: {key(1), markOf("account-a", 1)},
					b: {key(3), markOf("account-b", 2)},
				})
			},
		},
		{
			name: "whole over a field", story: "A secret that had our field is replaced as a whole, and the other way round: the earlier mark is not believed.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				field, whole := r.Destination("ci/both", "A"), r.Destination("ci/both", "")
				object := func(n int) providers.Payload {
					return providers.Payload{Value: providers.NewSecret(object("A", key(n))), Object: true}
				}
				r.put(field, providers.Payload{Value: key(1)}, mark(1), r.look(field))
				r.put(whole, object(2), mark(2), r.look(whole))
				r.in(field, rotation.StateEdited, rotation.StateBare)
				r.holds(whole, mark(2))
				r.put(field, providers.Payload{Value: key(3)}, mark(3), r.look(field))
				r.in(whole, rotation.StateEdited, rotation.StateBare)
				r.holds(field, mark(3))
			},
		},
		{
			name: "many accounts at once", story: "Accounts that deliver to fields of one secret at the same time meet conflicts, repeat, and all arrive.",
			needs: func(can StoreAbilities) bool { return can.Fields && can.CompareAndSet }, once: true,
			run: func(r *storeRun) {
				const accounts = 4
				want := map[rotation.Destination]delivery{}
				ctx := r.ctx()
				var all sync.WaitGroup
				for n := range accounts {
					d := r.Destination("ci/many", fmt.Sprintf("KEY_%d", n))
					w := delivery{key(n), markOf(rotation.AccountID(fmt.Sprintf("account-%d", n)), 1)}
					want[d] = w
					all.Go(func() { r.persist(ctx, d, w) })
				}
				all.Wait()
				r.settle(want)
			},
		},
	}
}

// delivery is what a destination should hold.
type delivery struct {
	value providers.Secret
	mark  rotation.Mark
}

// persist looks and puts until that is no conflict.
func (r *storeRun) persist(ctx context.Context, d rotation.Destination, w delivery) {
	for ctx.Err() == nil {
		h, err := r.store.Look(ctx, d)
		if r.check(err) == nil {
			_, err = r.store.Put(ctx, d, providers.Payload{Value: w.value}, w.mark, h)
		}
		if r.check(err) == nil {
			return
		}
		if providers.KindOf(err) != providers.Conflict {
			r.Errorf("%s: %v, want done or a conflict", d, err)
			return
		}
	}
	r.Errorf("%s: conflicts until the end", d)
}

// settle makes passes until one makes no write, and fails the case if that
// takes more than there are destinations, or ends in another state.
func (r *storeRun) settle(want map[rotation.Destination]delivery) {
	r.Helper()
	for pass := 0; ; pass++ {
		wrote := 0
		for d, w := range want {
			if h := r.look(d); h.State != rotation.StateMarked || h.Mark != w.mark {
				r.put(d, providers.Payload{Value: w.value}, w.mark, h)
				wrote++
			}
		}
		if wrote == 0 {
			break
		}
		if pass > len(want) {
			r.Fatalf("pass %d still writes", pass)
		}
	}
	for d, w := range want {
		r.holds(d, w.mark)
		r.reads(d, providers.Payload{Value: w.value})
	}
}

// others returns every field but d's as a reader finds it, with numbers as the
// service writes them.
func (r *storeRun) others(d rotation.Destination) map[string]any {
	r.Helper()
	content, _ := r.Raw(r.T, d.Path)
	members := r.members(content, true)
	delete(members, d.Field)
	return members
}

// is fails the case unless a secret's content is as wanted: to the byte where
// the store keeps texts, else member by member with numbers as they are written.
func (r *storeRun) is(path, want string) {
	r.Helper()
	got, ok := r.Raw(r.T, path)
	switch {
	case !ok:
		r.Errorf("%s is gone", path)
	case r.can.KeepsText && got != want:
		r.Errorf("the text of %s is not what it was with our field set", path)
	case !reflect.DeepEqual(r.decode(got), r.decode(want)):
		r.Errorf("%s has other members than it had with our field set", path)
	}
}

package providertest

import (
	"context"
	"reflect"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// removeCases: what was delivered is taken away, or given up.
func removeCases() []storeCase {
	return []storeCase{
		{
			name: "remove", story: "What was delivered and is read no more is taken away: readers find nothing, and a put from a look after it delivers again.",
			run: func(r *storeRun) {
				d := r.at("leaving/pruned")
				r.remove(d, r.deliver(d, 1))
				h := r.in(d, rotation.StateAbsent)
				if _, there := r.Raw(r.T, d.Path); there {
					r.Error("a reader still finds something")
				}
				r.put(d, r.payload(2), mark(2), h)
				r.holds(d, mark(2))
				r.reads(d, r.payload(2))
			},
		},
		{
			name: "remove, so that it can be restored", story: "Where a service keeps for a while what is deleted, it keeps what is taken away, mark and all; nothing is purged.", once: true,
			run: func(r *storeRun) {
				keeper, ok := r.StoreService.(Undoer)
				if !ok {
					r.Skip("the harness is no Undoer")
				}
				d := r.at("leaving/restored")
				r.remove(d, r.deliver(d, 1))
				keeper.Undo(r.T, d.Path)
				r.holds(d, mark(1))
				r.reads(d, r.payload(1))
			},
		},
		{
			name: "remove after a change", story: "What changed since it was looked at is not taken away: a later edition, an edit, another owner, a secret made anew.",
			run: func(r *storeRun) {
				later, edited, claimed, anew, gone := r.at("leaving/later"), r.at("leaving/edited"), r.at("leaving/claimed"), r.at("leaving/anew"), r.at("leaving/gone")
				for d, change := range map[rotation.Destination]func(d rotation.Destination){
					later:  func(d rotation.Destination) { r.deliver(d, 2) },
					edited: func(d rotation.Destination) { r.Edit(r.T, d.Path, r.content(3)) },
					claimed: func(d rotation.Destination) {
						r.put(d, r.payload(2), markOf("account-b", 1), r.look(d))
					},
					anew: func(d rotation.Destination) {
						r.Remove(r.T, d.Path)
						r.Edit(r.T, d.Path, r.content(3))
					},
					gone: func(d rotation.Destination) { r.Remove(r.T, d.Path) },
				} {
					seen := r.deliver(d, 1)
					change(d)
					r.keeps(d, providers.Conflict, seen)
				}
			},
		},
		{
			name: "remove what is not ours", story: "What bears no mark is not taken away, whoever asks.",
			run: func(r *storeRun) {
				d := r.at("leaving/theirs")
				r.Edit(r.T, d.Path, r.content(1))
				r.keeps(d, providers.Invalid, r.in(d, rotation.StateBare))
				nothing := r.at("leaving/nothing")
				r.want(providers.Invalid, r.remover().Remove(r.ctx(), nothing, r.in(nothing, rotation.StateAbsent)))
			},
		},
		{
			name: "remove what was unmarked", story: "A person who removed our mark has taken the secret from us, also between look and removal.",
			run: func(r *storeRun) {
				d := r.at("leaving/unmarked")
				seen := r.deliver(d, 1)
				r.Unmark(r.T, d.Path)
				r.keeps(d, providers.Conflict, seen)
				r.keeps(d, providers.Invalid, r.look(d))
			},
		},
		{
			name: "remove what was edited", story: "A whole secret that was edited since its delivery has things in it that are not ours: it stays.", once: true,
			run: func(r *storeRun) {
				d := r.at("leaving/edited")
				r.deliver(d, 1)
				r.Edit(r.T, d.Path, `{"WANDB_API_KEY":"`+key(1).Expose()+`","added":"by hand"}`)
				r.keeps(d, providers.Invalid, r.in(d, rotation.StateEdited))
			},
		},
		{
			name: "remove one field of a secret", story: "Of a secret that others use too only our field goes, and every other stays as it was, to the digit.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				for i, theirs := range []string{
					`{"a":{"KEY":"inner","b":[1,2.50,{"c":null}]},"ratio":1.0,"big":12345678901234567890}`,
					"{\n  \"user\" : \"svc, \\\"x\\\"\",\n  \"port\": 5432\n}\n",
				} {
					d := r.Destination([]string{"leaving/shared-one", "leaving/shared-two"}[i], "KEY")
					r.Edit(r.T, d.Path, theirs)
					before := r.others(d)
					seen := r.put(d, providers.Payload{Value: key(i)}, mark(1), r.look(d))
					versions := r.versions(d)
					r.remove(d, seen)
					h := r.in(d, rotation.StateAbsent)
					if !reflect.DeepEqual(r.others(d), before) {
						r.Error("another field reads otherwise than before")
					}
					if r.can.KeepsText {
						r.is(d.Path, theirs)
					}
					if after := r.versions(d); after != 0 && after != versions+1 {
						r.Errorf("%d versions, then %d: want one more", versions, after)
					}
					r.put(d, providers.Payload{Value: key(9)}, mark(2), h)
					r.holds(d, mark(2))
				}
			},
		},
		{
			name: "remove an edited field", story: "Somebody edited the secret, and whoever asks has made sure that our field still is ours: it goes, the edit stays; one more edit in between, and nothing goes.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				d := r.Destination("leaving/shared", "KEY")
				r.Edit(r.T, d.Path, `{"other":"1"}`)
				r.put(d, providers.Payload{Value: key(1)}, mark(1), r.look(d))
				edited := func(other string) { r.Edit(r.T, d.Path, `{"KEY":"`+key(1).Expose()+`","other":"`+other+`"}`) }
				edited("2")
				seen := r.in(d, rotation.StateMarked, rotation.StateEdited)
				edited("3")
				r.keeps(d, providers.Conflict, seen)
				r.remove(d, r.look(d))
				r.in(d, rotation.StateAbsent)
				r.is(d.Path, `{"other":"3"}`)
			},
		},
		{
			name: "remove one of two accounts' fields", story: "The field of one account goes, the other's stays delivered; then that one goes, and with it the secret.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				a, b := r.Destination("leaving/two", "A"), r.Destination("leaving/two", "B")
				want := map[rotation.Destination]delivery{
					a: {key(1), markOf("account-a", 1)}, b: {key(2), markOf("account-b", 4)},
				}
				r.settle(want)
				r.remove(a, r.look(a))
				r.in(a, rotation.StateAbsent)
				r.holds(b, want[b].mark)
				r.reads(b, providers.Payload{Value: key(2)})
				r.remove(b, r.look(b))
				r.in(b, rotation.StateAbsent)
				if _, there := r.Raw(r.T, b.Path); there {
					r.Error("an empty secret is left behind")
				}
			},
		},
		{
			name: "remove, too late", story: "Nothing is taken away after the deadline.",
			run: func(r *storeRun) {
				d := r.at("leaving/late")
				seen := r.deliver(d, 1)
				late, cancel := context.WithDeadline(r.Context(), time.Unix(0, 0))
				defer cancel()
				r.want(providers.Transient, r.remover().Remove(late, d, seen))
				if unmarker, ok := r.store.(providers.Unmarker); ok {
					r.want(providers.Transient, unmarker.Unmark(late, d, seen))
				}
				r.holds(d, mark(1))
				r.reads(d, r.payload(1))
			},
		},
		{
			name: "remove, denied", story: "A credential that is refused is told as denied, and nothing is taken away.", once: true,
			run: func(r *storeRun) {
				r.remover()
				d := r.at("leaving/denied")
				seen := r.deliver(d, 1)
				denied := r.Denied(r.T)
				if remover, ok := denied.(providers.Remover); ok {
					r.want(providers.Denied, remover.Remove(r.ctx(), d, seen))
				}
				if unmarker, ok := denied.(providers.Unmarker); ok {
					r.want(providers.Denied, unmarker.Unmark(r.ctx(), d, seen))
				}
				if _, there := r.Raw(r.T, d.Path); !there {
					r.Error("it is gone")
				}
			},
		},
		{
			name: "undo", story: "A person is told beforehand how what is taken away comes back.",
			run: func(r *storeRun) {
				if words := r.remover().Undo(r.at("leaving/pruned")); strings.TrimSpace(words) == "" {
					r.Error("no word")
				}
			},
		},
		{
			name: "unmark", story: "A secret that is given up keeps its value and is nobody's; giving it up again does nothing, and it can be taken over by name.",
			run: func(r *storeRun) {
				d := r.at("leaving/given-up")
				if service, ok := r.StoreService.(Tagged); ok {
					defer func() {
						if service.Tags(r.T, d.Path)["theirs"] != "stays" {
							r.Error("a tag that is not ours is gone")
						}
					}()
				}
				for n := 1; n <= 2; n++ { // with an older version that is marked too
					r.deliver(d, n)
				}
				if service, ok := r.StoreService.(Tagged); ok {
					service.Tag(r.T, d.Path, "theirs", "stays")
				}
				versions := r.versions(d)
				r.unmark(d, r.holds(d, mark(2)))
				h := r.in(d, rotation.StateBare)
				r.reads(d, r.payload(2))
				if after := r.versions(d); after != versions {
					r.Errorf("%d versions, then %d: a mark is no value", versions, after)
				}
				r.unmark(d, h)
				r.put(d, r.payload(3), markOf("account-b", 1), r.in(d, rotation.StateBare))
				r.holds(d, markOf("account-b", 1))
			},
		},
		{
			name: "unmark what was edited", story: "What a person edited is given up like anything else.",
			run: func(r *storeRun) {
				d := r.at("leaving/edited")
				r.deliver(d, 1)
				r.Edit(r.T, d.Path, r.content(2))
				r.unmark(d, r.in(d, rotation.StateEdited))
				r.in(d, rotation.StateBare)
			},
		},
		{
			name: "unmark after a change", story: "A mark that changed since it was looked at stays.",
			run: func(r *storeRun) {
				d := r.at("leaving/later")
				seen := r.deliver(d, 1)
				r.deliver(d, 2)
				r.want(providers.Conflict, r.unmarker().Unmark(r.ctx(), d, seen))
				r.holds(d, mark(2))
			},
		},
		{
			name: "unmark one of two accounts' fields", story: "One account's field is given up, the other's stays delivered.",
			needs: needsFields, once: true,
			run: func(r *storeRun) {
				a, b := r.Destination("leaving/two", "A"), r.Destination("leaving/two", "B")
				want := map[rotation.Destination]delivery{
					a: {key(1), markOf("account-a", 1)}, b: {key(2), markOf("account-b", 4)},
				}
				r.settle(want)
				r.unmark(a, r.look(a))
				r.in(a, rotation.StateBare)
				r.reads(a, providers.Payload{Value: key(1)})
				r.holds(b, want[b].mark)
			},
		},
	}
}

func (r *storeRun) remover() providers.Remover {
	r.Helper()
	remover, ok := r.store.(providers.Remover)
	if !ok {
		r.Skip("this store is no Remover")
	}
	return remover
}

func (r *storeRun) unmarker() providers.Unmarker {
	r.Helper()
	unmarker, ok := r.store.(providers.Unmarker)
	if !ok {
		r.Skip("this store is no Unmarker")
	}
	return unmarker
}

func (r *storeRun) remove(d rotation.Destination, seen rotation.Holding) {
	r.Helper()
	if err := r.check(r.remover().Remove(r.ctx(), d, seen)); err != nil {
		r.Fatalf("remove %s: %v", d, err)
	}
}

func (r *storeRun) unmark(d rotation.Destination, seen rotation.Holding) {
	r.Helper()
	if err := r.check(r.unmarker().Unmark(r.ctx(), d, seen)); err != nil {
		r.Fatalf("unmark %s: %v", d, err)
	}
}

// keeps fails the case unless a removal is refused and leaves everything as it
// was.
func (r *storeRun) keeps(d rotation.Destination, kind providers.Kind, seen rotation.Holding) {
	r.Helper()
	before, there := r.Raw(r.T, d.Path)
	r.want(kind, r.remover().Remove(r.ctx(), d, seen))
	if after, still := r.Raw(r.T, d.Path); after != before || there != still {
		r.Errorf("%s changed although its removal was refused", d)
	}
}

package providertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// listCases: which secrets there are, for stores that can tell.
func listCases() []storeCase {
	return []storeCase{
		{
			name: "list", story: "Every secret whose path begins with the prefix is listed, in folders too, and no other one.", once: true,
			run: func(r *storeRun) {
				one, deep, near, other := r.listable("list/a"), r.listable("list/b/c"), r.listable("list/ab"), r.listable("other/a")
				r.deliver(other, 1)
				r.deliver(one, 2)
				for n, d := range []rotation.Destination{deep, near} {
					r.Edit(r.T, d.Path, r.content(n))
				}
				r.lists(r.prefix(one, "a"), one, deep, near)
				r.lists(one.Path, one, near)
				r.lists(deep.Path, deep)
				for _, l := range r.lists(other.Path, other) {
					if l.Mark != mark(1) && l.Mark != (rotation.Mark{}) {
						r.Errorf("it is marked %+v, want that of its delivery or none", l.Mark)
					}
				}
			},
		},
		{
			name: "list what is deleted", story: "What is deleted, for good or so that it can be restored, is not there.", once: true,
			run: func(r *storeRun) {
				stays, removed, deleted := r.listable("list/stays"), r.listable("list/removed"), r.listable("list/soft")
				for n, d := range []rotation.Destination{stays, removed, deleted} {
					r.deliver(d, n)
				}
				r.Remove(r.T, removed.Path)
				wanted := []rotation.Destination{stays, deleted}
				if s, ok := r.StoreService.(SoftDeleter); ok {
					s.Delete(r.T, deleted.Path)
					wanted = wanted[:1]
				}
				r.lists(r.prefix(stays, "stays"), wanted...)
			},
		},
		{
			name: "list many", story: "More secrets than fit on a page are each listed once, without a value being read or anything written.", once: true,
			run: func(r *storeRun) {
				const secrets = 120
				var wanted []rotation.Destination
				for n := range secrets {
					d := r.listable(fmt.Sprintf("list/many-%d/secret-%d", n%7, n))
					r.Edit(r.T, d.Path, r.content(n))
					wanted = append(wanted, d)
				}
				calls, counted := r.calls(func() { r.lists(r.prefix(r.listable("list/x"), "x"), wanted...) })
				if counted && (calls.Values > 0 || calls.Writes > 0) {
					r.Errorf("it read values or wrote: %+v", calls)
				}
			},
		},
		{
			name: "list none", story: "Where there is nothing, nothing is listed, and that is no error.", once: true,
			run: func(r *storeRun) {
				d := r.listable("list/none")
				r.lists(d.Path)
				r.deliver(r.listable("other/one"), 1)
				r.lists(d.Path)
			},
		},
		{
			name: "list, denied", story: "A listing that is refused is an error, never an empty one.", once: true,
			run: func(r *storeRun) { r.failsToList(providers.Denied, StoreService.Denied) },
		},
		{
			name: "list, unreachable", story: "A service that does not answer is an error, never an empty listing.", once: true,
			run: func(r *storeRun) { r.failsToList(providers.Transient, StoreService.Unreachable) },
		},
		{
			name: "list, stopped", story: "Whoever is yielded to may stop the listing, and gets its own error back.", once: true,
			run: func(r *storeRun) {
				for n := range 3 {
					r.deliver(r.listable(fmt.Sprintf("list/stop-%d", n)), n)
				}
				stop, times := errors.New("enough"), 0
				err := r.lister(r.store).List(r.ctx(), r.prefix(r.listable("list/stop"), "stop"), func(providers.Listed) error {
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

// lister skips the case where a store cannot list.
func (r *storeRun) lister(s providers.SecretStore) providers.Lister {
	r.Helper()
	l, ok := s.(providers.Lister)
	if !ok {
		r.Skip("this store is no Lister")
	}
	return l
}

// listable is a destination of a store that can list.
func (r *storeRun) listable(secret string) rotation.Destination {
	r.Helper()
	r.lister(r.store)
	return r.at(secret)
}

// prefix is a destination's path without the end of it.
func (r *storeRun) prefix(d rotation.Destination, end string) string {
	return strings.TrimSuffix(d.Path, end)
}

// lists fails the case unless a listing is complete, and just of these.
func (r *storeRun) lists(prefix string, wanted ...rotation.Destination) []providers.Listed {
	r.Helper()
	var all []providers.Listed
	var paths, want []string
	err := r.lister(r.store).List(r.ctx(), prefix, func(l providers.Listed) error {
		all, paths = append(all, l), append(paths, l.Path)
		return nil
	})
	if r.check(err) != nil {
		r.Fatalf("list %s: %v", prefix, err)
	}
	for _, d := range wanted {
		want = append(want, d.Path)
	}
	slices.Sort(paths)
	slices.Sort(want)
	if !slices.Equal(paths, want) {
		r.Errorf("list %s: %q, want %q", prefix, paths, want)
	}
	if strings.Contains(fmt.Sprintf("%#v", all), storeCanary) {
		r.Error("a listing holds a value")
	}
	return all
}

// failsToList lists with a store that fails.
func (r *storeRun) failsToList(kind providers.Kind, failing func(StoreService, *testing.T) providers.SecretStore) {
	r.Helper()
	d := r.listable("list/failing")
	r.deliver(d, 1)
	err := r.lister(failing(r.StoreService, r.T)).List(r.ctx(), d.Path, func(l providers.Listed) error {
		r.Errorf("%s is listed", l.Path)
		return nil
	})
	r.want(kind, err)
}

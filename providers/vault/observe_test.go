package vault_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/rotation"
)

func observe(t *testing.T, s *vault.Store, ds ...rotation.Destination) (map[rotation.Destination]rotation.Holding, error) {
	t.Helper()
	seen := map[rotation.Destination]rotation.Holding{}
	err := s.Observe(t.Context(), ds, func(d rotation.Destination, h rotation.Holding) error {
		if _, twice := seen[d]; twice {
			t.Errorf("%s came twice", d)
		}
		if h.Fresh {
			t.Errorf("%s is called fresh", d)
		}
		seen[d] = h
		return nil
	})
	return seen, err
}

func TestObserve(t *testing.T) {
	w := newWorld(t)
	s := w.root(t)
	a, b, bare := w.dest("ci/shared#A"), w.dest("ci/shared#B"), w.dest("ci/shared#C")
	providertest.Put(t, s, a, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, s, b, providertest.Value(keyOne), providertest.MarkOf("b", 1))
	edited, whole, gone := w.dest("ci/edited#K"), w.dest("ci/whole"), w.dest("ci/gone#K")
	providertest.Put(t, s, edited, providertest.Value(keyOne), providertest.MarkOf("c", 1))
	w.Write(t, w.mount, "ci/edited", map[string]any{"K": "x"})
	w.Write(t, w.mount, "ci/whole", map[string]any{"K": "x"})
	providertest.Put(t, s, gone, providertest.Value(keyOne), providertest.MarkOf("d", 1))
	w.Call(t, http.MethodDelete, w.mount+"/data/ci/gone", nil)
	want := map[rotation.Destination]rotation.State{
		a: rotation.StateMarked, b: rotation.StateMarked,
		edited: rotation.StateEdited, whole: rotation.StateBare, gone: rotation.StateAbsent,
	}
	for i := range 20 {
		want[w.dest(fmt.Sprintf("ci/never-%d#K", i))] = rotation.StateAbsent
	}
	all := []rotation.Destination{bare}
	for d := range want {
		all = append(all, d)
	}

	w.proxy.Reset()
	seen, err := observe(t, s, all...)
	if err != nil {
		t.Fatal(err)
	}
	// One call for each secret, and one that settles all 404s.
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 24, "POST capabilities-self": 1})
	for d, state := range want {
		if h, ok := seen[d]; !ok || h.State != state {
			t.Errorf("%s: %+v, want %q", d, h, state)
		}
	}
	if seen[a].Mark != providertest.MarkOf("a", 1) || seen[a].Version != providertest.Look(t, s, a).Version {
		t.Errorf("%+v", seen[a])
	}
	if h, ok := seen[bare]; ok {
		t.Errorf("nobody could tell whether the field is there, and it is seen as %+v", h)
	}
}

func TestObserveShowsTheRestWhenAPartFails(t *testing.T) {
	w := newWorld(t)
	s := w.as(t, documented)
	ours, denied, hidden := w.dest("ci/a#K"), w.dest("elsewhere/b#K"), w.dest("ci/hidden#K")
	providertest.Put(t, s, ours, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.proxy.Inject(notFound("GET metadata", "hidden", 1))
	w.proxy.Inject(capabilities(`{"data":{"` + w.mount + `/metadata/ci/hidden":["deny"]}}`))
	seen, err := observe(t, s, denied, hidden, ours)
	providertest.WantKind(t, err, providers.Denied, "2 of 3")
	if len(seen) != 1 || seen[ours].State != rotation.StateMarked {
		t.Errorf("saw %v", seen)
	}
}

// A server that is unwell, or wants fewer calls, is not asked for all the rest.
func TestObserveGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		fault vaulttest.Fault
		kind  providers.Kind
		most  int
	}{
		"limited":   {vaulttest.Fault{Kind: "GET metadata", Times: 999, Status: 429, Header: http.Header{"Retry-After": {"5"}}}, providers.Limited, 16},
		"unwell":    {vaulttest.Fault{Kind: "GET metadata", Times: 999, Status: 503}, providers.Transient, 24},
		"no answer": {vaulttest.Fault{Kind: "GET metadata", Times: 999, Refuse: true}, providers.Transient, 48}, // net/http tries a read on a reused connection again
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.root(t)
			providertest.Look(t, s, w.dest("ci/first"))
			var all []rotation.Destination
			for i := range 200 {
				all = append(all, w.dest(fmt.Sprintf("ci/s-%d#K", i)))
			}
			w.proxy.Reset()
			w.proxy.Inject(c.fault)
			seen, err := observe(t, s, all...)
			providertest.WantKind(t, err, c.kind)
			if n := w.proxy.Calls()["GET metadata"]; len(seen) != 0 || n > c.most {
				t.Errorf("saw %d in %d calls", len(seen), n)
			}
		})
	}
}

func TestObserveEndsWhenTheCallerHasSeenEnough(t *testing.T) {
	w := newWorld(t)
	s := w.root(t)
	enough := errors.New("enough")
	err := s.Observe(t.Context(), []rotation.Destination{w.dest("ci/a"), w.dest("ci/b")}, func(rotation.Destination, rotation.Holding) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

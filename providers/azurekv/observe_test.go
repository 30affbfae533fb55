package azurekv_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func observe(t *testing.T, s *azurekv.Store, ds ...rotation.Destination) (map[rotation.Destination]rotation.Holding, error) {
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

// fill delivers to n secrets by hand, as this store has done before.
func fill(t *testing.T, w *world, n int) []rotation.Destination {
	t.Helper()
	first := dest("fill/0")
	providertest.Put(t, w.store, first, providertest.Value(keyOne), providertest.MarkOf("0", 1))
	like := w.Tags("fill-0")["keyrota"]
	ds := []rotation.Destination{first}
	for i := 1; i < n; i++ {
		note, ok := providers.DecodeNote(like)
		if !ok {
			t.Fatal("no mark")
		}
		note.Account, note.Key = providertest.MarkOf(fmt.Sprint(i), 1).Account, providertest.MarkOf(fmt.Sprint(i), 1).Key
		text, err := note.JSON()
		if err != nil {
			t.Fatal(err)
		}
		text = fmt.Sprintf(`%s,"write":"%08x%08x"}`, text[:len(text)-1], time.Now().Unix(), i)
		w.EditWith(fmt.Sprintf("fill-%d", i), azuretest.Version{Value: keyOne, Enabled: true, Tags: map[string]string{"keyrota": text}})
		ds = append(ds, dest(fmt.Sprintf("fill/%d", i)))
	}
	return ds
}

func TestObserveAThousand(t *testing.T) {
	w := start(t)
	ds := fill(t, w, 1000)
	for range 2 {
		w.Reset()
		seen, err := observe(t, w.store, ds...)
		if err != nil || len(seen) != len(ds) {
			t.Fatalf("saw %d, %v", len(seen), err)
		}
		wantCalls(t, w, map[string]int{"ListSecrets": 40})
		for i, d := range ds {
			if seen[d].State != rotation.StateMarked || seen[d].Mark != providertest.MarkOf(fmt.Sprint(i), 1) {
				t.Fatalf("%s is seen as %+v", d, seen[d])
			}
		}
		for _, i := range []int{0, 1, 999} {
			if h := providertest.Look(t, w.store, ds[i]); h.Version != seen[ds[i]].Version || h.Mark != seen[ds[i]].Mark {
				t.Errorf("look shows %+v, observe %+v", h, seen[ds[i]])
			}
		}
	}
}

// What the listing does not settle is looked at alone, and never by its value.
func TestObserveWithoutValues(t *testing.T) {
	w := startWith(t, azuretest.Options{Now: func() time.Time { return time.Unix(1_790_000_000, 0) }}) // all in one second
	ours, edited, bare, absent, deleted, disabled := dest("ci/ours"), dest("ci/edited"), dest("ci/bare"), dest("ci/absent"), dest("ci/deleted"), dest("ci/disabled")
	for _, d := range []rotation.Destination{ours, edited, deleted, disabled} {
		providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	}
	providertest.Put(t, w.store, ours, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	w.Edit("ci-edited", keyTwo)
	w.Edit("ci-bare", keyTwo)
	w.Delete("ci-deleted")
	w.Disable("ci-disabled")
	field, foreign := dest("ci/shared#A"), dest("ci/shared#B")
	providertest.Put(t, w.store, field, providertest.Value(keyOne), providertest.MarkOf("b", 1))
	for _, d := range []rotation.Destination{ours, edited, deleted, disabled, field} {
		providertest.Look(t, w.store, d)
	}
	w.Reset()
	seen, err := observe(t, w.store, ours, edited, bare, absent, deleted, disabled, field, foreign)
	if err != nil {
		t.Fatal(err)
	}
	if n := w.Calls()["GetSecret"]; n != 0 {
		t.Errorf("%d values were read", n)
	}
	for d, want := range map[rotation.Destination]rotation.State{
		ours: rotation.StateMarked, edited: rotation.StateEdited, bare: rotation.StateBare, absent: rotation.StateAbsent,
		deleted: rotation.StateAbsent, disabled: rotation.StateAbsent, field: rotation.StateMarked,
	} {
		if h := seen[d]; h.State != want {
			t.Errorf("%s is seen as %+v, want %s", d, h, want)
		}
		if h := providertest.Look(t, w.store, d); h.Version != seen[d].Version || h.State != seen[d].State {
			t.Errorf("look shows %+v, observe %+v", h, seen[d])
		}
	}
	if h, ok := seen[foreign]; ok {
		t.Errorf("nobody could tell whether the field is there, and it is seen as %+v", h)
	}
}

// Two versions of one second that look alike: only a value could tell, and what
// Observe cannot tell it does not yield.
func TestObserveLeavesOutWhatIsUnsure(t *testing.T) {
	w := startWith(t, azuretest.Options{Now: func() time.Time { return time.Unix(1_790_000_000, 0) }})
	d := dest("ci/bare")
	w.Edit("ci-bare", "one")
	w.Edit("ci-bare", "two")
	seen, err := observe(t, w.store, d)
	if err != nil || len(seen) != 0 {
		t.Errorf("saw %v, %v", seen, err)
	}
	h := providertest.WantState(t, w.store, d, rotation.StateBare)
	providertest.WantValue(t, w.store, d, h.Version, "two")
}

// Secrets that are not there, and are not deleted either, cost no look.
func TestObserveManyAbsent(t *testing.T) {
	w := start(t)
	var ds []rotation.Destination
	for i := range 300 {
		ds = append(ds, dest(fmt.Sprintf("ci/never-%d", i)))
	}
	seen, err := observe(t, w.store, ds...)
	if err != nil || len(seen) != len(ds) {
		t.Errorf("saw %d, %v", len(seen), err)
	}
	for d, h := range seen {
		if h.State != rotation.StateAbsent {
			t.Errorf("%s is seen as %+v", d, h)
		}
	}
	wantCalls(t, w, map[string]int{"ListDeletedSecrets": 1, "ListSecrets": 1})
}

// Of many secrets that no listing settles, some are looked at.
func TestObserveIsBounded(t *testing.T) {
	w := start(t)
	var ds []rotation.Destination
	for i := range 300 {
		w.Edit(fmt.Sprintf("theirs-%d", i), "x")
		ds = append(ds, dest(fmt.Sprintf("theirs/%d", i)))
	}
	seen, err := observe(t, w.store, ds...)
	if err != nil || len(seen) != 100 {
		t.Errorf("saw %d, %v", len(seen), err)
	}
	wantCalls(t, w, map[string]int{"ListSecrets": 12, "ListVersions": 100})
}

func TestObserveGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		fault azuretest.Fault
		kind  providers.Kind
		most  int
	}{
		"limited": {azuretest.Fault{Operation: "ListVersions", Times: -1, Error: &azuretest.Error{Status: 429, Code: "Throttled", RetryAfter: 5 * time.Second}}, providers.Limited, 1},
		"unwell":  {azuretest.Fault{Operation: "ListVersions", Times: -1, Error: &azuretest.Error{Status: 503, Message: keyOne}}, providers.Transient, 8},
		"pages":   {azuretest.Fault{Operation: "ListSecrets", Times: -1, Skip: 1, Error: &azuretest.Error{Status: 500, Message: keyOne}}, providers.Transient, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			ds := fill(t, w, 30)
			for i := range 20 {
				w.Edit(fmt.Sprintf("theirs-%d", i), "x")
				ds = append(ds, dest(fmt.Sprintf("theirs/%d", i)))
			}
			w.Reset()
			w.Inject(c.fault)
			seen, err := observe(t, w.store, ds...)
			providertest.WantKind(t, err, c.kind)
			for d, h := range seen {
				if h.State != rotation.StateMarked {
					t.Errorf("%s is seen as %+v", d, h)
				}
			}
			if n := w.Calls()["ListVersions"]; n > c.most {
				t.Errorf("%d looks, want at most %d", n, c.most)
			}
		})
	}
}

func TestObserveEndsWhenTheCallerHasSeenEnough(t *testing.T) {
	w := start(t)
	ds := append(fill(t, w, 3), dest("ci/never"))
	enough := errors.New("enough")
	for _, some := range [][]rotation.Destination{ds, ds[3:]} {
		err := w.store.Observe(t.Context(), some, func(rotation.Destination, rotation.Holding) error { return enough })
		if !errors.Is(err, enough) {
			t.Errorf("got %v", err)
		}
	}
}

func TestObserveAPathThatIsNone(t *testing.T) {
	w := start(t)
	d := dest("ci/ours")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	seen, err := observe(t, w.store, dest("ci/a b"), d)
	providertest.WantKind(t, err, providers.Invalid)
	if seen[d].State != rotation.StateMarked {
		t.Errorf("saw %+v", seen)
	}
}

func TestList(t *testing.T) {
	w := start(t)
	providertest.Put(t, w.store, dest("ci/ours"), providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.EditWith("CI-theirs", azuretest.Version{Value: "x", Enabled: true, Tags: map[string]string{"owner": "ml@acme.example"}})
	var all []providers.Listed
	err := w.store.List(t.Context(), "ci/", func(l providers.Listed) error {
		all = append(all, l)
		return nil
	})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	if all[0].Path != "ci-ours" || all[0].Mark != providertest.MarkOf("a", 1) || all[0].Changed.IsZero() || all[1].Path != "CI-theirs" || all[1].Owner != "ml@acme.example" {
		t.Errorf("%+v", all)
	}
}

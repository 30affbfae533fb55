package azurekv_test

import (
	"fmt"
	"github.com/keyrota/keyrota/providers/providertest"
	"testing"

	"github.com/keyrota/keyrota/rotation"
)

func TestDisable(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	w.Edit("ci-wandb", "theirs")
	for e := rotation.Edition(1); e <= 4; e++ {
		providertest.Put(t, w.store, d, providertest.Value(fmt.Sprintf("%s-%d", keyOne, e)), providertest.MarkOf("a", e))
	}
	w.Edit("ci-wandb", "by hand")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 5))
	live := []rotation.KeyID{providertest.MarkOf("a", 3).Key, providertest.MarkOf("a", 5).Key}
	for range 2 {
		w.Reset()
		if err := w.store.Disable(t.Context(), d, live); err != nil {
			t.Fatal(err)
		}
		var enabled []bool
		for _, v := range w.Versions("ci-wandb") {
			enabled = append(enabled, v.Enabled)
		}
		if want := []bool{true, false, false, true, false, true, true}; fmt.Sprint(enabled) != fmt.Sprint(want) {
			t.Errorf("enabled %v, want %v", enabled, want)
		}
	}
	wantCalls(t, w, map[string]int{"ListVersions": 1})
	h := providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 5))
	if len(h.Older) != 3 {
		t.Errorf("older versions %v, want the three that are enabled", h.Older)
	}
	if err := w.store.Disable(t.Context(), d, nil); err != nil {
		t.Fatal(err)
	}
	providertest.WantValue(t, w.store, d, "", keyOne)
	if err := w.store.Disable(t.Context(), dest("ci/nothing"), nil); err != nil {
		t.Error(err)
	}
	w.Delete("ci-wandb")
	if err := w.store.Disable(t.Context(), d, nil); err != nil {
		t.Error(err)
	}
}

// What another account or another keyrota left behind is not ours to disable.
func TestDisableLeavesOthersAlone(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	other := providertest.MarkOf("a", 1)
	other.Instance = "staging"
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("b", 1))
	providertest.Put(t, w.store, d, providertest.Value(keyOne), other)
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 2))
	providertest.Put(t, w.store, d, providertest.Value(keyTwo), providertest.MarkOf("a", 3))
	disable := func(want ...bool) {
		t.Helper()
		if err := w.store.Disable(t.Context(), d, []rotation.KeyID{providertest.MarkOf("a", 3).Key}); err != nil {
			t.Fatal(err)
		}
		var enabled []bool
		for _, v := range w.Versions("ci-wandb") {
			enabled = append(enabled, v.Enabled)
		}
		if fmt.Sprint(enabled) != fmt.Sprint(want) {
			t.Errorf("enabled %v, want %v", enabled, want)
		}
	}
	disable(true, true, false, true)
	// A current version that nobody answers for says nothing of whose the older are.
	w.Edit("ci-wandb", "by hand")
	disable(true, true, false, true, true)
}

// A version of a secret with several fields holds what is not ours to take away.
func TestDisableLeavesFieldsAlone(t *testing.T) {
	w := start(t)
	a, b := dest("ci/shared#A"), dest("ci/shared#B")
	providertest.Put(t, w.store, a, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	h := providertest.Put(t, w.store, b, providertest.Value(keyOne), providertest.MarkOf("b", 1))
	providertest.Put(t, w.store, a, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	if err := w.store.Disable(t.Context(), a, []rotation.KeyID{providertest.MarkOf("a", 2).Key}); err != nil {
		t.Fatal(err)
	}
	providertest.WantValue(t, w.store, b, h.Version, keyOne)
}

// More versions than a page shows.
func TestManyVersions(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	for e := rotation.Edition(1); e <= 60; e++ {
		providertest.Put(t, w.store, d, providertest.Value(fmt.Sprintf("%s-%d", keyOne, e)), providertest.MarkOf("a", e))
	}
	w.Reset()
	h := providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 60))
	wantCalls(t, w, map[string]int{"ListVersions": 3})
	if len(h.Older) != 59 {
		t.Errorf("%d older versions", len(h.Older))
	}
	providertest.WantValue(t, w.store, d, h.Older[0], keyOne+"-59")
	providertest.WantValue(t, w.store, d, h.Version, keyOne+"-60")
	if err := w.store.Disable(t.Context(), d, []rotation.KeyID{providertest.MarkOf("a", 60).Key, providertest.MarkOf("a", 59).Key}); err != nil {
		t.Fatal(err)
	}
	if h := providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 60)); len(h.Older) != 1 {
		t.Errorf("%d older versions can still be read", len(h.Older))
	}
}

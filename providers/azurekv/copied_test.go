package azurekv_test

import (
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// byHand adds a version as somebody does who takes the tags along.
func (w *world) byHand(name, value string) {
	w.EditWith(name, azuretest.Version{Value: value, Enabled: true, Tags: w.Tags(name)})
}

// Whoever sets a value and takes our tags along has edited it all the same.
func TestCopiedTags(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	first := providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.byHand("ci-wandb", "by hand")
	h := providertest.WantState(t, w.store, d, rotation.StateEdited)
	if h.Mark != providertest.MarkOf("a", 1) {
		t.Errorf("%+v", h)
	}
	_, err := w.store.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), first)
	providertest.WantKind(t, err, providers.Conflict)
	providertest.WantValue(t, w.store, d, h.Version, "by hand")
	providertest.WantValue(t, w.store, d, first.Version, keyOne)
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 1))
}

// Marks that a person copied do not become ours when another field is written.
func TestCopiedTagsOfAnotherField(t *testing.T) {
	w := start(t)
	a, b := dest("ci/shared#A"), dest("ci/shared#B")
	providertest.Put(t, w.store, a, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, w.store, b, providertest.Value(keyTwo), providertest.MarkOf("b", 1))
	w.byHand("ci-shared", `{"A":"`+keyOne+`","B":"by hand"}`)
	providertest.WantState(t, w.store, b, rotation.StateEdited)
	providertest.Put(t, w.store, a, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantMarked(t, w.store, a, providertest.MarkOf("a", 1))
	h := providertest.WantState(t, w.store, b, rotation.StateEdited)
	providertest.WantValue(t, w.store, b, h.Version, "by hand")
}

// A listing shows one version of each secret; a mark much older than the version
// that it stands on is looked at closer.
func TestObserveCopiedTags(t *testing.T) {
	now := time.Now()
	w := startWith(t, azuretest.Options{Now: func() time.Time { return now }})
	d := dest("ci/wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	now = now.Add(30 * time.Minute)
	w.byHand("ci-wandb", "by hand")
	seen, err := observe(t, w.store, d)
	if err != nil || seen[d].State != rotation.StateEdited {
		t.Errorf("%+v, %v", seen[d], err)
	}
}

// The machines of a vault have clocks of their own: of versions that were made
// in quick succession, the newest by its time need not be the current one.
func TestVersionsOutOfOrder(t *testing.T) {
	now := time.Now()
	w := startWith(t, azuretest.Options{Now: func() time.Time { return now }})
	d := dest("ci/wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	now = now.Add(time.Minute)
	providertest.Put(t, w.store, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	now = now.Add(-2 * time.Second)
	w.Edit("ci-wandb", "by hand")
	providertest.WantState(t, w.store, d, rotation.StateEdited)
	if err := w.store.Disable(t.Context(), d, nil); err != nil {
		t.Fatal(err)
	}
	if got, ok := w.Raw("ci-wandb"); !ok || got != "by hand" {
		t.Errorf("readers find %q, %v", got, ok)
	}
	now = now.Add(time.Second)
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 3))
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 3))
}

package azurekv_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// TestPruningTakesARightOfItsOwn: the daemon's role deletes nothing, and says
// what is missing; with the one for pruning it does, and the vault keeps it.
func TestPruningTakesARightOfItsOwn(t *testing.T) {
	text, err := os.ReadFile("../../deploy/azure/keyrota-prune-role.json")
	if err != nil {
		t.Fatal(err)
	}
	var role struct{ DataActions []string }
	if err := json.Unmarshal(text, &role); err != nil || len(role.DataActions) != 1 {
		t.Fatal(err, role)
	}
	more := strings.TrimPrefix(role.DataActions[0], "Microsoft.KeyVault/vaults/secrets/")
	actions := roleActions(t)
	w := startWith(t, azuretest.Options{Step: step})
	daemon, person := w.as(t, w.AddApp("keyrota", actions...)), w.as(t, w.AddApp("alice", append(actions, more)...))
	whole, field := dest("ci/whole"), dest("ci/shared#A")
	w.Edit("ci-shared", `{"theirs":"x"}`)
	for _, d := range []rotation.Destination{whole, field} {
		providertest.Put(t, daemon, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	}
	providertest.WantKind(t, daemon.Remove(t.Context(), whole, providertest.Look(t, daemon, whole)), providers.Denied, "vaults/secrets/delete;")
	providertest.WantMarked(t, daemon, whole, providertest.MarkOf("a", 1))
	for _, d := range []rotation.Destination{whole, field} {
		if err := person.Remove(t.Context(), d, providertest.Look(t, person, d)); err != nil {
			t.Fatal(err)
		}
		providertest.WantState(t, person, d, rotation.StateAbsent)
	}
	if !w.Deleted("ci-whole") {
		t.Error("it is not kept")
	}
	if got, _ := w.Raw("ci-shared"); got != `{"theirs":"x"}` {
		t.Errorf("the rest is %s", got)
	}
}

// TestWhatOthersKeepStays: the secret of a certificate, and one that a tag says
// another tool keeps.
func TestWhatOthersKeepStays(t *testing.T) {
	w := startWith(t, azuretest.Options{Step: step})
	d := dest("ci/kept")
	seen := providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Tag("ci-kept", "managed-by", "terraform")
	providertest.WantKind(t, w.store.Remove(t.Context(), d, seen), providers.Invalid, "it is kept by terraform")
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 1))
}

// TestUnmarkingIsDoneAgain: cut short, what is left is still ours, and the next
// try goes on.
func TestUnmarkingIsDoneAgain(t *testing.T) {
	w := startWith(t, azuretest.Options{Step: step})
	d := dest("ci/old")
	for e := range rotation.Edition(3) {
		providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", e+1))
	}
	w.Inject(azuretest.Fault{Operation: "UpdateSecret", Refuse: true, Skip: 1})
	seen := providertest.Look(t, w.store, d)
	providertest.WantKind(t, w.store.Unmark(t.Context(), d, seen), providers.Transient)
	seen = providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 3))
	if err := w.store.Unmark(t.Context(), d, seen); err != nil {
		t.Fatal(err)
	}
	providertest.WantState(t, w.store, d, rotation.StateBare)
	for _, v := range w.Versions("ci-old") {
		for key := range v.Tags {
			if providers.IsNoteKey(key) {
				t.Errorf("version %s still bears %s", v.ID, key)
			}
		}
	}
}

package vault_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/rotation"
)

// shipped is a policy that people copy, for the world's mount.
func shipped(t *testing.T, names ...string) string {
	t.Helper()
	var rules strings.Builder
	for _, name := range names {
		text, err := os.ReadFile("../../deploy/vault/" + name + ".hcl")
		if err != nil {
			t.Fatal(err)
		}
		rules.WriteString(strings.ReplaceAll(string(text), `"kv/`, `"%s/`))
	}
	return rules.String()
}

// TestPruningTakesARightOfItsOwn: the policy of the daemon deletes nothing, and
// says what is missing; with the one for pruning it does, and no more than softly.
func TestPruningTakesARightOfItsOwn(t *testing.T) {
	w := newWorld(t)
	whole, field := w.dest("ml/whole"), w.dest("ml/shared#KEY")
	w.Write(t, w.mount, "ml/shared", map[string]any{"theirs": "x"})
	daemon := w.as(t, shipped(t, "keyrota"))
	seen := providertest.Put(t, daemon, whole, providertest.Object(`{"KEY":"`+keyOne+`"}`), providertest.MarkOf("a", 1))
	providertest.WantKind(t, daemon.Remove(t.Context(), whole, seen), providers.Denied, `path "`+w.mount+`/delete/ml/whole" { capabilities = ["update"] }`)
	providertest.WantMarked(t, daemon, whole, providertest.MarkOf("a", 1))
	providertest.Put(t, daemon, field, providertest.Value(keyOne), providertest.MarkOf("a", 1))

	person := w.as(t, shipped(t, "keyrota", "keyrota-prune"))
	for _, d := range []rotation.Destination{whole, field} {
		if err := person.Remove(t.Context(), d, providertest.Look(t, person, d)); err != nil {
			t.Fatal(err)
		}
		providertest.WantState(t, person, d, rotation.StateAbsent)
	}
	w.Call(t, http.MethodPost, w.mount+"/undelete/ml/whole", map[string]any{"versions": []int{1}})
	providertest.WantMarked(t, person, whole, providertest.MarkOf("a", 1))
	providertest.WantValue(t, person, whole, "", `{"KEY":"`+keyOne+`"}`)
}

// TestRemovingWithoutPatch: where the policy does not let it merge, it writes
// the rest back as it is.
func TestRemovingWithoutPatch(t *testing.T) {
	w := newWorld(t)
	a, b := w.dest("ci/two#A"), w.dest("ci/two#B")
	s := w.as(t, `
path "%s/data/ci/*"     { capabilities = ["create", "update", "read"] }
path "%s/metadata/ci/*" { capabilities = ["create", "update", "read"] }`)
	for _, d := range []rotation.Destination{a, b, a} {
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	}
	w.SetCustom(t, w.mount, "ci/two", map[string]any{"theirs": "stays"})
	if err := s.Remove(t.Context(), a, providertest.Look(t, s, a)); err != nil {
		t.Fatal(err)
	}
	providertest.WantState(t, s, a, rotation.StateAbsent)
	seen := providertest.WantMarked(t, s, b, providertest.MarkOf("a", 1))
	if err := s.Unmark(t.Context(), b, seen); err != nil {
		t.Fatal(err)
	}
	providertest.WantState(t, s, b, rotation.StateBare)
	if custom := w.Custom(t, w.mount, "ci/two"); len(custom) != 1 || custom["theirs"] != "stays" {
		t.Errorf("left behind: %v", custom)
	}
}

// TestRemovingTheLastMarkWithoutPatch: nothing of ours stays where ours was all.
func TestRemovingTheLastMarkWithoutPatch(t *testing.T) {
	w := newWorld(t)
	d := w.dest("ci/one#A")
	s := w.as(t, `
path "%s/data/ci/*"     { capabilities = ["create", "update", "read"] }
path "%s/metadata/ci/*" { capabilities = ["create", "update", "read"] }`)
	seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	if err := s.Unmark(t.Context(), d, seen); err != nil {
		t.Fatal(err)
	}
	providertest.WantState(t, s, d, rotation.StateBare)
}

// TestOnlyTheVersionThatWasSeenIsDeleted: what somebody writes in the moment of
// the deletion stays, since the version is named.
func TestOnlyTheVersionThatWasSeenIsDeleted(t *testing.T) {
	w := newWorld(t)
	s, d := w.root(t), w.dest("ci/raced")
	seen := providertest.Put(t, s, d, providertest.Object(`{"KEY":"`+keyOne+`"}`), providertest.MarkOf("a", 1))
	w.proxy.Inject(vaulttest.Fault{Path: "/delete/", Before: func() error {
		w.Write(t, w.mount, "ci/raced", map[string]any{"KEY": "theirs"})
		return nil
	}})
	if err := s.Remove(t.Context(), d, seen); err != nil {
		t.Fatal(err)
	}
	if got := w.Data(t, w.mount, "ci/raced"); string(got["KEY"]) != `"theirs"` {
		t.Errorf("a reader finds %v", got)
	}
	providertest.WantState(t, s, d, rotation.StateEdited)
}

// TestWhatAnotherToolKeepsStays: a mark of another tool beside ours is a reason
// to leave the secret to it.
func TestWhatAnotherToolKeepsStays(t *testing.T) {
	w := newWorld(t)
	s, d := w.root(t), w.dest("ci/terraform")
	seen := providertest.Put(t, s, d, providertest.Object(`{"KEY":"`+keyOne+`"}`), providertest.MarkOf("a", 1))
	w.SetCustom(t, w.mount, "ci/terraform", map[string]any{"managed-by": "terraform"})
	providertest.WantKind(t, s.Remove(t.Context(), d, seen), providers.Invalid, "terraform")
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
}

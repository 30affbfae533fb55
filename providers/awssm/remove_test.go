package awssm_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// statements are what stands between the brackets of policies that people copy,
// one after the other.
func statements(t *testing.T, names ...string) string {
	t.Helper()
	var all []string
	for _, name := range names {
		text, err := os.ReadFile("../../deploy/aws/" + name + ".json")
		must(t, err)
		_, rest, ok := strings.Cut(string(text), `"Statement": [`)
		if !ok {
			t.Fatalf("%s has no statements", name)
		}
		all = append(all, rest[:strings.LastIndexByte(rest, ']')])
	}
	return `{"Version": "2012-10-17", "Statement": [` + strings.Join(all, ",") + `]}`
}

// TestPruningTakesARightOfItsOwn: the policy of the daemon deletes nothing, and
// says what is missing; with the one for pruning it does, and no more than that
// it can be restored.
func TestPruningTakesARightOfItsOwn(t *testing.T) {
	w := newWorld(t)
	daemon, person := w.AddUser(awstest.DefaultAccount, "keyrota"), w.AddUser(awstest.DefaultAccount, "alice")
	must(t, w.SetPolicy(daemon, statements(t, "keyrota")))
	must(t, w.SetPolicy(person, statements(t, "keyrota", "keyrota-prune")))
	s, c := w.as(t, daemon, replicated(west)), w.as(t, person, replicated(west))
	whole, field := dest("wandb/whole"), dest("wandb/shared#KEY")
	must(t, w.Create(field.Path, `{"theirs":"x"}`, nil))
	for _, d := range []rotation.Destination{whole, field} {
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
		seen := providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
		err := s.Remove(t.Context(), d, seen)
		if d == whole {
			providertest.WantKind(t, err, providers.Denied, "the policy needs: secretsmanager:RemoveRegionsFromReplication on arn:aws:secretsmanager:us-east-1:*:secret:wandb/whole*")
			must(t, c.Remove(t.Context(), d, seen))
		} else {
			// The version is there, its mark stayed: told, and seen as no delivery.
			providertest.WantKind(t, err, providers.Transient, "secretsmanager:UntagResource")
		}
		providertest.WantState(t, c, d, rotation.StateAbsent)
	}
	x := w.secret(t, whole.Path)
	if days := x.Gone.Sub(x.Deleted).Round(24*time.Hour) / (24 * time.Hour); days != 30 || len(x.Replicas) > 0 {
		t.Errorf("gone for good after %d days, replicas %v", days, x.Replicas)
	}
	must(t, w.Restore(whole.Path))
	must(t, c.Unmark(t.Context(), whole, providertest.Look(t, c, whole))) // its replicas are gone: edited
	providertest.WantState(t, c, whole, rotation.StateBare)
	if got, _ := w.Raw(field.Path); got != `{"theirs":"x"}` {
		t.Errorf("the rest is %s", got)
	}
}

// TestWhatOthersKeepStays: stacks, services, native rotation, replicas that
// keyrota did not make, and tools that say so in a tag.
func TestWhatOthersKeepStays(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/kept")
	seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	must(t, w.SetTags(d.Path, map[string]string{"Managed-By": "terraform"}))
	providertest.WantKind(t, s.Remove(t.Context(), d, seen), providers.Invalid, "it is kept by terraform")
	must(t, w.SetTags(d.Path, map[string]string{"Managed-By": "keyrota"}))
	replicas := w.open(t, replicated(west))
	seen = providertest.Put(t, replicas, d, providertest.Value(keyOne), providertest.MarkOf("a", 2))
	providertest.WantKind(t, s.Remove(t.Context(), d, seen), providers.Invalid, "it is replicated to "+west)
	if x := w.secret(t, d.Path); !x.Deleted.IsZero() {
		t.Error("it is deleted")
	}
	must(t, replicas.Remove(t.Context(), d, seen))
}

// TestUnmarkingLeavesNothingOfOurs: neither tags nor the staging label.
func TestUnmarkingLeavesNothingOfOurs(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	a, b := dest("ci/two#A"), dest("ci/two#B")
	for _, d := range []rotation.Destination{a, b, a} {
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	}
	for _, d := range []rotation.Destination{a, b} {
		must(t, s.Unmark(t.Context(), d, providertest.Look(t, s, d)))
	}
	x := w.secret(t, a.Path)
	if len(x.Tags) > 0 {
		t.Errorf("tags %v", x.Tags)
	}
	for _, v := range x.Versions {
		for _, label := range v.Stages {
			if !strings.HasPrefix(label, "AWS") {
				t.Errorf("version %s bears %s", v.ID, label)
			}
		}
	}
}

package e2e

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
)

// onlyVault is nightly-eval once its readers on the two clouds are gone.
const onlyVault = `
  - name: nightly-eval
    team: ml-platform
    purpose: nightly evaluation
    deliver:
      - {store: vault, path: "${PREFIX}/eval", format: json, fields: {api_key: WANDB_API_KEY, entity: WANDB_ENTITY}}
`

// another keeps the configuration from being empty.
const another = `
  - {name: ci-train, team: ml-platform, purpose: training, manage: observe}
`

// TestLeaving: readers go, and what was theirs is deleted so that it can be
// brought back; it is, and in step again; then the account goes, keyrota's marks
// go, and everything goes on working. What comes back without marks is nobody's
// to overwrite.
func TestLeaving(t *testing.T) {
	t.Parallel()
	w := newClouds(t)
	w.configure("overlap: 2s, every: 90d", threeForms)
	w.run(0, "sync")
	key := w.agree()

	w.configure("overlap: 2s, every: 90d", onlyVault)
	w.run(0, "sync")
	shown := w.run(1, "prune").text()
	for _, words := range []string{"nothing was changed", "restore-secret --region us-east-1 --secret-id " + airflowName, "az keyvault secret recover"} {
		if !strings.Contains(shown, words) {
			t.Errorf("nobody says %q:\n%s", words, shown)
		}
	}
	if w.agree() != key {
		t.Fatal("a reader lost its key, and nobody agreed to that")
	}
	w.run(0, "prune", "nightly-eval", "--yes", "--reason", "its readers moved")
	s, there := w.aws.Describe(airflowName)
	if !there || s.Deleted.IsZero() || !w.azure.Deleted(azureName) {
		t.Errorf("AWS: there %v, deleted %v; Azure: deleted %v", there, s.Deleted, w.azure.Deleted(azureName))
	}
	if got := w.keys()["vault"]; got != key || !w.platform.IsLive(key) {
		t.Error("the reader of Vault lost its key")
	}
	if out := w.run(1, "prune", "--yes").text(); !strings.Contains(out, "nothing to prune") {
		t.Error(out)
	}

	w.configure("overlap: 2s, every: 90d", threeForms)
	w.run(0, "sync")
	if w.agree() != key {
		t.Error("another key, although nobody asked for one")
	}
	w.run(0, "rotate", "--yes", "nightly-eval", "--reason", "to see it")
	w.settle(t)
	rotated := w.agree()

	w.configure("overlap: 2s, every: 90d", another)
	w.run(0, "sync")
	w.run(0, "forget", "ml-platform/nightly-eval", "--strip-marks", "--yes")
	if w.agree() != rotated {
		t.Error("a reader lost its key to a forgotten record")
	}
	s, _ = w.aws.Describe(airflowName)
	for key := range s.Tags {
		if providers.IsNoteKey(key) {
			t.Errorf("AWS: tag %s is left", key)
		}
	}
	for _, v := range w.azure.Versions(azureName) {
		for key := range v.Tags {
			if providers.IsNoteKey(key) {
				t.Errorf("Azure: tag %s of version %s is left", key, v.ID)
			}
		}
	}

	w.configure("overlap: 2s, every: 90d", threeForms)
	w.run(3, "sync")
	if w.agree() != rotated {
		t.Error("what bears no mark was overwritten")
	}
	w.run(3, "adopt", "--yes", "nightly-eval", "--from", "azure:ml/eval_key")
	if w.agree() != rotated {
		t.Error("what was not named was overwritten")
	}
	w.hunt()
}

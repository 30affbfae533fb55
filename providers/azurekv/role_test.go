package azurekv_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// roleActions are the data actions of the role that deploy/azure offers.
func roleActions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/azure/keyrota-role.json")
	if err != nil {
		t.Fatal(err)
	}
	var role struct{ DataActions []string }
	if err := json.Unmarshal(text, &role); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, a := range role.DataActions {
		a, of := strings.CutPrefix(a, "Microsoft.KeyVault/vaults/secrets/")
		a, is := strings.CutSuffix(a, "/action")
		if !of || !is {
			t.Errorf("%s is no action on secrets", a)
		}
		actions = append(actions, a)
	}
	return actions
}

// life is all that happens to secrets, by the store's methods.
func life(t *testing.T, w *world, s *azurekv.Store) error {
	d, field, gone := dest("ci/wandb"), dest("ci/shared#A"), dest("ci/gone")
	w.Edit("ci-shared", `{"theirs":"x"}`)
	p := providertest.Value(keyOne)
	p.Expires = time.Now().AddDate(0, 1, 0)
	deliver := func(d rotation.Destination, p providers.Payload, m rotation.Mark) error {
		seen, err := s.Look(t.Context(), d)
		if err == nil {
			_, err = s.Put(t.Context(), d, p, m, seen)
		}
		return err
	}
	for _, step := range []func() error{
		func() error { return deliver(d, p, providertest.MarkOf("a", 1)) },
		func() error {
			p.Tags = map[string]string{"team": "ml"}
			return deliver(d, p, providertest.MarkOf("a", 1))
		},
		func() error { return deliver(d, providertest.Value(keyTwo), providertest.MarkOf("a", 2)) },
		func() error { return deliver(field, providertest.Value(keyOne), providertest.MarkOf("b", 1)) },
		func() error { return deliver(gone, providertest.Value(keyOne), providertest.MarkOf("c", 1)) },
		func() error {
			w.Delete("ci-gone")
			return deliver(gone, providertest.Value(keyTwo), providertest.MarkOf("c", 2))
		},
		func() error {
			w.Disable("ci-gone")
			return deliver(gone, providertest.Value(keyTwo), providertest.MarkOf("c", 3))
		},
		func() error {
			w.Edit("ci-wandb", "by hand")
			return deliver(d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
		},
		func() error { _, err := s.Read(t.Context(), d, ""); return err },
		func() error { return s.Disable(t.Context(), d, []rotation.KeyID{providertest.MarkOf("a", 2).Key}) },
		func() error { return s.List(t.Context(), "ci/", func(providers.Listed) error { return nil }) },
		func() error {
			w.Delete("ci-gone")
			return s.Observe(t.Context(), []rotation.Destination{d, field, gone, dest("ci/never")},
				func(rotation.Destination, rotation.Holding) error { return nil })
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// The role that we offer suffices for all that we do, and nothing in it is more
// than that.
func TestRole(t *testing.T) {
	actions := roleActions(t)
	w := start(t)
	if err := life(t, w, w.as(t, w.AddApp("keyrota", actions...))); err != nil {
		t.Error(err)
	}
	if v := w.Versions("ci-wandb"); v[0].Enabled || v[0].Tags["team"] != "ml" {
		t.Errorf("the old version was not disabled, or its tags not brought up to date: %+v", v[0])
	}
	for i, action := range actions {
		w := startWith(t, azuretest.Options{Step: step})
		rest := append(append([]string{}, actions[:i]...), actions[i+1:]...)
		providertest.WantKind(t, life(t, w, w.as(t, w.AddApp("less", rest...))), providers.Denied, "secrets/"+action+"/action")
	}
}

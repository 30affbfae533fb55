package wandb_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

// TestKeysOfTeams: many teams cost a request each and one search; a team that
// cannot be listed fails alone.
func TestKeysOfTeams(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	want := map[string]string{}
	for _, team := range []string{"ml", "vision"} {
		for _, name := range []string{"train", "eval"} {
			made, err := s.CreateServiceAccount(team+"-"+name, sandbox.ScopeTeam, team, "")
			if err != nil {
				t.Fatal(err)
			}
			id, _ := s.Key(t, rotation.Account{ID: rotation.AccountID(made.ID), Name: team + "-" + name, Team: team}, "by hand")
			want[team+"/"+team+"-"+name] = string(id)
		}
	}
	got := map[string]string{}
	var failed []string
	before := s.Calls("users")
	err := s.issuer.KeysOfTeams(t.Context(), []string{"ml", "nobody", "vision"},
		func(team string, a rotation.Account, keys []rotation.Key) error {
			for _, k := range keys {
				got[team+"/"+a.Name] = string(k.ID)
			}
			return nil
		},
		func(team string, err error) {
			quiet(t, err)
			if providers.KindOf(err) != providers.Denied {
				t.Errorf("%s: %v", team, err)
			}
			failed = append(failed, team)
		})
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range want {
		if got[name] != id {
			t.Errorf("%s has key %q, want %q", name, got[name], id)
		}
	}
	if !slices.Equal(failed, []string{"nobody"}) {
		t.Errorf("failed: %v", failed)
	}
	if n := s.Calls("users") - before; n != 1 {
		t.Errorf("%d searches for all accounts, want 1", n)
	}
	enough := errors.New("enough")
	err = s.issuer.KeysOfTeams(t.Context(), []string{"ml", "vision"}, func(string, rotation.Account, []rotation.Key) error { return enough },
		func(team string, err error) { t.Errorf("%s failed though its reader stopped: %v", team, err) })
	if !errors.Is(err, enough) {
		t.Errorf("stopped with %v", err)
	}
}

package wandb_test

import (
	"errors"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

// TestAFaultInOneTeamIsItsOwn: a panic in a goroutine of the issuer's would end
// the whole program.
func TestAFaultInOneTeamIsItsOwn(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	for _, team := range []string{"ml", "vision"} {
		made, err := s.CreateServiceAccount(team+"-train", sandbox.ScopeTeam, team, "")
		if err != nil {
			t.Fatal(err)
		}
		s.Key(t, rotation.Account{ID: rotation.AccountID(made.ID), Name: team + "-train", Team: team}, "by hand")
	}
	listed, failed := 0, map[string]error{}
	err := s.issuer.KeysOfTeams(t.Context(), []string{"ml", "vision"}, func(team string, _ rotation.Account, _ []rotation.Key) error {
		if team == "ml" {
			panic("CANARY")
		}
		listed++
		return nil
	}, func(team string, err error) { failed[team] = err })
	var fault *providers.Fault
	if err != nil || listed == 0 || len(failed) != 1 || !errors.As(failed["ml"], &fault) {
		t.Errorf("%d listed, %v: %v", listed, failed, err)
	}
}

package inventory_test

import (
	"context"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
)

// reporter is an issuer that tells of runs.
type reporter struct {
	*providertest.Platform
	providers.RunReporter
}

// TestWhatIsWantedOfTheAccountAsAWhole: the configuration's words reach rotation,
// and the ledger is asked for its use only where that decides something.
func TestWhatIsWantedOfTheAccountAsAWhole(t *testing.T) {
	c, problems := config.Parse("keyrota.yaml", []byte(twoNames), config.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	off := &c.Accounts[0]
	off.State, off.QuarantineWait, off.MaxOverlap = config.Quarantined, 7*24*time.Hour, 30*24*time.Hour
	stores := map[string]providers.SecretStore{
		"one": providertest.NewMemory(providertest.MemoryOptions{Name: "one"}), "other": providertest.NewMemory(providertest.MemoryOptions{Name: "other"}),
	}
	platform := providertest.NewPlatform(providertest.PlatformOptions{Now: time.Now})
	var asked []rotation.Ref
	used := time.Date(2030, 1, 7, 9, 0, 0, 0, time.UTC)
	seen := func(issuer providers.Issuer) (*inventory.Inventory, map[rotation.Ref]rotation.Observed) {
		asked = nil
		inv, err := inventory.Build(c, inventory.Providers{
			Issuer: issuer, Stores: stores, Abilities: func(rotation.Account) inventory.Abilities { return inventory.Abilities{} },
		}, "ledger")
		if err != nil {
			t.Fatal(err)
		}
		o := inventory.Observer{
			Issuer: issuer, Stores: stores, Call: attempt.Default(),
			LastUse: func(_ context.Context, ref rotation.Ref) (time.Time, bool, error) {
				asked = append(asked, ref)
				return used, true, nil
			},
		}
		return inv, o.Sweep(t.Context(), inv.Accounts, nil)
	}
	inv, observed := seen(platform)
	s := inv.Accounts[0].Spec
	if s.State != rotation.Quarantined || s.Force || s.QuarantineWait != off.QuarantineWait || s.Policy.MaxOverlap != off.MaxOverlap || s.Beats {
		t.Errorf("%+v", s)
	}
	if inv.Accounts[1].State != rotation.Active {
		t.Errorf("the other: %+v", inv.Accounts[1].Spec)
	}
	if len(asked) != 1 || asked[0] != "ml/train" || observed["ml/train"].LastUse != (rotation.LastUse{Known: true, At: used}) || observed["ml/eval"].LastUse.Known {
		t.Errorf("asked about %v: %+v", asked, observed)
	}
	off.Force = true
	if inv, _ := seen(reporter{Platform: platform}); len(asked) != 0 || !inv.Accounts[0].Force || !inv.Accounts[0].Beats {
		t.Errorf("asked about %v: %+v", asked, inv.Accounts[0].Spec)
	}
}

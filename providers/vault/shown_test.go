package vault_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
)

// A store that is in use shows neither the token that it works with, nor what
// it wrote and read.
func TestAStoreInUseShowsNothing(t *testing.T) {
	w := newWorld(t)
	name := strings.ReplaceAll(t.Name(), "/", "-")
	w.Policy(t, name, strings.ReplaceAll(documented, "%s", w.mount))
	token := w.NewToken(t, 0, name)
	w.put("env:TOKEN", token)
	s := w.open(t, vault.Config{Mount: w.mount, Auth: vault.Auth{Token: "env:TOKEN"}})
	d := w.dest("ci/wandb#K")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantValue(t, s, d, "", keyOne)
	text := providertest.Shown(s)
	for what, value := range map[string]string{"token": token, "value": keyOne, "root": vaulttest.Root} {
		if len(value) > 8 && strings.Contains(text, value) {
			t.Errorf("it shows the %s", what)
		}
	}
	if !strings.Contains(text, w.mount) {
		t.Error("nothing was looked at")
	}
}

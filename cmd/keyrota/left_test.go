package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// TestAStoreThatWasLeftStopsNothing: one that cannot be opened any more is said
// once, and is in the way of its own accounts only.
func TestAStoreThatWasLeftStopsNothing(t *testing.T) {
	c, problems := config.Parse("keyrota.yaml", []byte(`
instance: test
ledger: ledger.db
wandb: {admin_key: env:K}
stores:
  good: {type: vault, address: "https://vault.example", auth: {token: "env:T"}}
  bad: {type: vault, address: "https://vault.example", auth: {token: "env:T"}, tls: {ca_file: /not/there.pem}}
accounts:
  - {name: a, team: ml, purpose: p, owner: o@acme.example, deliver: good:secret/a}
`), config.Options{StoreTypes: configTypes()})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	dests := []rotation.Destination{{Store: "bad?namespace=ml", Path: "secret/a"}, {Store: "good?namespace=ml", Path: "secret/a"}, {Store: "gone", Path: "a"}}
	var out bytes.Buffer
	a := newApp()
	a.stderr = &out
	stores := map[string]providers.SecretStore{}
	a.openLeft(c, stores, []ledger.Entry{{Ref: "ml/a", Record: rotation.Record{Dests: dests}}, {Ref: "ml/b", Record: rotation.Record{Dests: dests}}})
	if len(stores) != 1 || stores["good?namespace=ml"] == nil {
		t.Errorf("open: %v", stores)
	}
	if said := out.String(); strings.Count(said, "bad?namespace=ml") != 1 || !strings.Contains(said, "ml/a") {
		t.Error(said)
	}
}

package federation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/rotation"
)

// In a real Vault and in AWS's ways a fresh JWT replaces the one before, by its
// mark alone, beside fields of others.
func TestKeepInRealStores(t *testing.T) {
	s := newStage(t)
	server, aws := vaulttest.Start(t), awstest.Start(t)
	for _, pair := range aws.Environment(aws.User, awstest.DefaultRegion) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	atVault, err := vault.New(vault.Config{Address: server.Address, Auth: vault.Auth{Token: "env:TOKEN"}}, vault.Options{
		Resolve: func(context.Context, string) (providers.Secret, error) {
			return providers.NewSecret(vaulttest.Root), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	atAWS, err := awssm.New(awssm.Config{}, awssm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.worker.Stores = map[string]providers.SecretStore{"vault": atVault, "aws": atAWS}
	server.Write(t, "secret", "ml/jwt", map[string]any{"other": "stays"})
	a := s.account(s.byServer(", keep: [\"vault:secret/ml/jwt#identity_token\", \"aws:ml/jwt\"]"))
	value := func(d rotation.Destination) string {
		t.Helper()
		reader, _ := s.worker.Stores[d.Store].(providers.Reader)
		v, err := reader.Read(t.Context(), d, "")
		if err != nil {
			t.Fatal(err)
		}
		return v.Expose()
	}
	field := rotation.Destination{Store: "vault", Path: "secret/ml/jwt", Field: "identity_token"}
	whole := rotation.Destination{Store: "aws", Path: "ml/jwt"}
	before := ""
	for round, want := range []int{2, 0, 2, 0} {
		k := s.worker.Keep(t.Context(), a)
		if n, words := written(k); n != want || words != "" {
			t.Fatalf("round %d: %+v", round, k)
		}
		now := value(field)
		if now != value(whole) || (now == before) != (want == 0) {
			t.Errorf("round %d: not one JWT is at both", round)
		}
		before = now
		s.passes(20 * time.Minute)
	}
	if other := value(rotation.Destination{Store: "vault", Path: "secret/ml/jwt", Field: "other"}); other != "stays" {
		t.Error("another's field was changed")
	}
}

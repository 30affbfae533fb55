package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/sync/inventory"
)

// TestDiscoverInVault: what discover proposes from a real Vault loads, names
// what other tools keep, and holds no value; what is deleted is not read.
func TestDiscoverInVault(t *testing.T) {
	server := vaulttest.Start(t)
	platform, err := sandbox.New(sandbox.Seed{
		Organization: "acme",
		Settings:     sandbox.Settings{Keys: sandbox.KeysHashed},
		Teams:        []sandbox.Team{{Name: "ml"}},
		People:       []sandbox.Person{{Username: "alice", Admin: true, Teams: map[string]sandbox.Role{"ml": sandbox.RoleAdmin}, Keys: []sandbox.Key{{Value: adminKey}}}},
	}, sandbox.Options{KeyMarker: keyMark})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(platform)
	t.Cleanup(web.Close)
	key := func(account string) string {
		t.Helper()
		if _, err := platform.CreateServiceAccount(account, sandbox.ScopeTeam, "ml", ""); err != nil {
			t.Fatal(err)
		}
		_, value, err := platform.CreateKey(account, "by hand")
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	eval, train := key("nightly-eval"), key("ci-train")
	server.Write(t, "secret", "ml/eval", map[string]any{"WANDB_API_KEY": eval, "OTHER": "stays"})
	server.Write(t, "secret", "ml/airflow/wandb", map[string]any{"conn_type": "http", "host": "api.wandb.ai", "password": eval})
	server.Write(t, "secret", "ml/airflow/uri", map[string]any{"conn_uri": "wandb://api:" + train + "@api.wandb.ai/https"})
	server.Write(t, "secret", "ml/terraform", map[string]any{"wandb_key": train})
	server.SetCustom(t, "secret", "ml/terraform", map[string]any{"managed-by": "terraform"})
	server.Write(t, "secret", "ml/deleted", map[string]any{"WANDB_API_KEY": adminKey})
	server.Call(t, http.MethodDelete, "secret/data/ml/deleted", nil)
	server.Write(t, "secret", "other/personal", map[string]any{"WANDB_API_KEY": adminKey})

	dir := t.TempDir()
	const base = `
instance: test
wandb: {url: "${WANDB_URL}", organization: acme}
stores: {vault: {address: "${ADDRESS}", auth: {token: env:TOKEN}}}
ledger: ledger.db
`
	path := filepath.Join(dir, "keyrota.yaml")
	if err := os.WriteFile(path, []byte(base), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	a := newApp()
	a.stdout, a.stderr = &out, &told
	a.env = func(name string) (string, bool) {
		v, ok := map[string]string{"WANDB_URL": web.URL, "ADDRESS": server.Address, "TOKEN": vaulttest.Root}[name]
		return v, ok
	}
	if code := run([]string{"discover", "-c", path, "--store", "vault", "--prefix", "secret/ml/"}, a); code != 0 {
		t.Fatalf("exit code %d: %s", code, &told)
	}
	proposed := out.String()
	for _, want := range []string{
		"- vault:secret/ml/eval#WANDB_API_KEY\n", "- vault:secret/ml/airflow/wandb#password\n", "kept by terraform",
		"{store: vault, path: secret/ml/airflow/uri, field: conn_uri, format: airflow-connection, style: uri, conn_type: wandb}",
	} {
		if !strings.Contains(proposed, want) {
			t.Errorf("the proposal says nothing of %q:\n%s", want, proposed)
		}
	}
	for _, never := range []string{"deleted", "personal", "alice"} {
		if strings.Contains(proposed, never) {
			t.Errorf("the proposal tells of %q:\n%s", never, proposed)
		}
	}
	if strings.Contains(proposed+told.String(), keyMark) {
		t.Error("a value was printed")
	}
	c, problems := config.Parse(path, []byte(base+proposed), config.Options{Env: a.env, StoreTypes: configTypes()})
	if err := problems.Err(); err != nil {
		t.Fatalf("%v\n%s", err, proposed)
	}
	p, _, err := a.openProviders(c)
	if err != nil {
		t.Fatal(err)
	}
	built, err := inventory.Build(c, p, "")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(built.Accounts); n != 2 {
		t.Errorf("%d accounts", n)
	}

	// Without the right to read some of them, that is said, and the rest is seen.
	server.Policy(t, "ml", `path "secret/metadata/ml/*" { capabilities = ["list", "read"] }
path "secret/data/ml/eval" { capabilities = ["read"] }`)
	limited := server.NewToken(t, time.Hour, "ml")
	env := a.env
	a.env = func(name string) (string, bool) {
		if name == "TOKEN" {
			return limited, true
		}
		return env(name)
	}
	out.Reset()
	told.Reset()
	if code := run([]string{"discover", "-c", path, "--store", "vault", "--prefix", "secret/ml/"}, a); code != exitPartly {
		t.Errorf("exit code %d of what was seen in part: %s", code, &told)
	}
	if text := out.String(); !strings.Contains(text, "nightly-eval") || !strings.Contains(text, "#   vault:secret/ml/terraform: vault: read") {
		t.Errorf("it proposes\n%s", text)
	}
}

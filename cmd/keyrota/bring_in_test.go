package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/sync/inventory"
)

const bringIn = "../../examples/bring-in"

// TestBringInLoads: every configuration of the guide loads as it stands.
func TestBringInLoads(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(bringIn, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := newApp()
		a.env = func(string) (string, bool) { return "", false }
		c, problems := config.Parse(file, text, config.Options{Env: a.env, StoreTypes: configTypes()})
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		p, _, err := a.openProviders(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := inventory.Build(c, p, ""); err != nil {
			t.Fatal(err)
		}
	}
}

// guide is the guide's company: a Vault, a W&B, and the commands on a clock of
// ours.
type guide struct {
	*testing.T
	vault    *vaulttest.Server
	platform *sandbox.Server
	url, dir string
	now      time.Time
}

// run is one command of the guide.
func (g *guide) run(stdin string, want int, args ...string) string {
	g.Helper()
	var out, told bytes.Buffer
	a := newApp()
	a.stdin, a.stdout, a.stderr = strings.NewReader(stdin), &out, &told
	a.now = func() time.Time { return g.now }
	a.env = func(name string) (string, bool) {
		v, ok := map[string]string{
			"WANDB_URL": g.url, "WANDB_ADMIN_KEY": adminKey, "VAULT_ADDR": g.vault.Address, "VAULT_TOKEN": vaulttest.Root,
		}[name]
		return v, ok
	}
	for i, arg := range args {
		if strings.HasSuffix(arg, ".yaml") {
			args[i] = filepath.Join(g.dir, arg)
		}
	}
	if code := run(args, a); code != want {
		g.Fatalf("keyrota %s ended with %d, want %d:\n%s\n%s", strings.Join(args, " "), code, want, &out, &told)
	}
	if strings.Contains(out.String()+told.String(), keyMark) {
		g.Fatalf("keyrota %s printed a key", strings.Join(args, " "))
	}
	return out.String()
}

// holds returns the field of a secret, and fails unless it is a live key of an
// account.
func (g *guide) holds(secret, field, account string) string {
	g.Helper()
	var value string
	if err := json.Unmarshal(g.vault.Data(g, "secret", secret)[field], &value); err != nil {
		g.Fatalf("%s#%s: %v", secret, field, err)
	}
	id, ok := g.platform.KeyID(value)
	live := slices.ContainsFunc(g.platform.Keys(account), func(k sandbox.KeyInfo) bool { return k.ID == id })
	if !ok || !live {
		g.Fatalf("%s#%s holds no live key of %s", secret, field, account)
	}
	return value
}

// TestBringIn walks the guide on a real Vault: no reader holds a dead key on
// the way.
func TestBringIn(t *testing.T) {
	g := &guide{T: t, vault: vaulttest.Start(t), dir: t.TempDir(), now: wallClock()}
	if err := os.CopyFS(g.dir, os.DirFS(bringIn)); err != nil {
		t.Fatal(err)
	}
	var err error
	g.platform, err = sandbox.New(sandbox.Seed{
		Organization: "acme",
		Settings:     sandbox.Settings{Keys: sandbox.KeysHashed},
		Teams:        []sandbox.Team{{Name: "ml"}},
		People:       []sandbox.Person{{Username: "alice", Admin: true, Teams: map[string]sandbox.Role{"ml": sandbox.RoleAdmin}, Keys: []sandbox.Key{{Value: adminKey}}}},
	}, sandbox.Options{Now: func() time.Time { return g.now }, KeyMarker: keyMark})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(g.platform)
	t.Cleanup(web.Close)
	g.url = web.URL
	click := func(account string) string {
		_, value, err := g.platform.CreateKey(account, "made by hand")
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	if _, err := g.platform.CreateServiceAccount("ml-service", sandbox.ScopeTeam, "ml", ""); err != nil {
		t.Fatal(err)
	}
	pasted := click("ml-service")
	g.vault.Write(t, "secret", "ci/wandb", map[string]any{"WANDB_API_KEY": pasted})
	g.vault.Write(t, "secret", "connections/wandb", map[string]any{"conn_type": "http", "host": "api.wandb.ai", "password": pasted})
	g.vault.Write(t, "secret", "sweeps/wandb", map[string]any{"WANDB_API_KEY": pasted, "OTHER": "stays"})
	old := func() (value string) {
		t.Helper()
		value = g.holds("ci/wandb", "WANDB_API_KEY", "ml-service")
		if g.holds("connections/wandb", "password", "ml-service") != value || g.holds("sweeps/wandb", "WANDB_API_KEY", "ml-service") != value {
			t.Fatal("the old places hold different keys")
		}
		return value
	}

	// 1. Look, 2. observe: the guide's lines are those that are proposed.
	proposed := g.run("", 0, "discover", "-c", "1-look.yaml", "--store", "vault", "--prefix", "secret/")
	for _, line := range []string{"- name: ml-service\n", "- vault:secret/ci/wandb#WANDB_API_KEY\n", "- vault:secret/connections/wandb#password\n", "- vault:secret/sweeps/wandb#WANDB_API_KEY\n"} {
		if !strings.Contains(proposed, line) {
			t.Errorf("discover does not propose %s:\n%s", line, proposed)
		}
	}
	g.run("", 0, "plan", "-c", "2-observe.yaml", "--detailed-exitcode")
	if old() != pasted {
		t.Fatal("a secret changed")
	}

	// 3. Rotate: the pasted value works until the overlap is over, and no longer.
	const ref = "ml/ml-service"
	g.run("", 0, "adopt", "--yes", ref, "-c", "3-rotate.yaml", "--from", "vault:secret/ci/wandb#WANDB_API_KEY",
		"--take", "vault:secret/connections/wandb#password", "--take", "vault:secret/sweeps/wandb#WANDB_API_KEY")
	g.run("", 0, "rotate", "--yes", ref, "-c", "3-rotate.yaml", "--reason", "pasted by hand")
	if old() == pasted {
		t.Fatal("the key was not rotated")
	}
	if _, works := g.platform.KeyID(pasted); !works {
		t.Fatal("the pasted key was deleted before the overlap was over")
	}
	g.now = g.now.Add(5 * 24 * time.Hour)
	g.run("", 0, "sync", "-c", "3-rotate.yaml")
	if _, works := g.platform.KeyID(pasted); works {
		t.Fatal("the pasted key works on")
	}

	// 4. An account for each job, whose keys a person makes where they are hashed.
	g.run("", exitPartly, "sync", "-c", "4-apart.yaml")
	for _, name := range []string{"ci-training", "nightly-eval", "sweeps"} {
		g.run(click(name), 0, "adopt", "--yes", "ml/"+name, "-c", "4-apart.yaml", "--key-file", "-")
	}
	moved := func() {
		t.Helper()
		g.holds("wandb/ci-training", "WANDB_API_KEY", "ci-training")
		g.holds("connections/wandb_nightly_eval", "password", "nightly-eval")
		g.holds("wandb/sweeps", "WANDB_API_KEY", "sweeps")
	}
	g.run("", 0, "sync", "-c", "4-apart.yaml")
	moved() // 5. from here on each reader may go, and come back
	old()

	// 6. The shared account leaves, and the others go on without it.
	if status := g.run("", 0, "status", "-c", "5-done.yaml"); !strings.Contains(status, "left the configuration") {
		t.Errorf("status says nothing of the account that left:\n%s", status)
	}
	old()
	g.now = g.now.Add(100 * 24 * time.Hour)
	g.run("", 0, "sync", "-c", "5-done.yaml")
	moved()
}

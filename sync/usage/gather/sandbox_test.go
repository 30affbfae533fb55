package gather_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/usage"
	"github.com/keyrota/keyrota/sync/usage/gather"
)

const sandboxAdmin = "local-CANARYADMIN-0123456789-0123456789-0123456789"

// sandboxed puts a world's configuration before a W&B-compatible server and a
// directory of secrets.
func (w *world) sandboxed(seed sandbox.Seed, yaml string) *gather.Gatherer {
	w.Helper()
	server, err := sandbox.New(seed, sandbox.Options{Now: func() time.Time { return w.now }})
	if err != nil {
		w.Fatal(err)
	}
	web := httptest.NewServer(server)
	w.Cleanup(web.Close)
	issuer, err := wandb.New(wandb.Config{URL: web.URL, Organization: "acme", AdminKey: func(context.Context) (providers.Secret, error) {
		return providers.NewSecret(sandboxAdmin), nil
	}}, wandb.Options{HTTPClient: web.Client()})
	if err != nil {
		w.Fatal(err)
	}
	dir := w.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		w.Fatal(err)
	}
	secrets, err := file.New(file.Config{Path: dir})
	if err != nil {
		w.Fatal(err)
	}
	for _, a := range seed.ServiceAccounts {
		if err := os.WriteFile(filepath.Join(dir, a.Name), []byte(a.Keys[0].Value), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	c, problems := config.Parse("keyrota.yaml", []byte(yaml), config.Options{})
	if err := problems.Err(); err != nil {
		w.Fatal(err)
	}
	stores := map[string]providers.SecretStore{"file": secrets}
	inv, err := inventory.Build(c, inventory.Providers{
		Issuer: issuer, Stores: stores, Abilities: func(rotation.Account) inventory.Abilities { return inventory.Abilities{Admin: true} },
	}, "ledger")
	if err != nil {
		w.Fatal(err)
	}
	w.accounts = inv.Accounts
	return &gather.Gatherer{Issuer: issuer, Stores: stores, Call: attempt.Default(), Ledger: w.ledger, Use: w.use, Now: func() time.Time { return w.now }}
}

// TestUseOnTheSandbox: over HTTP, from listings and a log that hold our own calls
// too.
func TestUseOnTheSandbox(t *testing.T) {
	w := newWorld(t)
	ago := func(days int) time.Time { return start.Add(-time.Duration(days) * day) }
	account := func(name string, scope sandbox.Scope) sandbox.ServiceAccount {
		return sandbox.ServiceAccount{
			Name: name, Scope: scope, Team: "ml", Username: name, ID: "id-" + name, Keys: []sandbox.Key{{Value: "local-CANARY" + strings.Repeat(name, 10)[:40]}},
		}
	}
	seed := sandbox.Seed{
		Organization: "acme", Teams: []sandbox.Team{{Name: "ml"}, {Name: "vision"}, {Name: "audio"}},
		People: []sandbox.Person{
			{Username: "ada", Admin: true, Keys: []sandbox.Key{{Value: sandboxAdmin}}},
			{Username: "max", Teams: map[string]sandbox.Role{"ml": sandbox.RoleMember, "vision": sandbox.RoleMember, "audio": sandbox.RoleMember}},
		},
		ServiceAccounts: []sandbox.ServiceAccount{
			account("trainer", ""), account("inner", ""), account("sleeper", ""), account("lent", ""), account("metrics", sandbox.ScopeOrganization),
		},
		Projects: []sandbox.Project{
			{Team: "ml", Name: "train"}, {Team: "ml", Name: "lent"}, {Team: "audio", Name: "shared"},
			{Team: "ml", Name: "closed", Visibility: sandbox.VisibilityRestricted, Members: []string{"inner"}},
		},
		AuditLog: []sandbox.AuditEntry{{Action: "artifact:read", ActorUserID: "max", EntityName: "ml", ProjectName: "train", ResponseCode: 200, Timestamp: ago(390)}},
	}
	run := func(team, project, account, shows string, from, to int) {
		seed.Runs = append(seed.Runs, sandbox.Run{
			Team: team, Project: project, Account: account, CreditedTo: shows, State: "finished", CreatedAt: ago(from), HeartbeatAt: ago(to), ID: project + shows, Name: project,
		})
	}
	run("ml", "train", "trainer", "trainer", 12, 3)
	run("ml", "closed", "inner", "inner", 5, 5)
	run("ml", "lent", "lent", "max", 4, 4)
	run("audio", "shared", "metrics", "metrics", 2, 2)
	g := w.sandboxed(seed, `
instance: prod
ledger: l
wandb: {organization: acme, url: "https://wandb.example"}
stores: {file: {}}
accounts:
  - {name: trainer, team: ml, env: {WANDB_PROJECT: train}, deliver: file:trainer}
  - {name: inner, team: ml, env: {WANDB_PROJECT: closed}, deliver: file:inner}
  - {name: sleeper, team: ml, env: {WANDB_PROJECT: dreams}, deliver: file:sleeper}
  - {name: lent, team: ml, env: {WANDB_PROJECT: lent}, deliver: file:lent}
  - {name: metrics, scope: organization, default_team: vision, reason: "all teams", env: {WANDB_ENTITY: vision}, deliver: file:metrics}
`)
	for _, later := range []time.Duration{0, 6 * time.Hour, 8 * day, 9 * day} {
		w.now = start.Add(later)
		report, err := g.Gather(t.Context(), w.accounts, nil)
		if err != nil || len(report.Failed) > 0 {
			t.Fatalf("%v, %v", report.Failed, err)
		}
		w.judged("ml/trainer", usage.Used, "last used on 2026-11-27, as its runs show")
		w.judged("ml/inner", usage.Used, "last used on 2026-11-25, as its runs show")
		w.judged("ml/sleeper", usage.Never, "") // though its key was read back, and used
		w.judged("ml/lent", usage.Unknown, "a run where it logs shows a person as its user")
		w.judged("acme//metrics", usage.Used, "last used on 2026-11-28, as its runs show")
	}
	if !w.of("ml/sleeper").Own[usage.DayOf(start)] || len(w.of("ml/trainer").Own) > 0 {
		t.Error("keys were read back of others than need be")
	}
	days := w.of("ml/trainer").Traces[usage.Runs].Days
	if len(days) != 2 || days[usage.DayOf(start)-12] != 1 || days[usage.DayOf(start)-3] != 1 {
		t.Errorf("%v", days)
	}
}

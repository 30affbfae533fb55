package vault_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/rotation"
)

const (
	audience = "https://vault.example"
	subject  = "system:serviceaccount:keyrota:keyrota"
)

// Every way to log in leads to a store that works with the documented policy.
func TestLogins(t *testing.T) {
	server := vaulttest.Start(t)
	w := worldOn(t, server)
	server.Policy(t, "keyrota", strings.ReplaceAll(documented, "%s", "secret"))
	policies := map[string]any{"token_policies": []string{"keyrota"}, "token_ttl": "1h"}

	roleID, secretID := server.AppRole(t, "approle", "keyrota", policies)
	w.put("env:SECRET_ID", secretID)
	w.put("file:/wrapped", server.Wrap(t, http.MethodPost, "auth/approle/role/keyrota/secret-id"))

	cluster := server.JWT(t, "kubernetes", "keyrota", audience, subject, policies)
	podToken := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(podToken, []byte(cluster.Sign(t, audience, subject)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.put("env:ID_TOKEN", server.JWT(t, "ci/jwt", "keyrota", audience, "project:7", policies).Sign(t, audience, "project:7"))
	w.put("file:/token", server.NewToken(t, time.Hour, "keyrota")+"\n")

	for name, auth := range map[string]vault.Auth{
		"token":           {Token: "file:/token"},
		"approle":         {AppRole: &vault.AppRole{RoleID: roleID, SecretID: "env:SECRET_ID"}},
		"wrapped approle": {AppRole: &vault.AppRole{RoleID: roleID, SecretID: "file:/wrapped", Wrapped: true}},
		"kubernetes":      {Kubernetes: &vault.Kubernetes{Role: "keyrota", TokenPath: podToken}},
		"jwt":             {JWT: &vault.JWT{Role: "keyrota", Token: "env:ID_TOKEN", Mount: "ci/jwt"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := w.open(t, vault.Config{Auth: auth}), w.dest("ci/"+strings.ReplaceAll(name, " ", "-")+"#K")
			providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
			providertest.WantValue(t, s, d, "", keyOne)
			logins := w.proxy.Calls()["POST login"] + w.proxy.Calls()["GET lookup-self"]
			if logins != 1 {
				t.Errorf("%d logins", logins)
			}
			w.proxy.Reset()
		})
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("VAULT_ADDR", w.proxy.URL)
		t.Setenv("VAULT_TOKEN", w.refs["file:/token"])
		s, err := vault.New(vault.Config{}, vault.Options{})
		if err != nil {
			t.Fatal(err)
		}
		providertest.Put(t, s, w.dest("ci/env#K"), providertest.Value(keyOne), providertest.MarkOf("a", 1))
	})
}

func TestLoginsThatFail(t *testing.T) {
	server := vaulttest.Start(t)
	w := worldOn(t, server)
	roleID, secretID := server.AppRole(t, "approle", "keyrota", map[string]any{"token_policies": []string{"default"}})
	cluster := server.JWT(t, "jwt", "keyrota", audience, subject, nil)
	w.put("env:BAD", keyOne)
	w.put("env:JWT", cluster.Sign(t, "https://elsewhere.example", subject))
	w.put("env:EMPTY", "")
	w.put("env:USED", server.Wrap(t, http.MethodPost, "auth/approle/role/keyrota/secret-id"))
	server.Call(t, http.MethodPost, "sys/wrapping/unwrap", map[string]any{"token": w.refs["env:USED"]})
	w.put("env:SWAPPED", server.Wrap(t, http.MethodPost, "sys/wrapping/wrap"))

	for _, c := range []struct {
		name  string
		auth  vault.Auth
		words []string
	}{
		{"a token that never was", vault.Auth{Token: "env:BAD"}, []string{"not valid", "env:BAD"}},
		{"an empty reference", vault.Auth{Token: "env:EMPTY"}, []string{"env:EMPTY"}},
		{"a reference that leads nowhere", vault.Auth{Token: "env:NONE"}, []string{"no such reference", "env:NONE"}},
		{"no login at all", vault.Auth{}, []string{"VAULT_TOKEN", "approle"}},
		{"a wrong secret id", vault.Auth{AppRole: &vault.AppRole{RoleID: roleID, SecretID: "env:BAD"}}, []string{"invalid role or secret ID", "secret-id"}},
		{"a wrapping token used by someone", vault.Auth{AppRole: &vault.AppRole{RoleID: roleID, SecretID: "env:USED", Wrapped: true}}, []string{"someone else did"}},
		{"a wrapping token that was swapped", vault.Auth{AppRole: &vault.AppRole{RoleID: roleID, SecretID: "env:SWAPPED", Wrapped: true}}, []string{"wraps no secret id"}},
		{"a JWT for someone else", vault.Auth{JWT: &vault.JWT{Role: "keyrota", Token: "env:JWT"}}, []string{"aud", "auth/jwt/role"}},
		{"a pod without a token", vault.Auth{Kubernetes: &vault.Kubernetes{Role: "keyrota", TokenPath: filepath.Join(t.TempDir(), "none")}}, []string{"token_path"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := w.open(t, vault.Config{Auth: c.auth})
			_, err := s.Look(t.Context(), w.dest("ci/wandb#K"))
			providertest.WantKind(t, err, providers.Denied, append(c.words, "login")...)
		})
	}
	t.Run("an answer that repeats the secret id", func(t *testing.T) {
		w.proxy.Inject(vaulttest.Fault{Kind: "POST login", Status: http.StatusBadRequest, Body: `{"errors":["cannot use ` + keyOne + `"]}`})
		s := w.open(t, vault.Config{Auth: vault.Auth{AppRole: &vault.AppRole{RoleID: roleID, SecretID: "env:BAD"}}})
		_, err := s.Look(t.Context(), w.dest("ci/wandb#K"))
		providertest.WantKind(t, err, providers.Denied, "400")
	})
	w.put("env:SECRET_ID", secretID)
	s := w.open(t, vault.Config{Auth: vault.Auth{AppRole: &vault.AppRole{RoleID: roleID, SecretID: "env:SECRET_ID"}}})
	w.proxy.Inject(vaulttest.Fault{Kind: "POST login", Status: http.StatusServiceUnavailable, Body: `{"errors":["Vault is sealed"]}`})
	_, err := s.Look(t.Context(), w.dest("ci/wandb#K"))
	providertest.WantKind(t, err, providers.Transient, "sealed")
}

// expiring is a store that logs in with an AppRole whose tokens live an hour,
// and two at most when renewed.
func expiring(t *testing.T) (*world, *vault.Store, rotation.Destination) {
	t.Helper()
	w := newWorld(t)
	name := strings.ReplaceAll(w.mount, "/", "-")
	w.Policy(t, name, strings.ReplaceAll(documented, "%s", w.mount))
	roleID, secretID := w.AppRole(t, "approle-"+name, "keyrota", map[string]any{
		"token_policies": []string{name}, "token_ttl": "1h", "token_max_ttl": "2h",
	})
	w.put("env:SECRET_ID", secretID)
	s := w.open(t, vault.Config{Auth: vault.Auth{AppRole: &vault.AppRole{RoleID: roleID, SecretID: "env:SECRET_ID", Mount: "approle-" + name}}})
	d := w.dest("ci/wandb#K")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.proxy.Reset()
	return w, s, d
}

func TestTokenIsRenewedAtTwoThirdsOfItsTime(t *testing.T) {
	w, s, d := expiring(t)
	w.clock.advance(39 * time.Minute)
	providertest.Look(t, s, d)
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 1})
	w.clock.advance(2 * time.Minute)
	providertest.Look(t, s, d)
	providertest.Look(t, s, d)
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 3, "POST renew-self": 1})
}

func TestRenewalThatFailsDoesNotStopWork(t *testing.T) {
	w, s, d := expiring(t)
	w.clock.advance(41 * time.Minute)
	w.proxy.Inject(vaulttest.Fault{Kind: "POST renew-self", Status: 500})
	w.proxy.Inject(vaulttest.Fault{Kind: "POST login", Status: 500})
	providertest.Look(t, s, d)
	providertest.Look(t, s, d) // the next try comes later
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 2, "POST renew-self": 1, "POST login": 1})
	w.clock.advance(11 * time.Minute)
	providertest.Look(t, s, d)
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 3, "POST renew-self": 2, "POST login": 1})
}

func TestNewLoginWhenTheTokenNearsItsMaximum(t *testing.T) {
	w, s, d := expiring(t)
	w.clock.advance(41 * time.Minute)
	w.proxy.Inject(vaulttest.Fault{Kind: "POST renew-self", Status: 200, Body: `{"auth":{"client_token":"x","lease_duration":60,"renewable":true}}`})
	providertest.Look(t, s, d)
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 1, "POST renew-self": 1, "POST login": 1})
}

func TestNewLoginWhenTheTokenHasEnded(t *testing.T) {
	w, s, d := expiring(t)
	w.clock.advance(61 * time.Minute)
	providertest.Look(t, s, d)
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 1, "POST login": 1})
}

// A token that ended before its time is noticed by a refusal. The refused call
// had no effect and is made once more; a write happens once.
func TestNewLoginWhenTheTokenWasRevoked(t *testing.T) {
	w, s, d := expiring(t)
	seen := providertest.Look(t, s, d)
	w.proxy.Reset()
	w.proxy.Inject(vaulttest.Fault{Kind: "PATCH data", Before: func() error {
		w.Revoke(t, w.proxy.Header("X-Vault-Token"))
		return nil
	}})
	h, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
	if err != nil {
		t.Fatal(err)
	}
	wantCalls(t, w.proxy, map[string]int{
		"GET metadata": 1, "PATCH data": 2, "GET lookup-self": 1, "POST login": 1, "PATCH metadata": 1,
	})
	if !strings.HasPrefix(string(h.Version), "2@") {
		t.Errorf("version %q: written more than once?", h.Version)
	}
}

func TestTokenFromAFileIsReadAgainWhenItEnded(t *testing.T) {
	w := newWorld(t)
	name := strings.ReplaceAll(w.mount, "/", "-")
	w.Policy(t, name, strings.ReplaceAll(documented, "%s", w.mount))
	first := w.NewToken(t, time.Hour, name)
	w.put("file:/sink", first)
	s, d := w.open(t, vault.Config{Auth: vault.Auth{Token: "file:/sink"}}), w.dest("ci/wandb#K")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Revoke(t, first)
	_, err := s.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Denied, "not valid, or has ended", "file:/sink")
	w.put("file:/sink", w.NewToken(t, time.Hour, name))
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
}

// A refusal with a token that lives stands: no login, no second try.
func TestRefusalWithALivingTokenIsNotRetried(t *testing.T) {
	w, s, _ := expiring(t)
	_, err := s.Look(t.Context(), w.dest("elsewhere/wandb#K"))
	providertest.WantKind(t, err, providers.Denied)
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 1, "GET lookup-self": 1})
}

func TestNamespaceIsSent(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, vault.Config{Namespace: "teams/ml/", Auth: vault.Auth{Token: "env:ROOT"}})
	// Namespaces are not in the Vault of these tests, which answers 404: with any
	// answer we learn what was sent.
	_, _ = s.Look(t.Context(), w.dest("ci/wandb#K"))
	if got := w.proxy.Header("X-Vault-Namespace"); strings.Trim(got, "/") != "teams/ml" {
		t.Errorf("namespace %q", got)
	}
}

package azurekv_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func setenv(t *testing.T, all []string) {
	t.Helper()
	for _, one := range all {
		name, value, _ := strings.Cut(one, "=")
		t.Setenv(name, value)
	}
}

// asPod gives the test the environment of a pod of an application.
func (w *world) asPod(t *testing.T, app azuretest.App) (tokenFile string) {
	t.Helper()
	env, err := w.WorkloadIdentity(app, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	setenv(t, env)
	return os.Getenv("AZURE_FEDERATED_TOKEN_FILE")
}

// trusting is a configuration with the stand-in's authority, and nothing made
// for tests.
func (w *world) trusting(t *testing.T, auth string) azurekv.Config {
	t.Helper()
	ca, err := w.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return azurekv.Config{URL: w.URL, Auth: auth, CAFile: ca}
}

// The real credentials of azidentity, over HTTPS.
func TestWorkloadIdentity(t *testing.T) {
	w := start(t)
	w.asPod(t, w.AddApp("least", azuretest.ActionGet, azuretest.ActionSet, azuretest.ActionMetadata, azuretest.ActionUpdate))
	for _, auth := range []string{azurekv.AuthWorkloadIdentity, azurekv.AuthDefault, ""} {
		t.Run("auth "+auth, func(t *testing.T) {
			s := w.open(t, w.trusting(t, auth), azurekv.Options{})
			w.Reset()
			d := dest("ci/wandb-" + auth)
			providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
			providertest.WantValue(t, s, d, "", keyTwo)
			if calls := w.Calls(); calls["Token"] != 1 || calls["Challenge"] != 1 {
				t.Errorf("calls %v, want one token and one challenge", calls)
			}
		})
	}
}

func TestManagedIdentity(t *testing.T) {
	w := start(t)
	app := w.AddApp("managed", azuretest.AllActions()...)
	setenv(t, w.ManagedIdentity())
	c := w.trusting(t, azurekv.AuthManagedIdentity)
	c.ClientID = app.Client
	s := w.open(t, c, azurekv.Options{})
	d := dest("ci/wandb")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))

	c.ClientID = "00000000-0000-4000-8000-000000000000"
	_, err := w.open(t, c, azurekv.Options{}).Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Denied, "no token")
}

func TestWorkloadIdentityRefused(t *testing.T) {
	d := dest("ci/wandb")
	for name, c := range map[string]struct {
		spoil func(t *testing.T, w *world, tokenFile string)
		kind  providers.Kind
		words []string
	}{
		"assertion of another": {func(t *testing.T, w *world, file string) { write(t, file, w.Assertion(w.Admin, time.Hour)) }, providers.Denied, []string{"AADSTS700213", "federated credential"}},
		"assertion expired":    {func(t *testing.T, w *world, file string) { write(t, file, w.Assertion(w.Admin, -time.Hour)) }, providers.Denied, []string{"AADSTS700"}},
		"nonsense": {func(t *testing.T, _ *world, file string) {
			write(t, file, "CANARY-nonsense-0123456789-0123456789-0123456789")
		}, providers.Denied, []string{"AADSTS700213"}},
		"no file": {func(t *testing.T, _ *world, file string) { _ = os.Remove(file) }, providers.Denied, []string{"no token"}},
		"unknown application": {func(t *testing.T, _ *world, _ string) {
			t.Setenv("AZURE_CLIENT_ID", "00000000-0000-4000-8000-000000000000")
		}, providers.Denied, []string{"AADSTS700016"}},
		"unknown tenant": {func(t *testing.T, _ *world, _ string) {
			t.Setenv("AZURE_TENANT_ID", "00000000-0000-4000-8000-000000000000")
		}, providers.Denied, []string{"no token"}},
		"entra is unwell": {func(_ *testing.T, w *world, _ string) {
			w.Inject(azuretest.Fault{Operation: "Token", Times: -1, Error: &azuretest.Error{Status: 503, Code: "temporarily_unavailable", Message: keyOne}})
		}, providers.Transient, []string{"503"}},
		"entra is busy": {func(_ *testing.T, w *world, _ string) { w.Throttle("Token", -1, 0) }, providers.Limited, []string{"429"}},
		"entra is gone": {func(_ *testing.T, w *world, _ string) {
			w.Inject(azuretest.Fault{Operation: "Token", Times: -1, Refuse: true})
		}, providers.Transient, []string{"no answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			c.spoil(t, w, w.asPod(t, w.AddApp("pod", azuretest.AllActions()...)))
			s := w.open(t, w.trusting(t, azurekv.AuthWorkloadIdentity), azurekv.Options{})
			w.Edit("ci-wandb", keyOne)
			h, err := s.Look(t.Context(), d)
			providertest.WantKind(t, err, c.kind, c.words...)
			if h.State != rotation.StateUnknown {
				t.Errorf("seen as %s", h.State)
			}
			_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 1), h)
			providertest.WantKind(t, err, c.kind)
			if got, _ := w.Raw("ci-wandb"); got != keyOne {
				t.Error("it was written")
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNothingToSignInWith(t *testing.T) {
	w := start(t)
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
	s := w.open(t, w.trusting(t, ""), azurekv.Options{})
	_, err := s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Denied, "nothing here to sign in with", "workload identity")
	_, err = azurekv.New(azurekv.Config{URL: w.URL, Auth: azurekv.AuthWorkloadIdentity}, azurekv.Options{})
	if err == nil || !strings.Contains(err.Error(), "client ID") {
		t.Errorf("got %v", err)
	}
}

// Each right that is missing is named.
func TestMissingRoles(t *testing.T) {
	w := start(t)
	d, field := dest("ci/wandb"), dest("ci/shared#A")
	first := providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, w.store, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	w.Edit("ci-shared", `{}`)
	without := func(t *testing.T, action string) *azurekv.Store {
		var rest []string
		for _, a := range azuretest.AllActions() {
			if a != action {
				rest = append(rest, a)
			}
		}
		return w.as(t, w.AddApp("without "+action, rest...))
	}
	s := without(t, azuretest.ActionMetadata)
	_, err := s.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Denied, "secrets/readMetadata/action", "Key Vault Secrets Officer")
	_, err = observe(t, s, d)
	providertest.WantKind(t, err, providers.Denied, "secrets/readMetadata/action")

	s = without(t, azuretest.ActionSet)
	_, err = s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 3), providertest.Look(t, s, d))
	providertest.WantKind(t, err, providers.Denied, "secrets/setSecret/action")

	s = without(t, azuretest.ActionGet)
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
	_, err = s.Read(t.Context(), d, first.Version)
	providertest.WantKind(t, err, providers.Denied, "secrets/getSecret/action")
	_, err = s.Look(t.Context(), field)
	providertest.WantKind(t, err, providers.Denied, "secrets/getSecret/action")

	s = without(t, azuretest.ActionUpdate)
	err = s.Disable(t.Context(), d, nil)
	providertest.WantKind(t, err, providers.Denied, "secrets/update/action")
}

func TestTokenThatTheVaultDoesNotTake(t *testing.T) {
	w := start(t)
	d := dest("ci/wandb")
	providertest.Put(t, w.store, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.RevokeTokens()
	providertest.WantMarked(t, w.store, d, providertest.MarkOf("a", 1)) // another one was fetched
	w.Inject(azuretest.Fault{Times: -1, Error: &azuretest.Error{Status: 401, Code: "Unauthorized", Message: keyOne}})
	_, err := w.store.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Denied, "401", "tenant")
}

// A vault that asks for tokens of another domain gets none.
func TestChallengeOfAnotherDomain(t *testing.T) {
	w := start(t)
	s := w.open(t, azurekv.Config{URL: strings.Replace(w.URL, "127.0.0.1", "localhost", 1)},
		azurekv.Options{HTTPClient: w.Client(), Credential: w.Credential(w.Admin)})
	_, err := s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Denied, "another domain", "No token was sent")
}

// Where tokens come from follows from the vault's name, unless something else
// says so.
func TestAuthorities(t *testing.T) {
	for _, c := range []struct{ url, cloud, env, want string }{
		{"https://team.vault.azure.net", "", "", "login.microsoftonline.com"},
		{"https://team.vault.azure.cn", "", "", "login.chinacloudapi.cn"},
		{"https://team.vault.usgovcloudapi.net", "", "", "login.microsoftonline.us"},
		{"https://vault.acme.example", "government", "", "login.microsoftonline.us"},
		{"https://vault.acme.example", "", "", "login.microsoftonline.com"},
		{"https://team.vault.azure.net", "", "https://login.acme.example/", "login.acme.example"},
		{"https://team.vault.azure.cn", "china", "https://login.acme.example/", "login.chinacloudapi.cn"},
	} {
		t.Run(c.url+" "+c.cloud+" "+c.env, func(t *testing.T) {
			file := t.TempDir() + "/token"
			write(t, file, keyOne)
			setenv(t, []string{"AZURE_CLIENT_ID=client", "AZURE_TENANT_ID=" + azuretest.Tenant, "AZURE_FEDERATED_TOKEN_FILE=" + file})
			if c.env != "" {
				t.Setenv("AZURE_AUTHORITY_HOST", c.env)
			}
			net := &noNet{vault: strings.TrimPrefix(c.url, "https://")}
			s, err := azurekv.New(azurekv.Config{URL: c.url, Cloud: c.cloud, Auth: azurekv.AuthWorkloadIdentity}, azurekv.Options{HTTPClient: &http.Client{Transport: net}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Look(t.Context(), dest("ci/wandb"))
			providertest.WantKind(t, err, providers.Transient, "no answer")
			if !net.asked(c.want) {
				t.Errorf("asked %v, want %s among them", net.urls, c.want)
			}
		})
	}
}

// noNet is a vault that challenges, and nothing else.
type noNet struct {
	vault string
	mu    sync.Mutex
	urls  []string // an authority that is not well known is asked for at one that is
}

// RoundTrip notes the address.
func (n *noNet) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == n.vault {
		_, below, _ := strings.Cut(n.vault, ".")
		return &http.Response{
			StatusCode: http.StatusUnauthorized, Request: r, Body: io.NopCloser(strings.NewReader("")),
			Header: http.Header{"Www-Authenticate": {`Bearer authorization="https://login.example/` + azuretest.Tenant + `", resource="https://` + below + `"`}},
		}, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.urls = append(n.urls, r.URL.String())
	return nil, errors.New("there is no network")
}

func (n *noNet) asked(host string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, url := range n.urls {
		if strings.Contains(url, host) {
			return true
		}
	}
	return false
}

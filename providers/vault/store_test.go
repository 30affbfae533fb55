package vault_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/rotation"
)

func TestCheck(t *testing.T) {
	s, err := vault.New(vault.Config{Address: "https://vault.example"}, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, field string
		payload           providers.Payload
		words             string // "" is fine
	}{
		{"a field", "secret/ci/wandb", "WANDB_API_KEY", providertest.Value(keyOne), ""},
		{"a whole secret", "kv/ml/eval", "", providertest.Object(`{"a":"` + keyOne + `"}`), ""},
		{"a value without a field", "secret/ci/wandb", "", providertest.Value(keyOne), "#WANDB_API_KEY"},
		{"an object in a field", "secret/ci/wandb", "K", providertest.Object(`{}`), "leave out the field"},
		{"an array", "secret/ci/wandb", "", providertest.Object(`["` + keyOne + `"]`), "one JSON object"},
		{"no name below the mount", "secret", "K", providertest.Value(keyOne), "MOUNT/PATH"},
		{"a leading slash", "/secret/ci", "K", providertest.Value(keyOne), "MOUNT/PATH"},
		{"a trailing slash", "secret/ci/", "K", providertest.Value(keyOne), "slashes"},
		{"a doubled slash", "secret//ci", "K", providertest.Value(keyOne), "slashes"},
		{"a way up", "secret/../sys", "K", providertest.Value(keyOne), `".."`},
		{"a control character", "secret/c\ni", "K", providertest.Value(keyOne), "printable"},
		{"a space at the end", "secret/ci ", "K", providertest.Value(keyOne), "spaces"},
		{"bytes that are no text", "secret/ci", "K", providertest.Value(keyOne + "\xff"), "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.Check(rotation.Destination{Store: "v", Path: c.path, Field: c.field}, c.payload)
			if c.words == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			providertest.WantKind(t, err, providers.Invalid, c.words)
		})
	}
}

func TestIdentity(t *testing.T) {
	identity := func(c vault.Config, path string) string {
		s, err := vault.New(c, vault.Options{})
		if err != nil {
			t.Fatal(err)
		}
		id := s.Identity(rotation.Destination{Store: "any", Path: path, Field: "any"})
		if alone := c.Identity(path); alone != id {
			t.Errorf("the configuration says %q, the store %q", alone, id)
		}
		return id
	}
	t.Setenv("VAULT_ADDR", "https://env.example:8200")
	t.Setenv("VAULT_NAMESPACE", "from/env/")
	if got, want := identity(vault.Config{}, "secret/x"), identity(vault.Config{Address: "https://env.example:8200", Namespace: "from/env"}, "secret/x"); got != want {
		t.Errorf("out of the environment %q, want %q", got, want)
	}
	same := identity(vault.Config{Address: "https://Vault.example:443/", Namespace: "/teams/ml"}, "secret/ci/wandb")
	for name, other := range map[string]string{
		"default port":              identity(vault.Config{Address: "https://vault.example", Namespace: "teams/ml/"}, "secret/ci/wandb"),
		"namespace within the path": identity(vault.Config{Address: "https://vault.example", Namespace: "teams"}, "ml/secret/ci/wandb"),
	} {
		if other != same {
			t.Errorf("%s: %q is not %q", name, other, same)
		}
	}
	for name, other := range map[string]string{
		"host":      identity(vault.Config{Address: "https://other.example", Namespace: "teams/ml"}, "secret/ci/wandb"),
		"port":      identity(vault.Config{Address: "https://vault.example:8200", Namespace: "teams/ml"}, "secret/ci/wandb"),
		"namespace": identity(vault.Config{Address: "https://vault.example", Namespace: "teams"}, "secret/ci/wandb"),
		"path":      identity(vault.Config{Address: "https://vault.example", Namespace: "teams/ml"}, "secret/ci/wandb2"),
	} {
		if other == same {
			t.Errorf("another %s is the same: %q", name, other)
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		config vault.Config
		words  []string
	}{
		"two ways to log in": {vault.Config{Auth: vault.Auth{AppRole: &vault.AppRole{}, Kubernetes: &vault.Kubernetes{}}},
			[]string{"several ways", "auth.approle.role_id", "auth.kubernetes.role"}}, // all at once
		"wrapped nothing":      {vault.Config{Auth: vault.Auth{AppRole: &vault.AppRole{RoleID: "x", Wrapped: true}}}, []string{"auth.approle.wrapped"}},
		"a JWT from nowhere":   {vault.Config{Auth: vault.Auth{JWT: &vault.JWT{}}}, []string{"auth.jwt.token"}},
		"half a certificate":   {vault.Config{TLS: vault.TLS{CertFile: "x"}}, []string{"key_file"}},
		"no such CA":           {vault.Config{TLS: vault.TLS{CAFile: "/does/not/exist"}}, []string{"tls", "/does/not/exist"}},
		"an address like none": {vault.Config{Address: "vault.example"}, []string{"https://"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := vault.New(c.config, vault.Options{})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v\ndoes not say %q", err, w)
				}
			}
		})
	}
}

func TestWarningOfANetworkWithoutTLS(t *testing.T) {
	for address, want := range map[string]int{
		"http://vault.example:8200": 1, "https://vault.example": 0, "http://127.0.0.1:8200": 0, "http://localhost": 0, "http://[::1]:8200": 0,
	} {
		s, err := vault.New(vault.Config{Address: address}, vault.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Warnings(); len(got) != want {
			t.Errorf("%s: %q", address, got)
		}
	}
}

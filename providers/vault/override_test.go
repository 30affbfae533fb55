package vault_test

import (
	"testing"

	"github.com/keyrota/keyrota/providers/vault"
)

// What a destination may have of its own; a role only where the login has one.
func TestOverride(t *testing.T) {
	kubernetes := vault.Config{Auth: vault.Auth{Kubernetes: &vault.Kubernetes{Role: "keyrota"}}}
	jwt := vault.Config{Auth: vault.Auth{JWT: &vault.JWT{Token: "env:T"}}}
	appRole := vault.Config{Auth: vault.Auth{AppRole: &vault.AppRole{RoleID: "r"}}}
	for _, c := range []struct {
		config  *vault.Config
		setting string
		got     func() string // nil: refused
	}{
		{&kubernetes, "namespace", func() string { return kubernetes.Namespace }},
		{&kubernetes, "mount", func() string { return kubernetes.Mount }},
		{&kubernetes, "role", func() string { return kubernetes.Auth.Kubernetes.Role }},
		{&jwt, "role", func() string { return jwt.Auth.JWT.Role }},
		{&appRole, "role", nil},
		{&vault.Config{}, "role", nil},
		{&kubernetes, "region", nil},
		{&kubernetes, "address", nil},
	} {
		ok := c.config.Override(c.setting, "own")
		if ok != (c.got != nil) || ok && c.got() != "own" {
			t.Errorf("%s of %+v: %v", c.setting, c.config.Auth, ok)
		}
	}
}

package azuretest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Tenant is the id of the server's only tenant.
const Tenant = "5f0c2d9e-0000-4000-8000-00000000a2e5"

// The data actions of a vault's roles, without their prefix
// "Microsoft.KeyVault/vaults/secrets/" and their suffix "/action", which that of
// deletion has not.
// https://learn.microsoft.com/azure/key-vault/general/rbac-guide
const (
	ActionGet      = "getSecret"
	ActionSet      = "setSecret"
	ActionMetadata = "readMetadata"
	ActionUpdate   = "update"
	ActionDelete   = "delete"
	ActionRecover  = "recover"
	ActionPurge    = "purge"
)

// AllActions are those of the role Key Vault Secrets Officer.
func AllActions() []string {
	return []string{ActionGet, ActionSet, ActionMetadata, ActionUpdate, ActionDelete, ActionRecover, ActionPurge}
}

func dataAction(action string) string {
	if action == ActionDelete {
		return action
	}
	return action + "/action"
}

// App is an application, or a managed identity.
type App struct {
	Name   string
	Client string // its client id
}

type grant struct{ client, vault string }

// token is what is known of an access token.
type token struct {
	client, audience string
	expires          time.Time
}

// AddApp makes an application that may take these actions in every vault.
func (s *Server) AddApp(name string, actions ...string) App {
	h := randomHex(16)
	a := App{Name: name, Client: h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]}
	s.Grant(a, "", actions...)
	return a
}

// Grant replaces what an application may do in a vault, "" being every vault
// for which it has no grant of its own.
func (s *Server) Grant(a App, vault string, actions ...string) {
	may := map[string]bool{}
	for _, action := range actions {
		may[action] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants[grant{a.Client, vault}] = may
}

// RevokeTokens makes every access token that was given out one that the vaults
// do not know.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = map[string]token{}
}

// Credential returns what gives the SDK tokens of an application without a
// call. It counts nothing.
func (s *Server) Credential(a App) azcore.TokenCredential { return credential{s, a} }

type credential struct {
	server *Server
	app    App
}

// GetToken returns a token, as the SDK asks for one.
func (c credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if len(o.Scopes) != 1 {
		return azcore.AccessToken{}, errors.New("azuretest: one scope, please")
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	value, t := c.server.issue(c.app.Client, strings.TrimSuffix(o.Scopes[0], "/.default"))
	return azcore.AccessToken{Token: value, ExpiresOn: t.expires}, nil
}

// Unknown returns what gives the SDK tokens that no vault knows.
func (s *Server) Unknown() azcore.TokenCredential { return unknown{} }

type unknown struct{}

// GetToken returns a token that no vault knows.
func (unknown) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "CANARY-unknown-" + randomHex(20), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// issue makes an access token. The caller holds the lock.
func (s *Server) issue(client, audience string) (string, token) {
	value := "CANARY-token-" + randomHex(20)
	t := token{client, audience, s.options.Now().Add(s.options.TokenLife)}
	s.tokens[value] = t
	return value, t
}

// authenticate says whose an Authorization header is.
func (v *Vault) authenticate(header string) (client string, ok bool) {
	value, bearer := strings.CutPrefix(header, "Bearer ")
	t, known := v.server.tokens[value]
	return t.client, bearer && known && t.audience == v.Resource && v.server.options.Now().Before(t.expires)
}

func (v *Vault) may(client, action string) bool {
	may, own := v.server.grants[grant{client, v.Name}]
	if !own {
		may = v.server.grants[grant{client, ""}]
	}
	return may[action]
}

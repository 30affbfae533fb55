package vaulttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Mount enables a KV engine and waits until it can be used.
func (s *Server) Mount(t testing.TB, path string, version int) {
	t.Helper()
	s.Call(t, http.MethodPost, "sys/mounts/"+path, map[string]any{
		"type": "kv", "options": map[string]string{"version": fmt.Sprint(version)},
	})
	if version < 2 {
		return
	}
	err := s.poll("to set up "+path, func() error {
		status, _, err := s.request(http.MethodGet, path+"/config", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Write writes a secret's data as anybody but keyrota would, and returns its
// new version.
func (s *Server) Write(t testing.TB, mount, name string, data map[string]any) int {
	t.Helper()
	n, _ := s.Call(t, http.MethodPost, mount+"/data/"+name, map[string]any{"data": data})["version"].(float64)
	return int(n)
}

// Data returns a secret's current data as a reader gets it, JSON as the server
// wrote it; nil if there is none.
func (s *Server) Data(t testing.TB, mount, name string) map[string]json.RawMessage {
	t.Helper()
	status, raw, err := s.request(http.MethodGet, mount+"/data/"+name, nil)
	if err != nil || status != http.StatusOK && status != http.StatusNotFound {
		t.Fatalf("vaulttest: reading %s: status %d: %v", name, status, err)
	}
	var answer struct {
		Data struct{ Data map[string]json.RawMessage }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Data.Data
}

// Custom returns a secret's custom metadata.
func (s *Server) Custom(t testing.TB, mount, name string) map[string]string {
	t.Helper()
	all := map[string]string{}
	custom, _ := s.Call(t, http.MethodGet, mount+"/metadata/"+name, nil)["custom_metadata"].(map[string]any)
	for key, value := range custom {
		all[key], _ = value.(string)
	}
	return all
}

// SetCustom sets some keys of a secret's custom metadata; nil removes one.
func (s *Server) SetCustom(t testing.TB, mount, name string, custom map[string]any) {
	t.Helper()
	s.Call(t, http.MethodPatch, mount+"/metadata/"+name, map[string]any{"custom_metadata": custom})
}

// Policy writes a policy in Vault's own language.
func (s *Server) Policy(t testing.TB, name, rules string) {
	t.Helper()
	s.Call(t, http.MethodPut, "sys/policies/acl/"+name, map[string]any{"policy": rules})
}

// NewToken makes a token with policies. It can be renewed, and lives for ttl.
func (s *Server) NewToken(t testing.TB, ttl time.Duration, policies ...string) string {
	t.Helper()
	token, _ := s.Call(t, http.MethodPost, "auth/token/create", map[string]any{
		"policies": policies, "ttl": ttl.String(), "no_parent": true,
	})["client_token"].(string)
	return token
}

// Revoke ends a token.
func (s *Server) Revoke(t testing.TB, token string) {
	t.Helper()
	s.Call(t, http.MethodPost, "auth/token/revoke", map[string]any{"token": token})
}

// AppRole enables the auth method at a mount and makes a role there; settings
// are those of the role, such as "token_ttl".
func (s *Server) AppRole(t testing.TB, mount, role string, settings map[string]any) (roleID, secretID string) {
	t.Helper()
	s.Call(t, http.MethodPost, "sys/auth/"+mount, map[string]any{"type": "approle"})
	path := "auth/" + mount + "/role/" + role
	s.Call(t, http.MethodPost, path, settings)
	roleID, _ = s.Call(t, http.MethodGet, path+"/role-id", nil)["role_id"].(string)
	secretID, _ = s.Call(t, http.MethodPost, path+"/secret-id", nil)["secret_id"].(string)
	return roleID, secretID
}

// Wrap makes a request whose answer is wrapped, and returns the wrapping token.
func (s *Server) Wrap(t testing.TB, method, path string) string {
	t.Helper()
	status, raw, err := s.request(method, path, map[string]any{}, "X-Vault-Wrap-TTL", "10m")
	if err != nil || status != http.StatusOK {
		t.Fatalf("vaulttest: wrapping %s: status %d: %v", path, status, err)
	}
	var answer struct {
		WrapInfo struct {
			Token string `json:"token"`
		} `json:"wrap_info"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.WrapInfo.Token
}

// Signer signs JWTs that one auth method of a server trusts.
type Signer struct{ key *ecdsa.PrivateKey }

// JWT enables the JWT auth method at a mount, with one role bound to an
// audience and subject; settings are further ones of the role. The login
// request of the Kubernetes auth method is the same, so mounted at "kubernetes"
// it stands in for that one, which the Vault of these tests does not contain.
func (s *Server) JWT(t testing.TB, mount, role, audience, subject string, settings map[string]any) Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	s.Call(t, http.MethodPost, "sys/auth/"+mount, map[string]any{"type": "jwt"})
	s.Call(t, http.MethodPost, "auth/"+mount+"/config", map[string]any{"jwt_validation_pubkeys": []string{string(public)}})
	all := map[string]any{
		"role_type": "jwt", "user_claim": "sub", "bound_audiences": []string{audience}, "bound_subject": subject,
	}
	for name, value := range settings {
		all[name] = value
	}
	s.Call(t, http.MethodPost, "auth/"+mount+"/role/"+role, all)
	return Signer{key}
}

// Sign returns a JWT that is valid for an hour.
func (s Signer) Sign(t testing.TB, audience, subject string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: s.key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: "vaulttest", Subject: subject, Audience: jwt.Audience{audience},
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now.Add(-time.Minute)), Expiry: jwt.NewNumericDate(now.Add(time.Hour)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

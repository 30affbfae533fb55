package sandbox_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// issuer is a JWT issuer on loopback.
type issuer struct {
	url  string
	key  *ecdsa.PrivateKey
	down atomic.Bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if i.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.url, "jwks_uri": i.url + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	i.url = web.URL
	return i
}

func sign(t *testing.T, key *ecdsa.PrivateKey, claims jwt.Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenExchange(t *testing.T) {
	good := newIssuer(t)
	stranger := newIssuer(t)
	b := newBench(t, func(s *sandbox.Seed) { s.JWTIssuers = []sandbox.JWTIssuer{{URL: good.url}} })
	now := b.clock.Now()
	claims := func(change func(*jwt.Claims)) jwt.Claims {
		c := jwt.Claims{
			Issuer: good.url, Subject: "system:serviceaccount:ml:train", Audience: jwt.Audience{"acme"},
			Expiry: jwt.NewNumericDate(now.Add(time.Minute)), IssuedAt: jwt.NewNumericDate(now),
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	exchange := func(grant, assertion string) reply {
		form := url.Values{"grant_type": {grant}, "assertion": {assertion}}
		return b.do(http.MethodPost, "/oidc/token", "", strings.NewReader(form.Encode()),
			header{"Content-Type": "application/x-www-form-urlencoded"})
	}
	const bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	for name, test := range map[string]struct {
		grant, assertion string
		status           int
		words            string
	}{
		"an external account":   {bearer, sign(t, good.key, claims(nil)), 200, "access_token"},
		"a person":              {bearer, sign(t, good.key, claims(func(c *jwt.Claims) { c.Subject = "max@acme.example" })), 200, "access_token"},
		"another grant":         {"client_credentials", sign(t, good.key, claims(nil)), 400, "unsupported_grant_type"},
		"not a JWT":             {bearer, "nonsense", 400, "not a signed JWT"},
		"unknown subject":       {bearer, sign(t, good.key, claims(func(c *jwt.Claims) { c.Subject = "other" })), 400, "subject"},
		"a team account's name": {bearer, sign(t, good.key, claims(func(c *jwt.Claims) { c.Subject = "ci" })), 400, "subject"},
		"another audience":      {bearer, sign(t, good.key, claims(func(c *jwt.Claims) { c.Audience = jwt.Audience{"vault"} })), 400, "aud"},
		"expired":               {bearer, sign(t, good.key, claims(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(-time.Second)) })), 400, "exp"},
		"without expiry":        {bearer, sign(t, good.key, claims(func(c *jwt.Claims) { c.Expiry = nil })), 400, "never expires"},
		"not yet valid":         {bearer, sign(t, good.key, claims(func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(now.Add(time.Minute)) })), 400, "nbf"},
		"unregistered issuer":   {bearer, sign(t, stranger.key, claims(func(c *jwt.Claims) { c.Issuer = stranger.url })), 400, "not registered"},
		"a stranger's key":      {bearer, sign(t, stranger.key, claims(nil)), 400, "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			r := exchange(test.grant, test.assertion)
			if r.status != test.status || !strings.Contains(string(r.body), test.words) {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}

	r := exchange(bearer, sign(t, good.key, claims(nil)))
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal(r.body, &token); err != nil || token.ExpiresIn != 3600 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	auth := header{"Authorization": "Bearer " + token.AccessToken}
	if viewer, r := b.viewer("", auth); viewer == nil || viewer.Name != "pods" {
		t.Errorf("with the access token: %d %+v", r.status, viewer)
	}
	if _, messages, _ := b.log("", "ml", "team", "pod", auth); messages != nil {
		t.Errorf("logging a run with the access token: %v", messages)
	}
	if made, messages, _ := query[any](b, "", `mutation { generateApiKey(input: {}) { apiKey { id } } }`, nil, auth); len(messages) != 1 {
		t.Errorf("an external account made a key: %v %v", made, messages)
	}
	b.clock.Advance(time.Hour)
	if _, r := b.viewer("", auth); r.status != http.StatusUnauthorized {
		t.Errorf("after its end: %d", r.status)
	}

	good.down.Store(true)
	if r := exchange(bearer, sign(t, good.key, claims(nil))); r.status != http.StatusServiceUnavailable {
		t.Errorf("with the issuer down: %d", r.status)
	}
}

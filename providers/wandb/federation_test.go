package wandb_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

// jwtIssuer is a JWT issuer on loopback, and what signs for it.
func jwtIssuer(t *testing.T) (string, func(jwt.Claims) providers.Secret) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(nil)
	t.Cleanup(web.Close)
	web.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": web.URL, "jwks_uri": web.URL + "/keys"})
	})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return web.URL, func(claims jwt.Claims) providers.Secret {
		text, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return providers.NewSecret(text)
	}
}

// TestExchange: a JWT for an access token, the token's owner, and why not.
func TestExchange(t *testing.T) {
	url, sign := jwtIssuer(t)
	s := startWith(t, sandbox.KeysHashed, orgAdmin, func(seed *sandbox.Seed) {
		seed.JWTIssuers = []sandbox.JWTIssuer{{URL: url}}
		seed.ServiceAccounts = []sandbox.ServiceAccount{{Name: "pods", Scope: sandbox.ScopeExternal, Team: "ml", Subject: "system:serviceaccount:ml:train", ID: "u7"}}
	})
	good := jwt.Claims{Issuer: url, Subject: "system:serviceaccount:ml:train", Audience: jwt.Audience{"acme"}, Expiry: jwt.NewNumericDate(now.Add(time.Hour))}
	token, err := s.issuer.Exchange(t.Context(), sign(good))
	quiet(t, err)
	if err != nil || token.Access.Empty() || !token.Expires.Equal(now.Add(time.Hour)) {
		t.Fatalf("until %s, %v", token.Expires, err)
	}
	who, err := s.issuer.Bearer(t.Context(), token.Access)
	want := rotation.Account{ID: "u7", Name: "pods", Team: "ml", Scope: rotation.ScopeExternal}
	if err != nil || who.Owner != want || !who.Service || who.Account != "u7" {
		t.Errorf("%+v, %v", who, err)
	}
	_, err = s.issuer.Bearer(t.Context(), providers.NewSecret(newKey))
	quiet(t, err)
	if providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "exchange a fresh JWT") {
		t.Errorf("no token of this server: %v", err)
	}
	for name, change := range map[string]func(*jwt.Claims){
		"another subject":  func(c *jwt.Claims) { c.Subject = "someone" },
		"another audience": func(c *jwt.Claims) { c.Audience = jwt.Audience{"other"} },
		"expired":          func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(ago(time.Minute)) },
		"another issuer":   func(c *jwt.Claims) { c.Issuer = "https://elsewhere.example" },
	} {
		c := good
		change(&c)
		assertion := sign(c)
		_, err := s.issuer.Exchange(t.Context(), assertion)
		quiet(t, err)
		if providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "check the JWT") {
			t.Errorf("%s: %v", name, err)
		}
		for part := range strings.SplitSeq(assertion.Expose(), ".") {
			if err != nil && strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error quotes the JWT", name)
			}
		}
	}
}

// TestExchangeAnswers: 4xx is a rejection, all else is worth another try, and
// nothing of JWT or token is quoted.
func TestExchangeAnswers(t *testing.T) {
	oauth := func(code, words string) string {
		return `{"error":"` + code + `","error_description":"` + words + `"}`
	}
	for name, c := range map[string]struct {
		reply
		kind  providers.Kind
		after time.Duration
		says  string
	}{
		"invalid grant":    {reply: reply{status: 400, body: oauth("invalid_grant", "no good: "+leaky)}, kind: providers.Denied, says: "no good"},
		"code alone":       {reply: reply{status: 400, body: `{"error":"invalid_grant"}`}, kind: providers.Denied, says: "invalid_grant"},
		"401":              {reply: reply{status: 401}, kind: providers.Denied, says: "check the JWT"},
		"403":              {reply: reply{status: 403, body: "<html>" + leaky}, kind: providers.Denied},
		"no federation":    {reply: reply{status: 404, body: leaky}, kind: providers.Invalid, says: "not set up"},
		"another grant":    {reply: reply{status: 400, body: oauth("unsupported_grant_type", "no")}, kind: providers.Invalid, says: "not set up"},
		"too many":         {reply: reply{status: 429, header: map[string]string{"Retry-After": "7"}}, kind: providers.Limited, after: 7 * time.Second},
		"unwell":           {reply: reply{status: 503, header: map[string]string{"Retry-After": "7"}, body: oauth("temporarily_unavailable", "soon")}, kind: providers.Transient, after: 7 * time.Second},
		"redirect":         {reply: reply{status: 307, header: map[string]string{"Location": "https://elsewhere.example/"}}, kind: providers.Invalid, says: "elsewhere"},
		"no JSON":          {reply: reply{body: "<html>" + leaky}, kind: providers.Transient},
		"no token":         {reply: reply{body: `{"expires_in":3600}`}, kind: providers.Transient},
		"no lifetime":      {reply: reply{body: `{"access_token":"` + ownKey + `"}`}, kind: providers.Transient},
		"negative":         {reply: reply{body: `{"access_token":"` + ownKey + `","expires_in":-1}`}, kind: providers.Transient},
		"answer cut":       {reply: reply{body: `{"access_token":"` + ownKey, cut: true}, kind: providers.Transient},
		"connection drops": {reply: reply{raw: true}, kind: providers.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, c.reply)
			_, err := w.issuer(t).Exchange(t.Context(), own)
			quiet(t, err)
			if err == nil || providers.KindOf(err) != c.kind || providers.RetryAfterOf(err) != c.after || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s after %s: %v", providers.KindOf(err), providers.RetryAfterOf(err), err)
			}
			r := w.requests[0]
			if len(w.requests) != 1 || r.URL.Path != "/oidc/token" || r.Header.Get("Authorization") != "" || r.URL.RawQuery != "" {
				t.Errorf("%d requests, %s", len(w.requests), r.URL)
			}
		})
	}
	w := serve(t, reply{})
	if _, err := w.issuer(t).Exchange(t.Context(), providers.Secret{}); providers.KindOf(err) != providers.Denied || len(w.requests) > 0 {
		t.Errorf("an empty JWT: %v", err)
	}
}

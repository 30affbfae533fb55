package federation_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/oauth2-proxy/mockoidc"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/sync/federation"
)

const (
	clientSecret = "client-CANARY-0123456789-0123456789-0123456789"
	subject      = "system:serviceaccount:ml:train"
)

var begin = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)

// stage is a W&B server, an identity provider whose JWTs it takes, and a clock.
type stage struct {
	t      *testing.T
	now    time.Time
	idp    *mockoidc.MockOIDC
	server *sandbox.Server
	store  *providertest.Memory
	worker *federation.Worker
	url    string // of W&B
	dir    string

	lock sync.Mutex
	// What the identity provider does.
	claims jwt.Claims
	life   time.Duration
	answer func(http.ResponseWriter, *http.Request) bool // true: it answered
	asked  int
	posted bool // it takes the client's secret in the form alone
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, now: begin, life: time.Hour, claims: jwt.Claims{Subject: subject, Audience: jwt.Audience{"acme"}}, dir: t.TempDir()}
	var err error
	if s.idp, err = mockoidc.NewServer(nil); err != nil {
		t.Fatal(err)
	}
	if err := s.idp.AddMiddleware(s.clientCredentials); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.idp.Start(l, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.idp.Shutdown() })
	s.server, err = sandbox.New(sandbox.Seed{
		Organization: "acme",
		Teams:        []sandbox.Team{{Name: "ml"}},
		People:       []sandbox.Person{{Username: "max", Email: "max@acme.example", Teams: map[string]sandbox.Role{"ml": sandbox.RoleMember}}},
		ServiceAccounts: []sandbox.ServiceAccount{
			{Name: "train", Scope: sandbox.ScopeExternal, Team: "ml", Subject: subject},
			{Name: "eval", Scope: sandbox.ScopeExternal, Team: "ml", Subject: "other"},
		},
		JWTIssuers: []sandbox.JWTIssuer{{URL: s.idp.Issuer()}},
	}, sandbox.Options{Now: s.clock})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.server)
	t.Cleanup(web.Close)
	s.url = web.URL
	issuer, err := wandb.New(wandb.Config{URL: web.URL, Organization: "acme"}, wandb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.store = providertest.NewMemory(providertest.MemoryOptions{Name: "vault"})
	s.worker = &federation.Worker{
		Issuer: issuer, Stores: map[string]providers.SecretStore{"vault": s.store}, Now: s.clock, Instance: "prod", Ledger: "ledger-1",
		Resolve: func(_ context.Context, reference string) (providers.Secret, error) {
			if reference != "env:IDP_SECRET" {
				t.Errorf("%s was asked for", reference)
			}
			return providers.NewSecret(clientSecret), nil
		},
	}
	return s
}

func (s *stage) clock() time.Time {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.now
}

func (s *stage) passes(d time.Duration) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.now = s.now.Add(d)
}

// jwt signs what the identity provider is to say, as it is now.
func (s *stage) jwt(change func(*jwt.Claims)) string {
	c := s.claims
	if c.Issuer == "" {
		c.Issuer = s.idp.Issuer()
	}
	c.IssuedAt, c.Expiry = jwt.NewNumericDate(s.now), jwt.NewNumericDate(s.now.Add(s.life))
	if change != nil {
		change(&c)
	}
	id, err := s.idp.Keypair.KeyID()
	if err != nil {
		s.t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.idp.Keypair.PrivateKey, KeyID: id}}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// clientCredentials adds the grant that mockoidc does not have, by RFC 6749,
// section 4.4.
func (s *stage) clientCredentials(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != mockoidc.TokenEndpoint || r.PostFormValue("grant_type") != "client_credentials" {
			next.ServeHTTP(w, r)
			return
		}
		s.lock.Lock()
		defer s.lock.Unlock()
		s.asked++
		if s.answer != nil && s.answer(w, r) {
			return
		}
		id, secret, basic := r.BasicAuth()
		if !basic && s.posted {
			id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		} else if s.posted {
			id = ""
		}
		if id != "keyrota" || secret != clientSecret {
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client", "error_description": "not " + clientSecret})
			return
		}
		if got := r.PostFormValue("scope") + " " + r.PostFormValue("audience"); got != "wandb acme" {
			s.t.Errorf("asked for %q", got)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": s.jwt(nil), "token_type": "Bearer", "expires_in": int(s.life.Seconds())})
	})
}

// account loads a configuration with the account of this identity.
func (s *stage) account(identity string) federation.Account {
	s.t.Helper()
	text := "instance: prod\nledger: l\nwandb: {organization: acme, url: \"" + s.url + "\"}\nstores: {vault: {}, aws: {}}\naccounts:\n" +
		"  - {name: train, team: ml, scope: external, subject: \"" + subject + "\", purpose: p, owner: o, identity: {" + identity + "}}\n"
	c, problems := config.Parse(filepath.Join(s.dir, "keyrota.yaml"), []byte(text), config.Options{})
	if c == nil {
		s.t.Fatal(problems)
	}
	all, err := federation.Accounts(c, s.worker.Stores)
	if err != nil || len(all) != 1 {
		s.t.Fatal(all, err)
	}
	return all[0]
}

// byServer is an identity that asks the identity provider.
func (s *stage) byServer(more string) string {
	return "token_url: \"" + s.idp.TokenEndpoint() + "\", client_id: keyrota, client_secret: env:IDP_SECRET, scope: wandb, audience: acme, jwt_issuer: \"" + s.idp.Issuer() + "\"" + more
}

// file puts a JWT, or anything, into a file.
func (s *stage) file(text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "jwt"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// clean holds what is said against every credential that was in play.
func clean(t *testing.T, said string, credentials ...string) {
	t.Helper()
	for _, c := range append(credentials, clientSecret) {
		for part := range strings.SplitSeq(c, ".") {
			if len(part) > 20 && strings.Contains(said, part) {
				t.Errorf("a credential is told: %s", said)
			}
		}
	}
}

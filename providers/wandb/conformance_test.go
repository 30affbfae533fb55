package wandb_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

// The keys of the people in the sandbox.
const (
	orgAdminKey  = "org-admi-CANARY-0123456789-0123456789-0123456789"
	teamAdminKey = "teamlead-CANARY-0123456789-0123456789-0123456789"
	memberKey    = "someone--CANARY-0123456789-0123456789-0123456789"
)

func fixed(key string) wandb.KeySource {
	return func(context.Context) (providers.Secret, error) { return providers.NewSecret(key), nil }
}

// service is a sandbox with an issuer before it.
type service struct {
	*sandbox.Server
	issuer  *wandb.Issuer
	url     string
	admin   string // the key that the issuer has
	another func() *wandb.Issuer
	lose    atomic.Bool
	mu      sync.Mutex
	now     time.Time
}

var orgAdmin = wandb.Config{AdminKey: fixed(orgAdminKey), Organization: "acme"}

func start(t *testing.T, keys sandbox.KeyStorage, c wandb.Config) *service {
	t.Helper()
	return startWith(t, keys, c, func(*sandbox.Seed) {})
}

// startWith is start with more in the sandbox than people and teams.
func startWith(t *testing.T, keys sandbox.KeyStorage, c wandb.Config, more func(*sandbox.Seed)) *service {
	t.Helper()
	s := &service{now: time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC), admin: orgAdminKey}
	seed := sandbox.Seed{
		Organization: "acme",
		Settings:     sandbox.Settings{Keys: keys, KeyPrefix: "local"},
		Teams:        []sandbox.Team{{Name: "ml"}, {Name: "vision"}},
		People: []sandbox.Person{
			{Username: "ada", Email: "ada@acme.example", Admin: true, Teams: map[string]sandbox.Role{"vision": sandbox.RoleAdmin}, Keys: []sandbox.Key{{Value: orgAdminKey}}},
			{Username: "lea", Email: "lea@acme.example", Teams: map[string]sandbox.Role{"ml": sandbox.RoleAdmin}, Keys: []sandbox.Key{{Value: teamAdminKey}}},
			{Username: "max", Email: "max@acme.example", Teams: map[string]sandbox.Role{"ml": sandbox.RoleMember}, Keys: []sandbox.Key{{Value: memberKey}}},
		},
	}
	more(&seed)
	var err error
	s.Server, err = sandbox.New(seed, sandbox.Options{Now: s.clock, KeyMarker: "CANARY"})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(web.Close)
	s.url = web.URL
	c.URL = web.URL
	if c.TeamAdminKeys != nil {
		s.admin = teamAdminKey
	}
	s.issuer = newIssuer(t, c)
	s.another = func() *wandb.Issuer { return newIssuer(t, c) }
	return s
}

func newIssuer(t *testing.T, c wandb.Config) *wandb.Issuer {
	t.Helper()
	i, err := wandb.New(c, wandb.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (s *service) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if bytes.Contains(body, []byte("mutation")) && s.lose.CompareAndSwap(true, false) {
		_ = s.AddFault(sandbox.Fault{Kind: sandbox.FaultLostAnswer, Count: 1})
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.ServeHTTP(w, r)
}

// TestIssuer runs the conformance suite against both kinds of server, with an
// organization admin's and with a team admin's key.
func TestIssuer(t *testing.T) {
	teamAdmin := wandb.Config{TeamAdminKeys: map[string]wandb.KeySource{"ml": fixed(teamAdminKey)}}
	for name, c := range map[string]struct {
		keys   sandbox.KeyStorage
		config wandb.Config
	}{
		"keys hashed, organization admin": {sandbox.KeysHashed, orgAdmin},
		"keys hashed, team admin":         {sandbox.KeysHashed, teamAdmin},
		"keys shown, organization admin":  {sandbox.KeysShown, orgAdmin},
		"keys shown, team admin":          {sandbox.KeysShown, teamAdmin},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.TestIssuer(t, providertest.IssuerHarness{
				Open: func(t *testing.T) providertest.IssuerService { return start(t, c.keys, c.config) },
			})
		})
	}
}

func (s *service) Issuer() providers.Issuer { return s.another() }

func (s *service) WithoutAdmin(t *testing.T) providers.Issuer {
	return newIssuer(t, wandb.Config{URL: s.url})
}

func (s *service) Account(t *testing.T, name string) rotation.Account {
	t.Helper()
	a, err := s.CreateServiceAccount(name, sandbox.ScopeTeam, "ml", "")
	if err != nil {
		t.Fatal(err)
	}
	return rotation.Account{ID: rotation.AccountID(a.ID), Name: name, Scope: rotation.ScopeTeam, Team: "ml"}
}

func (s *service) username(a rotation.Account) string {
	for _, info := range s.Accounts() {
		if info.ID == string(a.ID) {
			return info.Username
		}
	}
	return ""
}

func (s *service) Key(t *testing.T, a rotation.Account, description string) (rotation.KeyID, providers.Secret) {
	t.Helper()
	id, value, err := s.CreateKey(s.username(a), description)
	if err != nil {
		t.Fatal(err)
	}
	return rotation.KeyID(id), providers.NewSecret(value)
}

// Person adds one to the sandbox, which a person's own pages would do.
func (s *service) Person(t *testing.T, name, team string) (rotation.Account, rotation.KeyID, providers.Secret) {
	t.Helper()
	if team != "ml" {
		t.Fatalf("nobody is in team %s", team)
	}
	id, value, err := s.CreateKey("max", "by hand")
	if err != nil {
		t.Fatal(err)
	}
	a := rotation.Account{Name: "max"}
	for _, info := range s.Accounts() {
		if info.Username == "max" {
			a.ID, a.Name = rotation.AccountID(info.ID), info.Name
		}
	}
	return a, rotation.KeyID(id), providers.NewSecret(value)
}

func (s *service) DeleteKey(t *testing.T, id rotation.KeyID) {
	t.Helper()
	if there, err := s.Server.DeleteKey(string(id)); !there || err != nil {
		t.Fatalf("no key %s was deleted: %v", id, err)
	}
}

func (s *service) Keys(_ *testing.T, a rotation.Account) []rotation.Key {
	var keys []rotation.Key
	for _, k := range s.Server.Keys(s.username(a)) {
		keys = append(keys, rotation.Key{ID: rotation.KeyID(k.ID), Label: rotation.Label(k.Description)})
	}
	return keys
}

func (s *service) Creations() int { return s.Calls("generateApiKey") + s.Calls("createServiceAccount") }

func (s *service) LoseAnswer(*testing.T) { s.lose.Store(true) }

func (s *service) fault(t *testing.T, f sandbox.Fault) {
	t.Helper()
	if err := s.AddFault(f); err != nil {
		t.Fatal(err)
	}
}

func (s *service) FailNext(t *testing.T) {
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultServerError, Count: 1})
}

func (s *service) LimitCalls(t *testing.T, after time.Duration) {
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultRateLimited, Delay: after, Count: 1})
}

func (s *service) DelayKeys(t *testing.T) func() {
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultDelayedKey, Delay: time.Minute})
	return func() { s.Pass(t, time.Minute) }
}

func (s *service) Pass(_ *testing.T, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *service) configure(t *testing.T, change func(*sandbox.Settings)) {
	t.Helper()
	if err := s.Configure(change); err != nil {
		t.Fatal(err)
	}
}

func (s *service) LimitKeys(t *testing.T, n int) {
	s.configure(t, func(set *sandbox.Settings) { set.KeyLimit = n })
}

func (s *service) DisableCreation(t *testing.T) {
	s.configure(t, func(set *sandbox.Settings) { set.DisableKeyCreation = true })
}

func (s *service) RevokeAdmin(t *testing.T) {
	id, _ := s.KeyID(s.admin)
	s.DeleteKey(t, rotation.KeyID(id))
}

// DeleteAccount removes the account from its team, as the user interface does.
func (s *service) DeleteAccount(t *testing.T, a rotation.Account) {
	t.Helper()
	s.mutate(t, orgAdminKey, fmt.Sprintf(`deleteInvite(input: {id: %q, entityName: %q}) { success }`, a.ID, a.Team), `"success":true`)
}

// LogRun logs one as W&B's SDK does.
func (s *service) LogRun(t *testing.T, key providers.Secret, team, project, name string) {
	t.Helper()
	s.mutate(t, key.Expose(), fmt.Sprintf(`upsertBucket(input: {entityName: %q, modelName: %q, name: %q}) { inserted }`, team, project, name), `"inserted":true`)
}

// mutate sends a mutation past the issuer.
func (s *service) mutate(t *testing.T, key, mutation, done string) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"query": "mutation { " + mutation + " }"})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	r.SetBasicAuth("api", key)
	r.Header.Set("Use-Admin-Privileges", "true")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); !strings.Contains(string(text), done) {
		t.Fatalf("%s: %s", mutation, text)
	}
}

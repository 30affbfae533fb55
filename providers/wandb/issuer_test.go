package wandb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.Issuer      = (*wandb.Issuer)(nil)
	_ providers.Provisioner = (*wandb.Issuer)(nil)
	_ providers.FirstKeyer  = (*wandb.Issuer)(nil)
)

// TestFirstKey: a new account's first key comes from the listing of servers
// that show keys; on the others the error says what a person does.
func TestFirstKey(t *testing.T) {
	for _, kind := range []sandbox.KeyStorage{sandbox.KeysShown, sandbox.KeysHashed} {
		t.Run(string(kind), func(t *testing.T) {
			s := start(t, kind, orgAdmin)
			a := rotation.Account{Ref: "ml/new", Name: "new", Team: "ml", Scope: rotation.ScopeTeam}
			var err error
			if a.ID, err = s.issuer.Provision(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			key, err := s.issuer.FirstKey(t.Context(), a)
			quiet(t, err)
			if kind == sandbox.KeysHashed {
				if providers.KindOf(err) != providers.NotFound || !strings.Contains(err.Error(), "keyrota adopt ml/new --key-file -") {
					t.Errorf("first key: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if v, err := s.issuer.Verify(t.Context(), a, key); err != nil || v.Account != a.ID {
				t.Errorf("verified %+v, %v", v, err)
			}
		})
	}
}

// TestByHand: what has no public API is refused with what a person clicks and runs.
func TestByHand(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	for _, c := range []struct {
		a    rotation.Account
		says []string
	}{
		{
			rotation.Account{Ref: "acme//report", Name: "report", Team: "vision", Scope: rotation.ScopeOrganization},
			[]string{"an organization admin of acme", "New service account", `"report"`, `default team "vision"`, "Create API key", "keyrota adopt acme//report --key-file -"},
		},
		{
			rotation.Account{Ref: "ml/pods", Name: "pods", Team: "ml", Scope: rotation.ScopeExternal},
			[]string{"a team admin", "settings of team ml", "Federated Identity", "nothing to adopt"},
		},
	} {
		_, err := s.issuer.Provision(t.Context(), c.a)
		if providers.KindOf(err) != providers.Invalid {
			t.Errorf("%s: %v", c.a.Ref, err)
		}
		_, first := s.issuer.FirstKey(t.Context(), c.a)
		if providers.KindOf(first) != providers.NotFound {
			t.Errorf("%s: %v", c.a.Ref, first)
		}
		for _, words := range c.says {
			if !strings.Contains(err.Error(), words) || !strings.Contains(first.Error(), words) {
				t.Errorf("%s: no %q in: %v", c.a.Ref, words, err)
			}
		}
	}
	s.configure(t, func(set *sandbox.Settings) { set.DisableTeamServiceAccounts = true })
	_, err := s.issuer.Provision(t.Context(), rotation.Account{Ref: "ml/x", Name: "x", Team: "ml", Scope: rotation.ScopeTeam})
	if providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "GORILLA_DISABLE_TEAM_SERVICE_ACCOUNT_CREATION") {
		t.Errorf("creation of accounts disabled: %v", err)
	}
	_, err = s.issuer.Provision(t.Context(), rotation.Account{Ref: "no/x", Name: "x", Team: "no", Scope: rotation.ScopeTeam})
	if providers.KindOf(err) != providers.Invalid {
		t.Errorf("no such team: %v", err)
	}
}

// TestOrganization: accounts of organization scope are listed beside those of
// the teams, and people are not.
func TestOrganization(t *testing.T) {
	for _, kind := range []sandbox.KeyStorage{sandbox.KeysShown, sandbox.KeysHashed} {
		s := start(t, kind, orgAdmin)
		s.Account(t, "ci")
		if _, err := s.CreateServiceAccount("pods", sandbox.ScopeExternal, "ml", "system:serviceaccount:ml:train"); err != nil {
			t.Fatal(err)
		}
		made, err := s.CreateServiceAccount("report", sandbox.ScopeOrganization, "vision", "")
		if err != nil {
			t.Fatal(err)
		}
		report := rotation.Account{ID: rotation.AccountID(made.ID), Name: "report", Scope: rotation.ScopeOrganization, Team: "vision"}
		id, key := s.Key(t, report, "by hand")
		var names []string
		err = s.issuer.Keys(t.Context(), "", func(a rotation.Account, keys []rotation.Key) error {
			names = append(names, fmt.Sprintf("%s/%s:%d %s", a.Team, a.Name, len(keys), a.Scope))
			return nil
		})
		slices.Sort(names)
		want := []string{"ml/ci:0 ", "ml/pods:0 external", "vision/report:1 "}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("listed %q, %v, want %q", names, err, want)
		}
		report.ID = ""
		if v, err := s.issuer.Verify(t.Context(), report, key); err != nil || v.Key != id {
			t.Errorf("verified %+v, %v", v, err)
		}
	}
}

// TestTeamListingCosts: a team's accounts and keys take two requests, however
// many there are.
func TestTeamListingCosts(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	for n := range 50 {
		s.Account(t, fmt.Sprint("a", n))
	}
	if err := s.issuer.Keys(t.Context(), "ml", func(rotation.Account, []rotation.Key) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if n := s.Calls("entity") + s.Calls("users"); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// TestRenamedAccount: an account is found by its id after a person renamed it.
func TestRenamedAccount(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	a := s.Account(t, "now")
	id, _ := s.Key(t, a, "")
	a.Name = "then"
	keys, err := s.issuer.KeysOf(t.Context(), a, providers.Secret{})
	if err != nil || len(keys) != 1 || keys[0].ID != id {
		t.Errorf("listed %+v, %v", keys, err)
	}
}

// TestTwoOfOneName: of two accounts of one name none is taken for the wanted one.
func TestTwoOfOneName(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	s.Account(t, "twin")
	a := s.Account(t, "twin")
	a.ID = ""
	if _, err := s.issuer.KeysOf(t.Context(), a, providers.Secret{}); providers.KindOf(err) != providers.Conflict {
		t.Errorf("listed: %v", err)
	}
}

// TestAbsentOnlyIfSure: an account that our administrator may not see is not
// called absent.
func TestAbsentOnlyIfSure(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	a := s.Account(t, "hidden")
	outsider := newIssuer(t, wandb.Config{URL: s.url, AdminKey: func(context.Context) (providers.Secret, error) {
		_, key, err := s.CreateKey("max", "")
		return providers.NewSecret(key), err
	}})
	_, err := outsider.KeysOf(t.Context(), a, providers.Secret{})
	if providers.KindOf(err) != providers.Denied {
		t.Errorf("keys that a member may not see: %v", err)
	}
	a.Team, a.ID = "vision", "no-such-id"
	_, err = outsider.KeysOf(t.Context(), a, providers.Secret{})
	if providers.KindOf(err) != providers.Denied {
		t.Errorf("a team that a member of another may not see: %v", err)
	}
	a.Scope = rotation.ScopeOrganization
	_, err = s.issuer.KeysOf(t.Context(), a, providers.Secret{})
	if providers.KindOf(err) != providers.Denied {
		t.Errorf("organization scope, which no listing is sure to show: %v", err)
	}
}

// TestUnrecognisedClient: a server that hides keys from a user agent says
// nothing of the key itself.
func TestUnrecognisedClient(t *testing.T) {
	s := start(t, sandbox.KeysHashed, wandb.Config{AdminKey: fixed(orgAdminKey), UserAgent: "somebody/1.0"})
	a := s.Account(t, "ci")
	_, key := s.Key(t, a, "")
	_, err := s.issuer.Verify(t.Context(), a, key)
	if providers.KindOf(err) != providers.Invalid || !strings.Contains(err.Error(), "wandb.user_agent") {
		t.Errorf("verify: %v", err)
	}
	_, err = s.issuer.KeysOf(t.Context(), a, key)
	if providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "wandb.user_agent") {
		t.Errorf("list: %v", err)
	}
}

// TestAdminKey: the administrator's key is read each time it is used, a team's
// own goes first, and what is wrong with it is said.
func TestAdminKey(t *testing.T) {
	s := start(t, sandbox.KeysHashed, orgAdmin)
	a := s.Account(t, "ci")
	list := func(c wandb.Config) error {
		c.URL = s.url
		_, err := newIssuer(t, c).KeysOf(t.Context(), a, providers.Secret{})
		quiet(t, err)
		return err
	}
	reads := 0
	i := newIssuer(t, wandb.Config{URL: s.url, AdminKey: func(context.Context) (providers.Secret, error) {
		reads++
		return providers.NewSecret(orgAdminKey), nil
	}})
	for n := range 2 {
		if _, err := i.KeysOf(t.Context(), a, providers.Secret{}); err != nil || reads != n+1 {
			t.Errorf("read %d times, %v", reads, err)
		}
	}
	gone := errors.New("the store is sealed")
	failing := func(err error) wandb.KeySource {
		return func(context.Context) (providers.Secret, error) { return providers.Secret{}, err }
	}
	if err := list(wandb.Config{AdminKey: failing(gone)}); !errors.Is(err, gone) || providers.KindOf(err) != providers.Transient {
		t.Errorf("the key cannot be read: %v", err)
	}
	limited := &providers.Error{Provider: "vault", Op: "read", Kind: providers.Limited, RetryAfter: time.Second}
	if err := list(wandb.Config{AdminKey: failing(limited)}); providers.KindOf(err) != providers.Limited || providers.RetryAfterOf(err) != time.Second {
		t.Errorf("the store is busy: %v", err)
	}
	if err := list(wandb.Config{AdminKey: failing(nil)}); providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "empty") {
		t.Errorf("the key is empty: %v", err)
	}
	if err := list(wandb.Config{AdminKey: fixed(strings.Repeat("CANARY-0", 6))}); providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "wandb.admin_key is not valid") {
		t.Errorf("the key is not valid: %v", err)
	}
	team := wandb.Config{AdminKey: failing(gone), TeamAdminKeys: map[string]wandb.KeySource{"ml": fixed(teamAdminKey)}}
	if err := list(team); err != nil {
		t.Errorf("the team's own key: %v", err)
	}
}

func TestAbilities(t *testing.T) {
	team := rotation.Account{Name: "ci", Team: "ml", Scope: rotation.ScopeTeam}
	report := rotation.Account{Name: "report", Team: "ml", Scope: rotation.ScopeOrganization}
	some := map[string]wandb.KeySource{"ml": fixed(teamAdminKey)}
	for name, c := range map[string]struct {
		config                     wandb.Config
		a                          rotation.Account
		admin, provision, firstKey bool
		missing                    int
	}{
		"organization admin":                     {wandb.Config{AdminKey: fixed("x")}, team, true, true, true, 0},
		"team admin":                             {wandb.Config{TeamAdminKeys: some}, team, true, true, true, 0},
		"nobody":                                 {wandb.Config{}, team, false, false, false, 1},
		"organization scope, organization admin": {wandb.Config{AdminKey: fixed("x")}, report, true, false, false, 1},
		"organization scope, team admin":         {wandb.Config{TeamAdminKeys: some}, report, false, false, false, 2},
	} {
		got := newIssuer(t, c.config).Abilities(c.a)
		if got.Admin != c.admin || got.Provision != c.provision || got.FirstKey != c.firstKey || len(got.Missing) != c.missing {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestNew(t *testing.T) {
	for _, c := range []struct {
		url, agent, says string
	}{
		{"", "", ""},
		{"https://acme.wandb.io/", "", ""},
		{"https://acme.example/wandb/graphql", "", ""},
		{"acme.wandb.io", "", "wandb.url: is not an address"},
		{"ftp://acme.wandb.io", "", "wandb.url: is not an address"},
		{"https://api:" + ownKey + "@acme.wandb.io", "", "wandb.url: holds a user name or password"},
		{"https://acme.wandb.io?x=1", "", "wandb.url: has a query"},
		{"https://wandb.ai", "", "write https://api.wandb.ai"},
		{"", "a\nb", "wandb.user_agent: "},
	} {
		_, err := wandb.New(wandb.Config{URL: c.url, UserAgent: c.agent}, wandb.Options{})
		if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) && !strings.HasSuffix(err.Error(), c.says) {
			t.Errorf("%s: %v", c.says, err)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Error("an error holds the value of a key")
		}
	}
	for address, warned := range map[string]bool{
		"https://acme.example": false, "http://127.0.0.1:1": false, "http://[::1]:1": false, "http://localhost": false, "http://acme.example": true,
	} {
		if got := newIssuer(t, wandb.Config{URL: address}).Warnings(); (len(got) > 0) != warned {
			t.Errorf("%s: %v", address, got)
		}
	}
}

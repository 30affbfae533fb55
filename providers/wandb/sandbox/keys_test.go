package sandbox_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

func TestKeyLivesFromCreationToDeletion(t *testing.T) {
	b := newBench(t, nil)
	made := b.mustGenerate(ciKey, "keyrota/test/1")
	if !regexp.MustCompile(`^local-[A-Za-z0-9_-]{41,}$`).MatchString(made.Name) {
		t.Errorf("the new key does not have W&B's format, or is not longer than 40 characters")
	}
	viewer, r := b.viewer(made.Name, nil)
	if r.status != http.StatusOK || viewer.Name != "ci" {
		t.Fatalf("with the new key: %d, %+v", r.status, viewer)
	}
	if got := viewer.keys(); len(got) != 2 || got[1].ID != made.ID || got[1].Description != "keyrota/test/1" {
		t.Errorf("the listing shows %v", got)
	} else if !strings.HasPrefix(made.Name, got[1].Name) || len(got[1].Name) > 20 {
		t.Errorf("the listing shows %d characters of the key", len(got[1].Name))
	}
	if _, r := b.viewer(ciKey, nil); r.status != http.StatusOK {
		t.Errorf("the old key beside the new one is answered %d", r.status)
	}
	old := b.Keys("ci")[0].ID
	if ok, messages, _ := b.deleteKey(made.Name, old); !ok || messages != nil {
		t.Fatalf("deleting the old key by the new one: %v %v", ok, messages)
	}
	if _, r := b.viewer(ciKey, nil); r.status != http.StatusUnauthorized {
		t.Errorf("a deleted key is answered %d", r.status)
	}
	if ok, messages, r := b.deleteKey(made.Name, old); ok || messages != nil || r.status != http.StatusOK {
		t.Errorf("deleting an absent key: %v %v %d", ok, messages, r.status)
	}
	if b.IsLive(ciKey) || !b.IsLive(made.Name) {
		t.Error("IsLive disagrees")
	}
}

func TestCredentials(t *testing.T) {
	b := newBench(t, nil)
	for name, test := range map[string]struct {
		key    string
		header header
		status int
		viewer string
	}{
		"key":             {key: ciKey, status: 200, viewer: "ci"},
		"none":            {status: 200},
		"unknown key":     {key: strings.Repeat("x", 40), status: 401},
		"unknown token":   {header: header{"Authorization": "Bearer nonsense"}, status: 401},
		"unknown scheme":  {header: header{"Authorization": "Digest nonsense"}, status: 401},
		"key as the user": {header: header{"Authorization": "Basic " + ciKey}, status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			viewer, r := b.viewer(test.key, test.header)
			name := ""
			if viewer != nil {
				name = viewer.Username
			}
			if r.status != test.status || name != test.viewer {
				t.Errorf("%d, viewer %q", r.status, name)
			}
			if got := r.header.Get("Date"); got != "Mon, 03 Aug 2026 12:00:00 GMT" {
				t.Errorf("Date is %q", got)
			}
		})
	}
}

func TestWhoSeesAndDeletesKeys(t *testing.T) {
	noAdmin := header{"Use-Admin-Privileges": "false"}
	for name, test := range map[string]struct {
		key    string
		header header
		sees   []string // whose keys
	}{
		"an organization admin, all":            {adminKey, nil, []string{"ada", "ci", "lea", "max", "otto", "reporting"}},
		"the same without asking for privilege": {adminKey, noAdmin, []string{"ada"}},
		"a team admin, the team's accounts":     {leadKey, nil, []string{"ci", "lea"}},
		"a member, its own":                     {memberKey, nil, []string{"max"}},
		"another team's admin, its own":         {outsiderKey, nil, []string{"otto"}},
		"a service account, its own":            {ciKey, nil, []string{"ci"}},
		"an organization account, its own":      {orgKey, nil, []string{"reporting"}},
		"an unrecognised client, none":          {adminKey, header{"User-Agent": "curl/8"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			data, messages, _ := query[struct {
				Users struct{ Edges []struct{ Node user } }
			}](b, test.key, `query Search($query: String) { users(query: $query) { edges { node {
				id name username apiKeys { edges { node { id name description } } } } } } }`, nil, test.header)
			if messages != nil {
				t.Fatal(messages)
			}
			var sees []string
			for _, e := range data.Users.Edges {
				if len(e.Node.keys()) > 0 {
					sees = append(sees, e.Node.Username)
				}
			}
			slices.Sort(sees)
			if !slices.Equal(sees, test.sees) {
				t.Errorf("sees the keys of %v, not of %v", sees, test.sees)
			}
			if test.header != nil {
				return
			}
			for _, owner := range []string{"ci", "reporting", "max", "otto"} {
				id := b.Keys(owner)[0].ID
				may := slices.Contains(test.sees, owner)
				ok, messages, _ := b.deleteKey(test.key, id)
				if ok != may || may != (messages == nil) {
					t.Errorf("deleting a key of %s: %v %v", owner, ok, messages)
				}
				if may {
					break // it may have deleted its own
				}
			}
		})
	}
}

func TestServersThatShowKeys(t *testing.T) {
	for _, kind := range []sandbox.KeyStorage{sandbox.KeysHashed, sandbox.KeysShown} {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, func(s *sandbox.Seed) { s.Settings.Keys = kind })
			shown := kind == sandbox.KeysShown
			made := b.mustGenerate(ciKey, "")
			viewer, _ := b.viewer(ciKey, nil)
			keys := viewer.keys()
			if (keys[0].Name == ciKey) != shown || (keys[1].Name == made.Name) != shown {
				t.Errorf("the listing shows whole keys: %v", !shown)
			}
			id := b.createAccount(leadKey, "ml", "new-account")
			team, members := b.members(leadKey, "ml")
			if team == "" || members["ci"].APIKey == nil == shown || members["new-account"].APIKey == nil == shown {
				t.Errorf("members' keys are shown: %v", !shown)
			}
			if members["new-account"].ID != id {
				t.Errorf("the new account is not among the members")
			}
			if shown {
				if v, _ := b.viewer(*members["new-account"].APIKey, nil); v == nil || v.ID != id {
					t.Errorf("the first key of the new account is not its own: %+v", v)
				}
			} else if n := len(b.Keys("new-account")); n != 0 {
				t.Errorf("the new account has %d keys", n)
			}
			if _, members := b.members(memberKey, "ml"); members["ci"].APIKey != nil {
				t.Error("a member sees another account's key")
			}
		})
	}
}

func TestRefusedCreation(t *testing.T) {
	disabled := func(s *sandbox.Settings) { s.DisableKeyCreation = true }
	limited := func(s *sandbox.Settings) { s.KeyLimit = 1 }
	for name, test := range map[string]struct {
		settings func(*sandbox.Settings)
		key      string
		message  string
	}{
		"disabled for a person":               {disabled, adminKey, "creation is disabled"},
		"disabled for a team account":         {disabled, ciKey, "creation is disabled"},
		"not for an organization account":     {disabled, orgKey, ""},
		"the limit of keys":                   {limited, ciKey, "limit of 1 API keys"},
		"nobody":                              {nil, "", "permission denied"},
		"limit two leaves room for one":       {func(s *sandbox.Settings) { s.KeyLimit = 2 }, ciKey, ""},
		"disabled, then limited for the rest": {func(s *sandbox.Settings) { disabled(s); limited(s) }, orgKey, "limit of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			if test.settings != nil {
				if err := b.Configure(test.settings); err != nil {
					t.Fatal(err)
				}
			}
			made, messages, r := b.generate(test.key, "")
			refused := len(messages) == 1 && test.message != "" && strings.Contains(messages[0], test.message)
			if r.status != http.StatusOK || refused != (test.message != "") || refused == (made.ID != "") {
				t.Errorf("%d %v", r.status, messages)
			}
		})
	}
}

package sandbox_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

func TestSeedMistakes(t *testing.T) {
	for name, test := range map[string]struct{ seed, want string }{
		"unknown field":             {"organization: acme\nteems: []\n", "[2:1]"},
		"unknown field of a key":    {"organization: acme\npeople:\n  - username: a\n    keys:\n      - value: generate\n        secret: CANARY\n", "[6:9]"},
		"no organization":           {"teams: [{name: ml}]\n", "organization: is missing"},
		"unknown kind of server":    {"organization: acme\nserver: {keys: plain}\n", "server.keys"},
		"short key":                 {"organization: acme\npeople: [{username: a, keys: [CANARY]}]\n", "people[0].keys[0]: a key of 6 characters is too short"},
		"bad hash":                  {"organization: acme\npeople: [{username: a, keys: ['sha256:CANARY']}]\n", "not 64 hexadecimal"},
		"the same key twice":        {"organization: acme\npeople: [{username: a, keys: [" + ciKey + ", " + ciKey + "]}]\n", "given twice"},
		"unknown team":              {"organization: acme\nservice_accounts: [{name: ci, team: ml}]\n", `no team "ml"`},
		"unknown scope":             {"organization: acme\nteams: [{name: ml}]\nservice_accounts: [{name: ci, team: ml, scope: all}]\n", `scope "all"`},
		"external without subject":  {"organization: acme\nteams: [{name: ml}]\nservice_accounts: [{name: ci, team: ml, scope: external}]\n", "needs a subject"},
		"unknown visibility":        {"organization: acme\nteams: [{name: ml}]\nprojects: [{name: p, team: ml, visibility: secret}]\n", "visibility"},
		"unknown fault":             {"organization: acme\nfaults: [{kind: gremlins}]\n", `no fault of kind "gremlins"`},
		"two mistakes, both told":   {"organization: acme\nserver: {deployment: moon, keys: plain}\n", "server.deployment"},
		"two mistakes, both told 2": {"organization: acme\nserver: {deployment: moon, keys: plain}\n", "server.keys"},
	} {
		t.Run(name, func(t *testing.T) {
			seed, err := sandbox.ParseSeed([]byte(test.seed))
			if err == nil {
				_, err = sandbox.New(seed, sandbox.Options{})
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error is %v", err)
			}
			if strings.Contains(err.Error(), "CANARY") {
				t.Errorf("the error quotes a key: %v", err)
			}
		})
	}
}

func TestIDsOfTheSeedAreNotGivenOutAgain(t *testing.T) {
	b := newBench(t, nil)
	taken := b.mustGenerate(ciKey, "").ID
	again := newBench(t, func(s *sandbox.Seed) { s.ServiceAccounts[0].Keys[0].ID = taken })
	seen := map[string]bool{}
	for _, id := range []string{again.Keys("ci")[0].ID, again.mustGenerate(ciKey, "").ID, again.mustGenerate(ciKey, "").ID} {
		if seen[id] {
			t.Errorf("id %s is given out twice", id)
		}
		seen[id] = true
	}
}

func TestGeneratedKey(t *testing.T) {
	b := newBench(t, func(s *sandbox.Seed) {
		s.ServiceAccounts[0].Keys = append(s.ServiceAccounts[0].Keys, sandbox.Key{Value: "generate", Description: "second"})
	})
	value, ok := b.Generated("ci")
	if !ok {
		t.Fatal("there is no generated key")
	}
	if viewer, _ := b.viewer(value, nil); viewer == nil || viewer.Name != "ci" || viewer.keys()[1].Description != "second" {
		t.Errorf("the generated key is of %+v", viewer)
	}
	if _, ok := b.Generated("max"); ok {
		t.Error("a key was generated that the seed does not ask for")
	}
}

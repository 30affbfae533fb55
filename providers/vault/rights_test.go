package vault_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/rotation"
)

// What the token may do is Vault's own word, and what it is said to need is
// enough for it.
func TestRights(t *testing.T) {
	for name, c := range map[string]struct {
		rules string
		field string // write and read of one field
		whole string // and of a whole secret
		needs string
	}{
		"the documented policy":  {documented, "yes yes", "yes yes", ""},
		"nothing":                {`path "%s/data/else/*" { capabilities = ["read"] }`, "no no", "no no", `/metadata/ci/a" { capabilities = ["read"] }`},
		"no reading back":        {`path "%s/*" { capabilities = ["create", "update", "patch"] } path "%s/metadata/ci/*" { capabilities = ["create", "update", "read"] }`, "yes no", "yes no", `/data/ci/a" { capabilities = ["read"] }`},
		"reading alone":          {`path "%s/*" { capabilities = ["read"] }`, "no yes", "no yes", `/data/ci/a" { capabilities = ["create", "update", "patch"] }`},
		"once, and never again":  {`path "%s/*" { capabilities = ["create", "read"] }`, "no yes", "no yes", "update"},
		"no mark can be written": {`path "%s/data/*" { capabilities = ["create", "update", "read"] } path "%s/metadata/*" { capabilities = ["read"] }`, "no yes", "no yes", `/metadata/ci/a" { capabilities = ["create", "update", "patch"] }`},
		"patches alone":          {`path "%s/*" { capabilities = ["create", "patch", "read"] }`, "yes yes", "no yes", `/data/ci/a" { capabilities = ["create", "update", "patch"] }`},
		"nothing new":            {`path "%s/*" { capabilities = ["update", "read"] }`, "unknown yes", "unknown yes", `/data/ci/a" { capabilities = ["create"] }`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.as(t, c.rules)
			path := w.mount + "/ci/a"
			var got []string
			needs := ""
			err := s.Rights(t.Context(), []rotation.Destination{{Store: "vault", Path: path, Field: "K"}, {Store: "vault", Path: path}}, func(_ rotation.Destination, r providers.Rights) error {
				got, needs = append(got, fmt.Sprint(r.Write, " ", r.Read)), r.Missing
				return nil
			})
			if err != nil || len(got) != 2 || got[0] != c.field || got[1] != c.whole || !strings.Contains(needs, c.needs) || (c.needs == "") != (needs == "") {
				t.Errorf("%q, %v\n%s", got, err, needs)
			}
			if calls := w.proxy.Calls(); calls["POST capabilities-self"] != 1 {
				t.Errorf("%v", calls)
			}
		})
	}
	w := newWorld(t)
	if err := w.as(t, documented).Rights(t.Context(), []rotation.Destination{{Store: "vault", Path: "nowhere/a", Field: "K"}}, func(rotation.Destination, providers.Rights) error {
		t.Error("of a mount that is not there something is known")
		return nil
	}); err == nil {
		t.Error("no error")
	}
}

// A token that nobody renews ends; one that a login replaces does not.
func TestLoginEnds(t *testing.T) {
	w := newWorld(t)
	if at, err := w.root(t).LoginEnds(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("the root token: %s, %v", at, err)
	}
	if at, err := w.as(t, documented).LoginEnds(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("a token that is renewed: %s, %v", at, err)
	}
	fixed, _ := w.Call(t, http.MethodPost, "auth/token/create", map[string]any{"ttl": "1h", "renewable": false})["client_token"].(string)
	w.put("env:FIXED", fixed)
	at, err := w.open(t, vault.Config{Auth: vault.Auth{Token: "env:FIXED"}}).LoginEnds(t.Context())
	if left := time.Until(at); err != nil || left < 50*time.Minute || left > time.Hour+time.Minute {
		t.Errorf("one that is not ends in %s, %v", left, err)
	}
	e, err := w.root(t).Endpoints(t.Context())
	if err != nil || len(e) != 1 || !strings.HasPrefix(e[0].URL, "http") {
		t.Errorf("%v, %v", e, err)
	}
}

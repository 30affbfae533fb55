package vault_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
)

func list(t *testing.T, s *vault.Store, prefix string) (map[string]providers.Listed, error) {
	t.Helper()
	found := map[string]providers.Listed{}
	err := s.List(t.Context(), prefix, func(l providers.Listed) error {
		if _, twice := found[l.Path]; twice {
			t.Errorf("%s came twice", l.Path)
		}
		found[l.Path] = l
		return nil
	})
	return found, err
}

func TestList(t *testing.T) {
	w := newWorld(t)
	s := w.root(t)
	whole, field := w.dest("ci/whole"), w.dest("ci/deep/er/field#K")
	providertest.Put(t, s, whole, providertest.Object(`{"K":"`+keyOne+`"}`), providertest.MarkOf("a", 1))
	providertest.Put(t, s, field, providertest.Value(keyOne), providertest.MarkOf("b", 1))
	w.Write(t, w.mount, "ci/bare", map[string]any{"K": "x"})
	w.SetCustom(t, w.mount, "ci/bare", map[string]any{"managed-by": "terraform"})
	w.Mount(t, w.mount+"-other", 2)
	w.Write(t, w.mount+"-other", "theirs", map[string]any{"K": "x"})
	w.Mount(t, w.mount+"-old", 1)

	w.proxy.Reset()
	found, err := list(t, s, w.mount+"/ci/")
	if err != nil || len(found) != 3 {
		t.Fatalf("found %v, %v", found, err)
	}
	// A call for the mounts, one for each of three folders, and one for each secret.
	wantCalls(t, w.proxy, map[string]int{"GET mounts": 1, "GET metadata": 6})
	if found[whole.Path].Mark != providertest.MarkOf("a", 1) || found[whole.Path].Changed.IsZero() {
		t.Errorf("%+v", found[whole.Path])
	}
	if l := found[field.Path]; l.Owner == "" || l.Mark != (providers.Listed{}).Mark {
		t.Errorf("a secret of which a field is ours: %+v", l)
	}
	if l := found[w.mount+"/ci/bare"]; l.Owner != "terraform" {
		t.Errorf("%+v", l)
	}

	// A prefix that ends within a mount's name is that of several.
	if found, err = list(t, s, w.mount); err != nil || len(found) != 4 {
		t.Errorf("found %v, %v", found, err)
	}
	if found, err = list(t, w.open(t, vault.Config{Mount: w.mount, Auth: vault.Auth{Token: "env:ROOT"}}), w.mount+"/ci/w"); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestListWithoutTheRight(t *testing.T) {
	w := newWorld(t)
	w.Write(t, w.mount, "ci/a", map[string]any{"K": "x"})
	w.Write(t, w.mount, "other/b", map[string]any{"K": "x"})
	s := w.as(t, `path "%s/metadata/ci/*" { capabilities = ["list", "read"] }`)
	if found, err := list(t, s, w.mount+"/ci/"); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
	found, err := list(t, s, w.mount+"/")
	providertest.WantKind(t, err, providers.Denied, "capabilities")
	if len(found) > 0 {
		t.Errorf("found %v", found)
	}
	_, err = list(t, s, "nowhere/at/all")
	providertest.WantKind(t, err, providers.Denied, "mounts")
	_, err = list(t, w.open(t, vault.Config{Mount: w.mount, Auth: vault.Auth{Token: "env:ROOT"}}), "elsewhere/")
	providertest.WantKind(t, err, providers.Invalid, "mount")

	// A 404 is nothing only where the token may list.
	w.proxy.Inject(notFound("GET metadata", "metadata/ci", 1))
	w.proxy.Inject(capabilities(`{"data":{"` + w.mount + `/metadata/ci/":["read"]}}`))
	_, err = list(t, s, w.mount+"/ci/")
	providertest.WantKind(t, err, providers.Denied, "list")
	w.proxy.Reset()
	if found, err := list(t, s, w.mount+"/ci/none/"); err != nil || len(found) > 0 {
		t.Errorf("found %v, %v", found, err)
	}
	w.proxy.Inject(vaulttest.Fault{Kind: "GET metadata", Skip: 1, Status: http.StatusInternalServerError})
	_, err = list(t, s, w.mount+"/ci/")
	providertest.WantKind(t, err, providers.Transient)
}

// TestPace: a server that says that there are too many calls is left alone by
// all stores before it, for as long as it asks.
func TestPace(t *testing.T) {
	w := newWorld(t)
	paces := &pace.Paces{}
	open := func() *vault.Store {
		s, err := vault.New(vault.Config{Address: w.proxy.URL, Auth: vault.Auth{Token: "env:ROOT"}}, vault.Options{
			Paces: paces,
			Resolve: func(context.Context, string) (providers.Secret, error) {
				return providers.NewSecret(vaulttest.Root), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b, d := open(), open(), w.dest("ci/a#K")
	providertest.Look(t, a, d)
	providertest.Look(t, b, d)
	w.proxy.Inject(vaulttest.Fault{Kind: "GET metadata", Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"900"}}})
	_, err := a.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Limited)
	w.proxy.Reset()
	for _, s := range []*vault.Store{a, b} {
		hurry, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := s.Look(hurry, d)
		cancel()
		providertest.WantKind(t, err, providers.Limited)
	}
	if calls := w.proxy.Calls(); len(calls) > 0 {
		t.Errorf("calls in the meantime: %v", calls)
	}
	if rate := paces.Get("vault/"+w.proxy.URL, pace.Quota{}).Rate(); rate == 0 {
		t.Error("the rate is as it was")
	}
}

package vault_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/rotation"
)

// What people do to a secret by hand, and how it looks to us afterwards, as a
// field and as a whole.
func TestStates(t *testing.T) {
	remove := func(w *world, t *testing.T) { w.Call(t, http.MethodDelete, w.mount+"/data/ci/wandb", nil) }
	destroy := func(w *world, t *testing.T, versions ...int) {
		w.Call(t, http.MethodPut, w.mount+"/destroy/ci/wandb", map[string]any{"versions": versions})
	}
	for _, c := range []struct {
		name         string
		do           func(t *testing.T, w *world) // after two deliveries
		field, whole rotation.State
		older        int
	}{
		{"nothing", func(*testing.T, *world) {}, rotation.StateMarked, rotation.StateMarked, 1},
		{"an edit", func(t *testing.T, w *world) {
			w.Write(t, w.mount, "ci/wandb", map[string]any{"K": "x"})
		}, rotation.StateEdited, rotation.StateEdited, 2},
		{"an edit that removes the field", func(t *testing.T, w *world) {
			w.Write(t, w.mount, "ci/wandb", map[string]any{"other": "x"})
		}, rotation.StateAbsent, rotation.StateEdited, 2},
		{"deletion", func(t *testing.T, w *world) { remove(w, t) }, rotation.StateAbsent, rotation.StateAbsent, 1},
		{"destruction", func(t *testing.T, w *world) { destroy(w, t, 2) }, rotation.StateAbsent, rotation.StateAbsent, 1},
		{"destruction of the version before", func(t *testing.T, w *world) { destroy(w, t, 1) }, rotation.StateMarked, rotation.StateMarked, 0},
		{"deletion undone", func(t *testing.T, w *world) {
			remove(w, t)
			w.Call(t, http.MethodPost, w.mount+"/undelete/ci/wandb", map[string]any{"versions": []int{2}})
		}, rotation.StateMarked, rotation.StateMarked, 1},
		{"a rollback to the first version", func(t *testing.T, w *world) {
			w.Write(t, w.mount, "ci/wandb", map[string]any{"K": keyOne})
		}, rotation.StateEdited, rotation.StateEdited, 2},
		{"our marks removed", func(t *testing.T, w *world) {
			w.SetCustom(t, w.mount, "ci/wandb", map[string]any{"keyrota": nil, "keyrota.K": nil})
		}, rotation.StateBare, rotation.StateBare, 1},
		{"our marks made illegible", func(t *testing.T, w *world) {
			w.SetCustom(t, w.mount, "ci/wandb", map[string]any{"keyrota": "{", "keyrota.K": `{"by":"someone"}`})
		}, rotation.StateBare, rotation.StateBare, 1},
		{"removal of all", func(t *testing.T, w *world) {
			w.Call(t, http.MethodDelete, w.mount+"/metadata/ci/wandb", nil)
		}, rotation.StateAbsent, rotation.StateAbsent, 0},
		{"removal of all, and made anew with our marks pasted", func(t *testing.T, w *world) {
			custom := w.Custom(t, w.mount, "ci/wandb")
			w.Call(t, http.MethodDelete, w.mount+"/metadata/ci/wandb", nil)
			w.Write(t, w.mount, "ci/wandb", map[string]any{"K": "x"})
			w.Write(t, w.mount, "ci/wandb", map[string]any{"K": "y"}) // version 2 again
			pasted := map[string]any{}
			for key, text := range custom {
				pasted[key] = text
			}
			w.SetCustom(t, w.mount, "ci/wandb", pasted)
		}, rotation.StateEdited, rotation.StateEdited, 1},
	} {
		for dest, want := range map[string]rotation.State{"ci/wandb#K": c.field, "ci/wandb": c.whole} {
			t.Run(c.name+" "+dest, func(t *testing.T) {
				w := newWorld(t)
				s, d := w.root(t), w.dest(dest)
				one, two := providertest.Value(keyOne), providertest.Value(keyTwo)
				if d.Field == "" {
					one, two = providertest.Object(`{"K":"`+keyOne+`"}`), providertest.Object(`{"K":"`+keyTwo+`"}`)
				}
				providertest.Put(t, s, d, one, providertest.MarkOf("a", 1))
				providertest.Put(t, s, d, two, providertest.MarkOf("a", 2))
				c.do(t, w)
				h := providertest.WantState(t, s, d, want)
				if len(h.Older) != c.older {
					t.Errorf("older %q, want %d", h.Older, c.older)
				}
				if h.State == rotation.StateEdited && h.Mark != providertest.MarkOf("a", 2) {
					t.Errorf("mark %+v", h.Mark)
				}
				for _, v := range h.Older {
					if _, err := s.Read(t.Context(), d, v); err != nil && h.State != rotation.StateAbsent && h.State != rotation.StateEdited {
						t.Errorf("an older version cannot be read: %v", err)
					}
				}
				// Every state heals by writing again.
				providertest.Put(t, s, d, two, providertest.MarkOf("a", 3))
				providertest.WantMarked(t, s, d, providertest.MarkOf("a", 3))
				providertest.WantValue(t, s, d, "", two.Value.Expose())
			})
		}
	}
}

func TestBareSecretsNameTheirOwner(t *testing.T) {
	w := newWorld(t)
	s := w.root(t)
	w.Write(t, w.mount, "ci/eso", map[string]any{"K": "x"})
	w.SetCustom(t, w.mount, "ci/eso", map[string]any{"managed-by": "external-secrets"})
	if h := providertest.WantState(t, s, w.dest("ci/eso#K"), rotation.StateBare); h.Owner != "external-secrets" {
		t.Errorf("owner %q", h.Owner)
	}
	providertest.Put(t, s, w.dest("ci/ours#K"), providertest.Value(keyOne), providertest.MarkOf("a", 1))
	if h := providertest.WantState(t, s, w.dest("ci/ours"), rotation.StateBare); h.Owner != "keyrota prod, account acct-a (keyrota.K)" {
		t.Errorf("owner %q", h.Owner)
	}
}

// A delivered secret is looked at by its metadata alone; only where that does
// not tell are the names of the fields asked for, and the values of others
// read only where the policy leaves no other way.
func TestLookReadsNoValues(t *testing.T) {
	w := newWorld(t)
	w.Write(t, w.mount, "ci/wandb", map[string]any{"F": "x"})
	s, d := w.as(t, documented), w.dest("ci/wandb#K")
	providertest.Look(t, s, d)
	w.proxy.Reset()
	providertest.WantState(t, s, d, rotation.StateAbsent)
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 1, "GET subkeys": 1})
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.proxy.Reset()
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
	wantCalls(t, w.proxy, map[string]int{"GET metadata": 1})

	without := w.as(t, `
path "%s/data/ci/*"     { capabilities = ["create", "update", "read"] }
path "%s/metadata/ci/*" { capabilities = ["create", "update", "read"] }`)
	providertest.WantState(t, without, w.dest("ci/wandb#other"), rotation.StateAbsent)
	providertest.WantState(t, without, w.dest("ci/wandb#F"), rotation.StateBare)
}

// What the token may not see is never absent.
func TestDeniedIsNeverAbsent(t *testing.T) {
	w := newWorld(t)
	w.Write(t, w.mount, "ci/there", map[string]any{"K": "x"})
	noMetadata := `path "%s/data/ci/*" { capabilities = ["create", "update", "read"] }`
	noData := `path "%s/metadata/ci/*" { capabilities = ["create", "update", "read"] }`

	t.Run("403 on metadata", func(t *testing.T) {
		s := w.as(t, noMetadata)
		for _, dest := range []string{"ci/there#K", "ci/nothing#K"} {
			_, err := s.Look(t.Context(), w.dest(dest))
			providertest.WantKind(t, err, providers.Denied, `path "`+w.mount+`/metadata/ci/`, `["read"]`)
		}
	})
	t.Run("403 on data", func(t *testing.T) {
		s := w.as(t, noData)
		_, err := s.Look(t.Context(), w.dest("ci/there#K"))
		providertest.WantKind(t, err, providers.Denied, `path "`+w.mount+`/data/ci/there"`, `["read"]`)
		providertest.WantState(t, s, w.dest("ci/nothing#K"), rotation.StateAbsent)
		_, err = s.Read(t.Context(), w.dest("ci/there#K"), "")
		providertest.WantKind(t, err, providers.Denied)
	})
	t.Run("404 that means 403", func(t *testing.T) {
		s := w.as(t, noData)
		providertest.Look(t, s, w.dest("ci/there"))
		w.proxy.Inject(notFound("GET metadata", "ci/hidden", 1))
		w.proxy.Inject(capabilities(`{"data":{"` + w.mount + `/metadata/ci/hidden":["deny"]}}`))
		_, err := s.Look(t.Context(), w.dest("ci/hidden#K"))
		providertest.WantKind(t, err, providers.Denied, "404", "metadata/ci/hidden")

		w.proxy.Inject(notFound("GET data", "ci/there", 1))
		_, err = s.Read(t.Context(), w.dest("ci/there#K"), "")
		providertest.WantKind(t, err, providers.Denied, "404", "data/ci/there")
	})
	t.Run("404 and no word on what it means", func(t *testing.T) {
		w.Policy(t, "mute", `path "`+w.mount+`/metadata/ci/*" { capabilities = ["read"] }`)
		token, _ := w.Call(t, http.MethodPost, "auth/token/create", map[string]any{
			"policies": []string{"mute"}, "no_default_policy": true, "ttl": "1h",
		})["client_token"].(string)
		w.put("env:MUTE", token)
		s := w.open(t, vault.Config{Auth: vault.Auth{Token: "env:MUTE"}})
		_, err := s.Look(t.Context(), w.dest("ci/nothing#K"))
		providertest.WantKind(t, err, providers.Denied, "sys/capabilities-self")
	})
	t.Run("no engine", func(t *testing.T) {
		_, err := w.root(t).Look(t.Context(), rotation.Destination{Path: "nowhere/ci/wandb", Field: "K"})
		providertest.WantKind(t, err, providers.Denied, "mount")
	})
	t.Run("an engine that went away", func(t *testing.T) {
		gone := newWorld(t)
		s, d := gone.root(t), gone.dest("ci/wandb#K")
		providertest.Look(t, s, d)
		gone.Call(t, http.MethodDelete, "sys/mounts/"+gone.mount, nil)
		_, err := s.Look(t.Context(), d)
		providertest.WantKind(t, err, providers.Denied, "no secrets engine")
		gone.Mount(t, gone.mount, 1)
		_, err = s.Look(t.Context(), d)
		providertest.WantKind(t, err, providers.Invalid, "version 1", "enable-versioning")
	})
}

func TestEnginesThatCannotBeUsed(t *testing.T) {
	w := newWorld(t)
	_, err := w.root(t).Look(t.Context(), rotation.Destination{Path: "sys/ci/wandb", Field: "K"})
	providertest.WantKind(t, err, providers.Invalid, "type system")
}

// A token that may not ask where engines are mounted is helped by `mount`.
func TestConfiguredMount(t *testing.T) {
	w := newWorld(t)
	w.proxy.Inject(forbidden("GET mounts"))
	s := w.open(t, vault.Config{Mount: "/" + w.mount + "/", Auth: vault.Auth{Token: "env:ROOT"}})
	providertest.Put(t, s, w.dest("ci/wandb#K"), providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.WantMarked(t, s, w.dest("ci/wandb#K"), providertest.MarkOf("a", 1))
	err := s.Check(rotation.Destination{Path: "other/ci/wandb", Field: "K"}, providertest.Value(keyOne))
	providertest.WantKind(t, err, providers.Invalid, w.mount)
}

func TestMountIsAskedForOnce(t *testing.T) {
	w := newWorld(t)
	s := w.root(t)
	for _, dest := range []string{"ci/a#K", "ci/b#K", "deep/er/c"} {
		providertest.Look(t, s, w.dest(dest))
	}
	if n := w.proxy.Calls()["GET mounts"]; n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestRead(t *testing.T) {
	w := newWorld(t)
	s := w.root(t)
	w.Write(t, w.mount, "ci/wandb", map[string]any{"K": keyOne + "<&>\"\n", "n": json.Number("7")})
	providertest.WantValue(t, s, w.dest("ci/wandb#K"), "", keyOne+"<&>\"\n")
	_, err := s.Read(t.Context(), w.dest("ci/wandb#n"), "")
	providertest.WantKind(t, err, providers.Invalid, "not a string")
	for _, d := range []string{"ci/wandb#other", "ci/nothing#K", "ci/nothing"} {
		_, err = s.Read(t.Context(), w.dest(d), "")
		providertest.WantKind(t, err, providers.NotFound)
	}
	_, err = s.Read(t.Context(), w.dest("ci/wandb#K"), "7")
	providertest.WantKind(t, err, providers.Invalid)
	version := providertest.Look(t, s, w.dest("ci/wandb")).Version
	w.Call(t, http.MethodDelete, w.mount+"/metadata/ci/wandb", nil)
	w.Write(t, w.mount, "ci/wandb", map[string]any{"K": keyTwo})
	_, err = s.Read(t.Context(), w.dest("ci/wandb#K"), version)
	providertest.WantKind(t, err, providers.NotFound) // number 1 of another life
	w.Call(t, http.MethodDelete, w.mount+"/data/ci/wandb", nil)
	_, err = s.Read(t.Context(), w.dest("ci/wandb#K"), "")
	providertest.WantKind(t, err, providers.NotFound)
}

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
)

const (
	keyA = "local-CANARY_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	keyB = "local-CANARY_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// TestCandidates: what may be a key, where it stands and in which form; and
// what is left alone since it may be someone else's.
func TestCandidates(t *testing.T) {
	type want struct {
		field, name string
		form        form
		key         string
	}
	for name, c := range map[string]struct {
		path, text string
		want       []want
	}{
		"alone":                    {"ci/key", keyA, []want{{"", "", formRaw, keyA}}},
		"with a line's end":        {"ci/key", keyA + "\n", []want{{"", "", formRaw, keyA}}},
		"a field":                  {"ci/key", `{"key":"` + keyA + `","user":"ci"}`, []want{{"key", "key", formRaw, keyA}}},
		"named among others":       {"ci/key", `{"WANDB_API_KEY":"` + keyA + `","token":"` + keyB + `"}`, []want{{"WANDB_API_KEY", "WANDB_API_KEY", formRaw, keyA}}},
		"two that are named":       {"ci/key", `{"wandb_a":"` + keyA + `","wandb_b":"` + keyB + `"}`, []want{{"wandb_a", "wandb_a", formRaw, keyA}, {"wandb_b", "wandb_b", formRaw, keyB}}},
		"one in two fields":        {"ci/key", `{"a":"` + keyA + `","b":"` + keyA + `"}`, []want{{"a", "a", formRaw, keyA}, {"b", "b", formRaw, keyA}}},
		"lines":                    {"ci/.env", "# W\nexport WANDB_API_KEY='" + keyA + "'\nA=b\n", []want{{"", "WANDB_API_KEY", formEnv, keyA}}},
		"two in lines":             {"ci/.env", "WANDB_A=" + keyA + "\nWANDB_B=" + keyB, []want{{"", "WANDB_A", formText, keyA}, {"", "WANDB_B", formText, keyB}}},
		"lines in a field":         {"ci/env", `{"dotenv":"K=` + keyA + `\nA=b"}`, []want{{"dotenv", "K", formEnv, keyA}}},
		"a connection":             {"conn", "http://api:" + keyA + "@api.wandb.ai:443/https?x=y", []want{{"", "", formURI, keyA}}},
		"a connection in a field":  {"conn", `{"conn_uri":"wandb://:` + keyA + `@"}`, []want{{"conn_uri", "conn_uri", formURI, keyA}}},
		"in the midst":             {"netrc", "machine api.wandb.ai login user password " + keyA, []want{{"", "", formText, keyA}}},
		"an object in a field":     {"ci", `{"extra":"{\"k\":\"` + keyA + `\"}"}`, []want{{"extra", "extra", formObject, keyA}}},
		"an object in an object":   {"ci", `{"wandb":{"deep":[{"k":"` + keyA + `"}]}}`, []want{{"wandb", "wandb", formObject, keyA}}},
		"two that are not named":   {"wandb", `{"a":"` + keyA + `","b":"` + keyB + `"}`, nil},
		"a number, a list, a null": {"ci", `{"a":1,"b":null,"c":[1,2]}`, nil},
		"short":                    {"wandb", "0123456789", nil},
		"nothing":                  {"wandb", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := candidates(rotation.Destination{Store: "s", Path: c.path}, providers.NewSecret(c.text))
			if len(got) != len(c.want) {
				t.Fatalf("%d candidates, want %d", len(got), len(c.want))
			}
			for i, w := range c.want {
				g := got[i]
				if g.at.Field != w.field || g.name != w.name || g.form != w.form || g.value.Expose() != w.key {
					t.Errorf("found %s in %q, field %q; want %s in %q, field %q", g.form, g.name, g.at.Field, w.form, w.name, w.field)
				}
			}
		})
	}
}

// TestProposalLoads: whatever accounts, secrets and keys are called, what is
// proposed loads, and holds no value.
func TestProposalLoads(t *testing.T) {
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	platform := providertest.NewPlatform(providertest.PlatformOptions{Now: func() time.Time { return now }})
	store := providertest.NewMemory(providertest.MemoryOptions{Name: "memory"})
	const evil = "x\"\n  - name: evil\u2028# ${HOME} {{.X}}"
	for _, name := range []string{"ci-train", "on", "123", "a b", evil, "${HOME}", "-", "yes:"} {
		a := platform.AddAccount(rotation.Account{Name: name, Team: "ml", Scope: rotation.ScopeTeam})
		_, value := platform.AddKey(a.ID, rotation.Label("pasted "+keyA+"\n"+evil))
		for _, path := range []string{"plain", "with blank", "quo\"te", "colon: x", "${HOME}/x", "{{.Account.Name}}", "line\nbreak", "- dash", value.Expose()} {
			store.Edit(name+"/"+path, value.Expose())
		}
		store.Edit(name+"/field", `{"wandb `+"\u2028"+`x":"`+value.Expose()+`"}`)
	}
	person := platform.AddPerson("grace\n- name: evil", "ml")
	_, value := platform.AddKey(person.ID, "")
	store.Edit("personal\n- name: evil", value.Expose())
	report := platform.AddAccount(rotation.Account{Name: "report", Scope: rotation.ScopeOrganization})
	_, value = platform.AddKey(report.ID, "")
	store.Edit("report", value.Expose())
	store.Edit("dead\n- name: evil", keyB)

	const base = "instance: test\nledger: ledger.db\nstores: {memory: {}}\n"
	c, problems := config.Parse("keyrota.yaml", []byte(base), config.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	d := &discovery{
		app: &app{stdout: &out, stderr: &told, now: func() time.Time { return now }}, config: c, stores: map[string]searchable{}, identifier: platform, call: attempt.Caller{},
		providers: inventory.Providers{
			Issuer: platform, Stores: map[string]providers.SecretStore{"memory": store},
			Abilities: func(rotation.Account) inventory.Abilities { return inventory.Abilities{} },
		},
	}
	d.progress = newProgress(d.app, nil)
	if err := d.able("memory"); err != nil {
		t.Fatal(err)
	}
	before := store.Calls().Writes
	seen := d.read(t.Context(), []below{{"memory", ""}, {"memory", "on/"}})
	d.ask(t.Context(), &seen)
	d.marks(t.Context(), &seen)
	view := d.judge(seen)
	if store.Calls().Writes != before {
		t.Error("the store was written to")
	}
	if n := platform.Calls()["identify"]; n != 11 {
		t.Errorf("the platform was asked about %d values, want each of 11 once", n)
	}
	for _, form := range []outputFormat{"", outputTable, outputJSON} {
		d.app.output = form
		if err := d.app.printDiscovery(view); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(out.String()+told.String(), "CANARY") {
		t.Error("a value was printed")
	}
	proposed := proposal(view)
	c, problems = config.Parse("keyrota.yaml", []byte(base+proposed), config.Options{Env: func(string) (string, bool) { return "expanded", true }})
	if err := problems.Err(); err != nil {
		t.Fatalf("%v\n%s", err, proposed)
	}
	if _, err := inventory.Build(c, d.providers, ""); err != nil {
		t.Error(err)
	}
	got := map[string]int{}
	for _, a := range c.Accounts {
		got[a.Name] = len(a.Deliver)
		for _, to := range a.Deliver {
			if _, there := store.Raw(to.Path); !there {
				t.Errorf("%s is delivered to %q, where nothing was found", a.Name, to.Path)
			}
		}
		if a.Manage != config.Observe {
			t.Errorf("%s is managed as %s", a.Name, a.Manage)
		}
	}
	for _, name := range []string{"ci-train", "on", "123"} {
		if got[name] == 0 {
			t.Errorf("%s is not proposed:\n%s", name, proposed)
		}
	}
	for _, never := range []string{"evil", "report", "grace", "a b"} {
		if _, there := got[never]; there {
			t.Errorf("%s is proposed:\n%s", never, proposed)
		}
	}
}

// TestDiscoverParts: a part that is named twice is searched once.
func TestDiscoverParts(t *testing.T) {
	all, err := parts(below{"b", "x/"}, true, []string{"a:y/", "b:x/"})
	if err != nil || len(all) != 2 || all[0] != (below{"a", "y/"}) {
		t.Errorf("%v, %v", all, err)
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// clouds is a world with all three secrets managers: a real Vault, our emulator
// of AWS, and our stand-in for Azure with a real sign-in, each behind a gate.
type clouds struct {
	*world
	aws   *awstest.Server
	azure *azuretest.Server
}

func newClouds(t *testing.T) *clouds {
	t.Helper()
	return newCloudsBehind(t, nil)
}

// newCloudsBehind stands proxies before the addresses of Azure.
func newCloudsBehind(t *testing.T, front func(string) string) *clouds {
	t.Helper()
	w := &clouds{world: newWorld(t, sandbox.KeysShown), aws: awstest.Start(t)}
	w.aws.URL = newGate(t, w.aws, w.strikes).URL
	w.azure = azuretest.Start(t, azuretest.Options{
		Wrap:  func(h http.Handler) http.Handler { return &gate{handler: h, strikes: w.strikes} },
		Front: front,
	})
	ca, err := w.azure.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "AZURE_URL="+w.azure.URL, "AZURE_CA="+ca)
	w.signIn(w.aws.User, w.azure.Admin)
	return w
}

// signIn says as whom the program calls the clouds from now on.
func (w *clouds) signIn(aws awstest.Identity, azure azuretest.App) {
	w.t.Helper()
	login, err := w.azure.WorkloadIdentity(azure, w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	w.env = append(append(w.env, w.aws.Environment(aws, awstest.DefaultRegion)...), login...) // the last word counts
}

// threeForms is one account with its key in three forms, on each store as one
// of its readers wants it.
const threeForms = `
  - name: nightly-eval
    team: ml-platform
    purpose: nightly evaluation
    deliver:
      - {store: aws, reader: airflow, connection: wandb_eval}
      - azure:ml/eval_key
      - {store: vault, path: "${PREFIX}/eval", format: json, fields: {api_key: WANDB_API_KEY, entity: WANDB_ENTITY}}
`

const (
	airflowName = "airflow/connections/wandb_eval"
	azureName   = "ml-eval-key"
)

func (w *clouds) configure(defaults, accounts string) {
	w.t.Helper()
	w.write("keyrota.yaml", `
instance: e2e
ledger: ledger.db
max_rotations_per_day: 100%
listen: off
sweep_every: 1s
wandb: {url: "${WANDB}", organization: acme, admin_key: env:WANDB_ADMIN_KEY}
stores:
  aws: {region: us-east-1}
  azure: {url: "${AZURE_URL}", auth: workload_identity, ca_file: "${AZURE_CA}"}
  vault: {address: "${VAULT}"}
defaults: {owner: ml@acme.example, write_deadline: 1s, `+defaults+`}
accounts:
`+strings.TrimLeft(accounts, "\n"))
}

// keys is what each reader of nightly-eval finds: the key, by store.
func (w *clouds) keys() map[string]string {
	w.t.Helper()
	found := map[string]string{}
	if text, ok := w.aws.Raw(airflowName); ok {
		var connection struct{ Password string }
		_ = json.Unmarshal([]byte(text), &connection) // what is no connection has no key
		found["aws"] = connection.Password
	}
	found["azure"], _ = w.azure.Raw(azureName)
	fields, err := w.secret("eval")
	if err != nil {
		w.t.Fatal(err)
	}
	found["vault"] = field("api_key")(fields)
	return found
}

// agree fails the test unless every reader finds one live key, and returns it.
func (w *clouds) agree() string {
	w.t.Helper()
	keys := w.keys()
	for store, key := range keys {
		if key != keys["vault"] || !w.platform.IsLive(key) {
			id, live := w.platform.KeyID(key)
			w.t.Fatalf("the reader of %s finds key %q, live %v; others another", store, id, live)
		}
	}
	return keys["vault"]
}

// quiet fails the test unless a pass writes nothing and reads no value.
func (w *clouds) quiet(t *testing.T) {
	t.Helper()
	w.aws.Reset()
	w.azure.Reset()
	unchanged(t, w.world)
	for _, calls := range []map[string]int{w.aws.Calls(), w.azure.Calls()} {
		if calls["ListSecrets"] == 0 {
			t.Errorf("a store was not looked at: %v", calls)
		}
		for kind, n := range calls {
			if !slices.Contains([]string{"ListSecrets", "Challenge", "Token", "Discovery", "OpenIDConfiguration"}, kind) {
				t.Errorf("a pass in which nothing must change made %d calls %s", n, kind)
			}
		}
	}
}

// TestThreeStores: one account on AWS, Azure and Vault, in three forms; rotated,
// with a quiet second pass; and what people and other tools do to the secrets is
// healed or refused.
func TestThreeStores(t *testing.T) {
	t.Parallel()
	w := newClouds(t)
	w.configure("overlap: 2s, every: 90d", threeForms)
	w.run(0, "sync")
	first := w.agree()
	w.quiet(t)

	w.run(0, "rotate", "--yes", "nightly-eval", "--reason", "to see it")
	second := w.agree()
	if first == second || !w.platform.IsLive(first) {
		t.Errorf("after the rotation: another key %v, the old one alive %v", first != second, w.platform.IsLive(first))
	}
	w.settle(t)
	if w.platform.IsLive(first) || w.agree() != second {
		t.Error("the old key outlived the overlap, or a reader lost the new one")
	}
	w.quiet(t)
	w.kept(first, second)

	for _, c := range []struct {
		what string
		do   func() error
	}{
		{"edited by hand on AWS", func() error {
			return w.aws.Edit(airflowName, `{"conn_type":"generic","password":"typed-CANARY-0123456789-0123456789-0123456789"}`)
		}},
		{"scheduled for deletion on AWS", func() error { return w.aws.Delete(airflowName) }},
		{"deleted for good on AWS", func() error { return w.aws.ForceDelete(airflowName) }},
		{"rolled back by hand on AWS", func() error {
			s, _ := w.aws.Describe(airflowName)
			return w.aws.Edit(airflowName, s.Versions[0].Value)
		}},
		{"edited by hand on Azure", func() error {
			w.azure.Edit(azureName, "typed-CANARY-0123456789-0123456789-0123456789")
			return nil
		}},
		{"deleted on Azure", func() error { w.azure.Delete(azureName); return nil }},
		{"purged on Azure", func() error { w.azure.Delete(azureName); w.azure.Purge(azureName); return nil }},
		{"disabled on Azure", func() error { w.azure.Disable(azureName); return nil }},
		{"edited by hand on Vault", func() error { w.put("eval", map[string]any{"api_key": "typed-CANARY"}); return nil }},
	} {
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		poll(t, 30*time.Second, c.what+": healed", func() bool {
			w.try("sync") // a deletion for good takes a moment
			keys := w.keys()
			return !slices.ContainsFunc(slices.Collect(maps.Values(keys)), func(k string) bool { return k != second })
		})
		w.agree()
	}
	w.settle(t)
	w.quiet(t)
	if n := len(w.live("nightly-eval")); n != 1 {
		t.Errorf("%d keys at the end, want 1", n)
	}
	w.foreign(second)
	w.hunt()
}

// kept checks what the stores keep of the key before: readers that want it find
// it at AWS as AWSPREVIOUS; Azure's old version is disabled once its key is dead.
func (w *clouds) kept(first, second string) {
	w.t.Helper()
	s, _ := w.aws.Describe(airflowName)
	for _, v := range s.Versions {
		switch {
		case slices.Contains(v.Stages, "AWSCURRENT") && (!strings.Contains(v.Value, second) || !strings.HasPrefix(v.ID, "keyrota-2-")):
			w.t.Errorf("AWSCURRENT is %s, or another value", v.ID)
		case slices.Contains(v.Stages, "AWSPREVIOUS") && !strings.Contains(v.Value, first):
			w.t.Error("AWSPREVIOUS is not the value before")
		}
	}
	if versions := w.azure.Versions(azureName); len(versions) != 2 || versions[0].Enabled || !versions[1].Enabled ||
		versions[1].NotBefore.IsZero() || versions[1].Expires.Before(time.Now()) {
		for i := range versions {
			versions[i].Value = ""
		}
		w.t.Errorf("Azure's versions are %+v", versions)
	}
}

// foreign has another tool own what an account is to be delivered to.
func (w *clouds) foreign(second string) {
	w.t.Helper()
	const theirs = "theirs-CANARY-0123456789-0123456789-0123456789"
	if err := w.aws.Create("other/tool", theirs, map[string]string{"managed-by": "terraform"}); err != nil {
		w.t.Fatal(err)
	}
	w.azure.EditWith("other-tool", azuretest.Version{Value: theirs, Enabled: true, Tags: map[string]string{"managed-by": "terraform"}})
	w.configure("overlap: 2s, every: 90d", threeForms+`
  - {name: weekly-report, team: ml-platform, purpose: reports, deliver: ["aws:other/tool", "azure:other/tool", "vault:${PREFIX}/report#key"]}
`)
	for range 2 {
		w.run(3, "sync")
	}
	says := fmt.Sprint(w.status()[team+"/weekly-report"].Destinations)
	if strings.Count(says, "not ours") < 2 || !strings.Contains(says, "terraform") {
		w.t.Errorf("status does not say whose they are: %s", says)
	}
	onAWS, _ := w.aws.Raw("other/tool")
	onAzure, _ := w.azure.Raw("other-tool")
	if onAWS != theirs || onAzure != theirs || len(w.azure.Versions("other-tool")) != 1 {
		w.t.Error("what another tool owns was written to")
	}
	if s, _ := w.aws.Describe("other/tool"); len(s.Versions) != 1 || len(s.Tags) != 1 {
		w.t.Errorf("what another tool owns was tagged: %v", s.Tags)
	}
	fields, err := w.secret("report")
	if err != nil || !w.platform.IsLive(field("key")(fields)) {
		w.t.Errorf("the destination beside them has no live key: %v", err)
	}
	if w.agree() != second {
		w.t.Error("the other account changed")
	}
}

// hunt looks for keys in everything that was printed, and in every file.
func (w *clouds) hunt() {
	w.t.Helper()
	if how, at := holdsCanary(w.everythingPrinted()); at >= 0 {
		w.t.Errorf("a key was printed (%s)", how)
	}
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if how, at := holdsCanary(string(text)); at >= 0 {
			w.t.Errorf("%s holds a key (%s)", path, how)
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
}

// TestAStoreIsDownForAWholeOverlap: nothing is deleted and nothing minted twice
// while a store is down, however long; the others have the new key, and it has
// it too when it returns.
func TestAStoreIsDownForAWholeOverlap(t *testing.T) {
	t.Parallel()
	for _, down := range []string{"aws", "azure"} {
		t.Run(down, func(t *testing.T) {
			t.Parallel()
			w := newClouds(t)
			const overlap = time.Second
			w.configure("overlap: 1s, every: 90d", threeForms)
			w.run(0, "sync")
			first := w.agree()
			unreachable := map[string]func(bool){"aws": w.aws.SetUnreachable, "azure": w.azure.SetUnreachable}[down]
			unreachable(true)
			w.try("rotate", "--yes", "nightly-eval")
			begun := time.Now()
			for passes := 0; passes < 3 || time.Since(begun) < 3*overlap; passes++ {
				w.run(3, "sync")
			}
			if live := w.live("nightly-eval"); len(live) != 2 || !w.platform.IsLive(first) {
				t.Errorf("%d live keys, the first alive %v: want both", len(live), w.platform.IsLive(first))
			}
			unreachable(false)
			keys := w.keys()
			if keys["vault"] == first || keys[down] != first {
				t.Error("the stores that work have no new key, or the other lost the old one")
			}
			second := keys["vault"]
			w.settle(t)
			if w.agree() != second {
				t.Error("one more key was made")
			}
			if live := w.live("nightly-eval"); len(live) != 1 || w.platform.IsLive(first) {
				t.Errorf("%d live keys at the end", len(live))
			}
		})
	}
}

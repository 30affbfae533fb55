package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/sync/inventory"
)

// TestDiscoverInClouds: what discover proposes from AWS and Azure loads as it
// is and can be observed, names what other tools keep and when it was read, and
// holds no value.
func TestDiscoverInClouds(t *testing.T) {
	aws, azure := awstest.Start(t), azuretest.Start(t, azuretest.Options{})
	dir := t.TempDir()
	ca, err := azure.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	environment, err := azure.WorkloadIdentity(azure.Admin, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range append(environment, aws.Environment(aws.User, awstest.DefaultRegion)...) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	platform, err := sandbox.New(sandbox.Seed{
		Organization: "acme",
		Settings:     sandbox.Settings{Keys: sandbox.KeysHashed},
		Teams:        []sandbox.Team{{Name: "ml"}},
		People:       []sandbox.Person{{Username: "alice", Admin: true, Teams: map[string]sandbox.Role{"ml": sandbox.RoleAdmin}, Keys: []sandbox.Key{{Value: adminKey}}}},
	}, sandbox.Options{KeyMarker: keyMark})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(platform)
	t.Cleanup(web.Close)
	key := func(account string) string {
		t.Helper()
		if _, err := platform.CreateServiceAccount(account, sandbox.ScopeTeam, "ml", ""); err != nil {
			t.Fatal(err)
		}
		_, value, err := platform.CreateKey(account, "by hand")
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	eval, train := key("nightly-eval"), key("ci-train")
	for name, value := range map[string]string{
		"ml/eval":                      eval,
		"ml/train":                     `{"WANDB_API_KEY":"` + train + `","OTHER":"stays"}`,
		"airflow/connections/ml_wandb": `{"conn_type":"http","host":"api.wandb.ai","password":"` + eval + `","extra":"{}"}`,
		"airflow/connections/uri":      "wandb-ml://api:" + train + "@api.wandb.ai/https",
		"other/personal":               adminKey,
	} {
		tags := map[string]string{"team": "ml"}
		if strings.HasSuffix(name, "uri") {
			tags["managed-by"] = "chef"
		}
		if err := aws.Create(name, value, tags); err != nil {
			t.Fatal(err)
		}
	}
	if err := aws.Create("ml/terraform", train, map[string]string{"managed-by": "terraform"}); err != nil {
		t.Fatal(err)
	}
	if err := aws.Create("ml/deleted", adminKey, nil); err != nil {
		t.Fatal(err)
	}
	if err := aws.Delete("ml/deleted"); err != nil {
		t.Fatal(err)
	}
	azure.Edit("ml-eval", eval)
	azure.Edit("ml-train", `{"WANDB_API_KEY":"`+train+`","OTHER":"stays"}`)
	azure.Edit("ml-off", adminKey)
	azure.Disable("ml-off")

	const base = `
instance: test
max_rotations_per_day: 100%
wandb: {url: "${WANDB_URL}", organization: acme}
stores:
  aws-prod: {type: aws}
  azure: {url: "${AZURE_URL}", auth: workload_identity, ca_file: "${AZURE_CA}"}
ledger: ledger.db
`
	path := filepath.Join(dir, "keyrota.yaml")
	if err := os.WriteFile(path, []byte(base), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	a := newApp()
	a.stdout, a.stderr = &out, &told
	a.env = func(name string) (string, bool) {
		v, ok := map[string]string{"WANDB_URL": web.URL, "AZURE_URL": azure.URL, "AZURE_CA": ca}[name]
		return v, ok
	}
	// Being read is what AWS shows of a secret from then on.
	if code := run([]string{"discover", "-c", path, "--from", "aws-prod:ml/eval"}, a); code != 0 || strings.Contains(out.String(), "last read") {
		t.Fatalf("exit code %d: %s%s", code, &told, &out)
	}
	out.Reset()
	if code := run([]string{"discover", "-c", path, "--from", "aws-prod:ml/", "--from", "aws-prod:airflow/", "--from", "azure:ml/"}, a); code != 0 {
		t.Fatalf("exit code %d: %s", code, &told)
	}
	proposed := out.String()
	for _, want := range []string{
		"      - aws-prod:ml/train#WANDB_API_KEY\n",
		"      - {store: aws-prod, path: airflow/connections/uri, format: airflow-connection, style: uri, conn_type: wandb_ml}\n",
		"      - aws-prod:airflow/connections/ml_wandb#password\n",
		"      - aws-prod:ml/eval   # last read 20",
		"      # kept by terraform, it seems: ask there before it is rotated:\n      - aws-prod:ml/terraform\n",
		"      # kept by chef, it seems: ask there before it is rotated; the connection is written as a whole:",
		"#   keyrota adopt ml/ci-train --from aws-prod:ml/train#WANDB_API_KEY\n",
		"#   keyrota adopt ml/nightly-eval --from aws-prod:airflow/connections/ml_wandb#password --take aws-prod:ml/eval --take azure:ml-eval\n",
		"      - azure:ml-eval\n",
		"      # - {store: azure, path: ml-train, field: WANDB_API_KEY, exclusive: true}\n",
	} {
		if !strings.Contains(proposed, want) {
			t.Errorf("the proposal says nothing of %q:\n%s", want, proposed)
		}
	}
	for line := range strings.Lines(proposed) {
		if strings.Contains(line, "# ") && !strings.Contains(line, "- ") && !strings.Contains(line, "keyrota adopt") && len(line) > 110 {
			t.Errorf("a comment of %d characters: %s", len(line), line)
		}
	}
	for _, never := range []string{"ml/deleted", "personal", "alice", "ml-off", keyMark} {
		if strings.Contains(proposed+told.String(), never) {
			t.Errorf("the proposal tells of %q:\n%s", never, proposed)
		}
	}
	// What a person decides is uncommented, and loads as well.
	proposed = strings.Replace(proposed, "# - {store: azure", "- {store: azure", 1)
	c, problems := config.Parse(path, []byte(base+proposed), config.Options{Env: a.env, StoreTypes: configTypes()})
	if err := problems.Err(); err != nil {
		t.Fatalf("%v\n%s", err, proposed)
	}
	p, _, err := a.openProviders(c)
	if err != nil {
		t.Fatal(err)
	}
	built, err := inventory.Build(c, p, "")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(built.Accounts); n != 2 {
		t.Errorf("%d accounts", n)
	}

	// The commands that it ends with bring an account in, and its key is replaced
	// in all places at once.
	rotating := strings.ReplaceAll(base+proposed, "manage: observe", "manage: rotate")
	if err := os.WriteFile(path, []byte(rotating), 0o600); err != nil {
		t.Fatal(err)
	}
	adopted := 0
	for line := range strings.Lines(proposed) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "#   keyrota ")
		if !ok {
			continue
		}
		adopted++
		out.Reset()
		if strings.Contains(command, "ci-train") {
			command += " --take aws-prod:ml/terraform --take aws-prod:airflow/connections/uri --take azure:ml-train#WANDB_API_KEY"
		}
		if code := run(append(strings.Fields(command), "--yes", "-c", path), a); code != 0 {
			t.Errorf("%s ended with %d: %s%s", command, code, &told, &out)
		}
	}
	if adopted != 2 {
		t.Errorf("%d commands for 2 accounts:\n%s", adopted, proposed)
	}
	next, _ := azure.Raw("ml-eval")
	there, _ := aws.Raw("ml/eval")
	connection, _ := aws.Raw("airflow/connections/ml_wandb")
	if id, live := platform.KeyID(next); next == eval || !live || there != next || !strings.Contains(connection, next) {
		t.Errorf("the key was replaced by %s, live %v; everywhere: %v", id, live, there == next && strings.Contains(connection, next))
	}
	if strings.Contains(out.String()+told.String(), keyMark) {
		t.Error("a value was printed")
	}
}

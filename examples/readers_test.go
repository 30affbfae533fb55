package examples_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
)

// Each test here reads as its reader documents it. It knows nothing of where
// keyrota delivers but what the reader's own file beside the configuration says.

// connection is what Airflow's Connection takes; any other name fails there.
type connection struct {
	ConnType string `json:"conn_type"`
	Login    string `json:"login"`
	Password string `json:"password"`
	Host     string `json:"host"`
	Schema   string `json:"schema"`
	Port     int    `json:"port"`
	Extra    string `json:"extra"`
}

func TestAirflowFindsTheKey(t *testing.T) {
	for _, store := range []string{"aws", "vault", "azure"} {
		t.Run(store, func(t *testing.T) {
			e := deliver(t, "airflow-"+store, "keyrota.yaml")
			cfg := e.read(t, "airflow.cfg")
			if !strings.Contains(cfg, "\n[secrets]\n") {
				t.Error("the backend is not in the section secrets")
			}
			class := find(t, cfg, `(?m)^backend = (.+)$`)[0]
			var kwargs map[string]string
			if err := json.Unmarshal([]byte(find(t, cfg, `(?m)^backend_kwargs = (.+)$`)[0]), &kwargs); err != nil {
				t.Fatal(err)
			}
			dag := e.read(t, "nightly_eval.py")
			id := find(t, dag, `Connection\.get\("([^"]+)"\)`)[0]
			variable := find(t, dag, `Variable\.get\("([^"]+)"\)`)[0]

			var text, single string
			switch class {
			case "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend": // build_path(prefix, id, "/")
				same(t, "the Region", kwargs["region_name"], e.setting(t, store, "region"))
				text = e.stores[store][kwargs["connections_prefix"]+"/"+id].text
				single = e.stores[store][kwargs["variables_prefix"]+"/"+variable].text
			case "airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend": // build_path: _ becomes -
				same(t, "the vault", kwargs["vault_url"], e.setting(t, store, "url"))
				name := func(prefix, id string) string { return strings.ReplaceAll(prefix+"-"+id, "_", "-") }
				text = e.stores[store][name(kwargs["connections_prefix"], id)].text
				single = e.stores[store][name(kwargs["variables_prefix"], variable)].text
			case "airflow.providers.hashicorp.secrets.vault.VaultBackend": // get_conn_value, get_variable
				same(t, "the address", kwargs["url"], e.setting(t, store, "address"))
				fields, err := json.Marshal(e.stores[store][kwargs["mount_point"]+"/"+kwargs["connections_path"]+"/"+id].fields)
				if err != nil {
					t.Fatal(err)
				}
				text = string(fields)
				single = e.field(store, kwargs["mount_point"]+"/"+kwargs["variables_path"]+"/"+variable, "value")
			default:
				t.Fatalf("%s is not a backend that this test knows", class)
			}
			e.found(t, "the variable", single, "nightly-eval")

			var c connection
			d := json.NewDecoder(strings.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(&c); err != nil {
				t.Fatalf("Airflow would not take the connection: %v", err)
			}
			e.found(t, "the connection's password", c.Password, "nightly-eval")
			if c.ConnType == "" || c.Host != "api.wandb.ai" {
				t.Errorf("the connection is of type %q, to host %q", c.ConnType, c.Host)
			}
			var extra map[string]string
			if err := json.Unmarshal([]byte(c.Extra), &extra); err != nil {
				t.Fatal(err)
			}
			update := find(t, dag, `os\.environ\.update\(WANDB_ENTITY="([^"]+)", WANDB_PROJECT="([^"]+)"\)`)
			if !slices.Equal(update, []string{extra["WANDB_ENTITY"], extra["WANDB_PROJECT"]}) {
				t.Errorf("the task with the variable logs to %v, the connection's extra is %v", update, extra)
			}
		})
	}
}

// The DAG is the same for all three stores.
func TestAirflowDAGsAreOne(t *testing.T) {
	one := example{dir: "airflow-aws"}.read(t, "nightly_eval.py")
	for _, dir := range []string{"airflow-vault", "airflow-azure"} {
		if (example{dir: dir}).read(t, "nightly_eval.py") != one {
			t.Errorf("the DAG of %s is another than that of airflow-aws", dir)
		}
	}
}

func TestDagsterFindsTheKeyByTag(t *testing.T) {
	e := deliver(t, "dagster", "keyrota.yaml")
	code := e.read(t, "definitions.py")
	resource := find(t, code, `secretsmanager_secrets_resource\.configured\(\s*\{([^}]*)\}`)[0]
	same(t, "the Region", find(t, resource, `"region_name": "([^"]+)"`)[0], e.setting(t, "aws", "region"))
	if !strings.Contains(resource, `"add_to_environment": True`) {
		t.Error("the secrets do not become environment variables: that is off by default")
	}
	tag := find(t, resource, `"secrets_tag": "([^"]+)"`)[0]
	environment := map[string]string{}
	for name, s := range e.stores["aws"] { // get_tagged_secrets: ListSecrets with the filter tag-key, a prefix
		for have := range s.tags {
			if strings.HasPrefix(have, tag) {
				environment[name] = s.text
			}
		}
	}
	variable := find(t, code, `"api_key": os\.environ\["([^"]+)"\]`)[0]
	e.found(t, "W&B's resource", environment[variable], "dagster-training")
}

// steps returns the steps of a workflow's only job, and its timeout.
func steps(t *testing.T, file string) (all []any, timeout time.Duration) {
	t.Helper()
	doc := documents(t, file)[0]
	if at(t, doc, "permissions", "id-token") != "write" {
		t.Error("the job can get no token to log in with")
	}
	minutes, ok := value(t, doc, "jobs", "train", "timeout-minutes").(uint64)
	all, ok2 := value(t, doc, "jobs", "train", "steps").([]any)
	if !ok || !ok2 {
		t.Fatal("there are no steps, or no timeout")
	}
	return all, time.Duration(minutes) * time.Minute
}

// uses returns the settings of the step that uses an action.
func uses(t *testing.T, all []any, action string) map[string]any {
	t.Helper()
	for _, s := range all {
		if step, ok := s.(map[string]any); ok {
			if name, _ := step["uses"].(string); strings.HasPrefix(name, action+"@v") {
				with, _ := step["with"].(map[string]any)
				return with
			}
		}
	}
	t.Fatalf("no step uses %s", action)
	return nil
}

func TestGitHubActionsFindTheKey(t *testing.T) {
	e := deliver(t, "github-actions", "keyrota.yaml")
	longest := e.config.Accounts[0].LongestJob.Duration

	all, timeout := steps(t, "github-actions/vault.yml")
	same(t, "the longest job", timeout.String(), longest.String())
	vault := uses(t, all, "hashicorp/vault-action")
	same(t, "the address", at(t, vault, "url"), e.setting(t, "vault", "address"))
	m := find(t, at(t, vault, "secrets"), `^(\S+) (\S+) \| (\S+)\n$`)
	mount, path, _ := strings.Cut(m[0], "/data/")
	e.found(t, "vault-action", e.field("vault", mount+"/"+path, m[1]), "ci-training")
	last, _ := all[len(all)-1].(map[string]any)
	same(t, "the output", at(t, last, "env", "WANDB_API_KEY"), "${{ steps.wandb.outputs."+m[2]+" }}")

	all, timeout = steps(t, "github-actions/aws.yml")
	same(t, "the longest job", timeout.String(), longest.String())
	same(t, "the Region", at(t, uses(t, all, "aws-actions/configure-aws-credentials"), "aws-region"), e.setting(t, "aws", "region"))
	m = find(t, at(t, uses(t, all, "aws-actions/aws-secretsmanager-get-secrets"), "secret-ids"), `^WANDB_API_KEY, (\S+)\n$`)
	e.found(t, "aws-secretsmanager-get-secrets", e.stores["aws"][m[0]].text, "ci-training")

	all, timeout = steps(t, "github-actions/azure.yml")
	same(t, "the longest job", timeout.String(), longest.String())
	last, _ = all[len(all)-1].(map[string]any)
	m = find(t, at(t, last, "run"), `WANDB_API_KEY="\$\(az keyvault secret show --vault-name (\S+) --name (\S+) --query value --output tsv\)"`)
	u, err := url.Parse(e.setting(t, "azure", "url"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the vault", m[0]+".vault.azure.net", u.Host)
	e.found(t, "the Azure CLI", e.stores["azure"][m[1]].text, "ci-training")
}

func TestGitLabFindsTheKey(t *testing.T) {
	e := deliver(t, "gitlab", "keyrota.yaml")
	job := value(t, documents(t, "gitlab/.gitlab-ci.yml")[0], "train")
	same(t, "the address", at(t, job, "variables", "VAULT_SERVER_URL"), e.setting(t, "vault", "address"))
	same(t, "the longest job", at(t, job, "timeout"), strconv.Itoa(int(e.config.Accounts[0].LongestJob.Duration.Hours()))+"h")
	secret := value(t, job, "secrets", "WANDB_API_KEY")
	if value(t, secret, "file") != false {
		t.Error("the variable would hold the name of a file")
	}
	at(t, job, "id_tokens", strings.TrimPrefix(at(t, secret, "token"), "$"), "aud")
	// path/field@mount; without @mount it is kv-v2.
	where, mount, ok := strings.Cut(at(t, secret, "vault"), "@")
	if !ok {
		mount = "kv-v2"
	}
	slash := strings.LastIndex(where, "/")
	e.found(t, "secrets:vault", e.field("vault", mount+"/"+where[:slash], where[slash+1:]), "ci-training")
}

func TestJenkinsFindsTheKey(t *testing.T) {
	e := deliver(t, "jenkins", "keyrota.yaml")
	file := e.read(t, "Jenkinsfile")
	m := find(t, file, `withCredentials\(\[string\(credentialsId: '([^']+)', variable: '([^']+)'\)\]\)`)
	same(t, "the variable", m[1], config.KeyVariable)
	s := e.stores["aws"][m[0]]
	if s.tags["jenkins:credentials:type"] != "string" {
		t.Errorf("the plugin makes no Secret text of %s: its tags are %v", m[0], s.tags)
	}
	e.found(t, "the credential", s.text, "ci-training")
	hours := find(t, file, `timeout\(time: (\d+), unit: 'HOURS'\)`)[0]
	same(t, "the longest job", hours, strconv.Itoa(int(e.config.Accounts[0].LongestJob.Duration.Hours())))
}

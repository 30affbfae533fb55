package awssm_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

const (
	otherAccount = "210987654321"
	roleARN      = "arn:aws:iam::" + otherAccount + ":role/keyrota"
)

// One identity delivers to two Regions and two accounts, by the same name.
func TestRegionsAndAccounts(t *testing.T) {
	w := newWorld(t)
	must(t, w.AddRole(awstest.Role{ARN: roleARN, Trusts: []string{awstest.DefaultAccount}, ExternalID: "ours"}))
	d := dest("ci/wandb")
	places := map[*awstest.Console]awssm.Config{
		w.At(awstest.DefaultAccount, awstest.DefaultRegion): {},
		w.At(awstest.DefaultAccount, west):                  {Region: west},
		w.At(otherAccount, west):                            {Region: west, RoleARN: roleARN, ExternalID: "ours"},
	}
	identities := map[string]bool{}
	for console, c := range places {
		if _, there := console.Raw(d.Path); there {
			t.Error("it is there already")
		}
		s := w.open(t, c)
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
		wantRaw(t, console, d.Path, keyOne)
		if id := s.Identity(d); identities[id] || id != c.Identity(d.Path) {
			t.Errorf("identity %s is not one alone, or not that of the configuration: %s", id, c.Identity(d.Path))
		} else {
			identities[id] = true
		}
	}
}

func TestRoleThatCannotBeAssumed(t *testing.T) {
	w := newWorld(t)
	must(t, w.AddRole(awstest.Role{ARN: roleARN, ExternalID: "ours"}))
	_, err := w.open(t, awssm.Config{RoleARN: roleARN, ExternalID: "theirs"}).Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Denied, "no credentials: AccessDenied", "sts:AssumeRole", "external_id")
	s := w.open(t, awssm.Config{RoleARN: roleARN, ExternalID: "ours"})
	w.Inject(awstest.Fault{Operation: "AssumeRole", Error: &awstest.Error{Code: "InternalFailure"}})
	_, err = s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Transient, "no credentials: InternalFailure")
	w.Inject(awstest.Fault{Operation: "AssumeRole", Refuse: true})
	_, err = s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Transient, "no credentials")
	providertest.WantState(t, s, dest("ci/wandb"), rotation.StateAbsent)
}

func TestNoCredentials(t *testing.T) {
	w := newWorld(t)
	s, err := awssm.New(awssm.Config{Region: west, Endpoint: w.URL}, awssm.Options{})
	must(t, err)
	w.only(t, calls{}, func() {
		_, err := s.Look(t.Context(), dest("ci/wandb"))
		providertest.WantKind(t, err, providers.Denied, "no credentials", "AWS_PROFILE")
	})
}

func TestWrongCredentials(t *testing.T) {
	w := newWorld(t)
	wrong := w.User
	wrong.SecretAccessKey = "CANARY-wrong-0123456789-0123456789-0123456789"
	_, err := w.as(t, wrong, awssm.Config{}).Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Denied, "is the secret access key right")
	gone := w.AddUser(awstest.DefaultAccount, "gone")
	w.Revoke(gone)
	_, err = w.as(t, gone, awssm.Config{}).Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Denied, "renew the credentials")
}

// Credentials of a file that were replaced there are found without a restart.
func TestCredentialsReplacedInTheirFile(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "credentials")
	write := func(i awstest.Identity) {
		text := "[ours]\naws_access_key_id=" + i.AccessKeyID + "\naws_secret_access_key=" + i.SecretAccessKey + "\n"
		must(t, os.WriteFile(file, []byte(text), 0o600))
	}
	first, second := w.AddUser(awstest.DefaultAccount, "first"), w.AddUser(awstest.DefaultAccount, "second")
	write(first)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	s, err := awssm.New(awssm.Config{Region: west, Endpoint: w.URL, Profile: "ours"}, awssm.Options{})
	must(t, err)
	providertest.WantState(t, s, dest("ci/wandb"), rotation.StateAbsent)
	w.Revoke(first)
	write(second)
	_, err = s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Denied)
	providertest.WantState(t, s, dest("ci/wandb"), rotation.StateAbsent)
}

// What a credential process prints is credentials, and is not repeated.
func TestCredentialProcessThatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte("[profile ours]\ncredential_process = echo "+keyOne+"\n"), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)
	s, err := awssm.New(awssm.Config{Region: west, Profile: "ours", Endpoint: "http://127.0.0.1:1"}, awssm.Options{})
	must(t, err)
	_, err = s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Denied, "no credentials")
}

// The policy of the package's documentation is enough for a delivery and its
// healing, and for nothing outside.
func TestDocumentedPolicy(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	must(t, err)
	comment := strings.ReplaceAll(string(text), "//\t", "")
	policy := regexp.MustCompile(`(?s)\{"Version".*?\]\}\n`).FindString(comment)
	policy = strings.NewReplacer("REGION", awstest.DefaultRegion, "ACCOUNT", awstest.DefaultAccount).Replace(policy)
	w := newWorld(t)
	who := w.AddUser(awstest.DefaultAccount, "keyrota")
	must(t, w.SetPolicy(who, policy))
	s := w.as(t, who, awssm.Config{})
	for _, d := range []rotation.Destination{dest("ci/whole"), dest("ci/fields#KEY")} {
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
		providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
		must(t, w.Edit(d.Path, `{"KEY":"by hand"}`))
		providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 3))
		providertest.WantMarked(t, s, d, providertest.MarkOf("a", 3))
		if len(observe(t, s, d)) != 1 {
			t.Error("not observed")
		}
	}
	_, err = s.Look(t.Context(), dest("prod/wandb"))
	providertest.WantKind(t, err, providers.Denied)
}

package awssm_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// motoFails are the cases that moto, another emulator of AWS, makes fail, and
// what it does otherwise than AWS.
var motoFails = map[string]string{
	"denied":            "it checks neither signatures nor policies",
	"list,_denied":      "it checks neither signatures nor policies",
	"remove,_denied":    "it checks neither signatures nor policies",
	"last_read,_denied": "it checks neither signatures nor policies",
	"last_read":         "it does not keep the day of the last read",
}

// motoURL is where TestMoto tells the suite that moto is.
const motoURL = "KEYROTA_TEST_MOTO"

// TestMoto runs the conformance suite against moto, which knows AWS from its
// users, as awstest knows it from its documentation. The suite runs in a process
// of its own, so that a case may fail here.
func TestMoto(t *testing.T) {
	at := startMoto(t)
	self, err := os.Executable()
	must(t, err)
	suite := exec.CommandContext(t.Context(), self, "-test.run=^TestMotoSuite$", "-test.v")
	suite.Env = append(os.Environ(), motoURL+"="+at)
	out, err := suite.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	outcome := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ *--- (\w+): TestMotoSuite/(\S+)`).FindAllStringSubmatch(string(out), -1) {
		outcome[m[2]] = m[1]
	}
	if len(outcome) < 100 {
		t.Fatalf("the suite ran %d cases only:\n%s", len(outcome), out)
	}
	for name, result := range outcome {
		_, known := motoFails[name]
		part := func(other string) bool { return strings.HasPrefix(other, name+"/") && outcome[other] == "FAIL" }
		switch {
		case slices.ContainsFunc(slices.Collect(maps.Keys(outcome)), part):
		case result == "FAIL" && !known:
			t.Errorf("%s fails with moto, and nobody says why", name)
		case result != "FAIL" && known:
			t.Errorf("%s does not fail with moto: %s", name, result)
		}
	}
	for name := range motoFails {
		if outcome[name] == "" {
			t.Errorf("there is no case %s", name)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

func startMoto(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("no moto_server on the PATH")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	must(t, listener.Close())
	server := exec.Command(binary, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	must(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	at := fmt.Sprintf("http://127.0.0.1:%d", port)
	deadline, tick := time.Now().Add(time.Minute), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		answer, err := http.Get(at + "/moto-api/data.json")
		if err == nil {
			_ = answer.Body.Close()
			return at
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto_server does not answer: %v", err)
		}
		<-tick.C
	}
}

// TestMotoSuite is what TestMoto runs.
func TestMotoSuite(t *testing.T) {
	at := os.Getenv(motoURL)
	if at == "" {
		t.Skip("TestMoto runs this")
	}
	h := conformance()
	h.Open = func(t *testing.T) providertest.StoreService { return openMoto(t, at) }
	providertest.TestStore(t, h)
}

// moto is an AWS that is moto, and a person in its console. Before it is a
// proxy, which counts calls and loses answers.
type moto struct {
	*testing.T
	store *awssm.Store
	sdk   *secretsmanager.Client // around the proxy

	mu            sync.Mutex
	calls         map[string]int
	before, after map[string]func() error // by operation, once
}

func openMoto(t *testing.T, at string) *moto {
	t.Helper()
	answer, err := http.Post(at+"/moto-api/reset", "", nil)
	must(t, err)
	must(t, answer.Body.Close())
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAMOTO")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "moto checks none")
	m := &moto{T: t, calls: map[string]int{}, before: map[string]func() error{}, after: map[string]func() error{}}
	target, err := url.Parse(at)
	must(t, err)
	forward := httputil.NewSingleHostReverseProxy(target)
	m.store = m.open(serve(t, func(rw http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if m.take(m.before, operation)() != nil {
			panic(http.ErrAbortHandler)
		}
		m.mu.Lock()
		m.calls[operation]++
		m.mu.Unlock()
		answer := httptest.NewRecorder()
		forward.ServeHTTP(answer, r)
		if m.take(m.after, operation)() != nil {
			panic(http.ErrAbortHandler)
		}
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(answer.Body.Bytes())
	}))
	m.sdk = secretsmanager.New(secretsmanager.Options{
		Region: awstest.DefaultRegion, BaseEndpoint: &at, Credentials: credentials.NewStaticCredentialsProvider("AKIAPERSON", "none", ""),
	})
	return m
}

func (m *moto) open(endpoint string) *awssm.Store {
	c := awssm.Config{Region: awstest.DefaultRegion, Endpoint: endpoint}
	s, err := awssm.New(c, awssm.Options{Paces: unpaced(c)})
	must(m.T, err)
	return s
}

// take removes the hook of an operation.
func (m *moto) take(hooks map[string]func() error, operation string) func() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	hook, ok := hooks[operation]
	delete(hooks, operation)
	if !ok {
		return func() error { return nil }
	}
	return hook
}

func (m *moto) hook(hooks map[string]func() error, operation string, f func() error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	hooks[operation] = f
}

func (m *moto) Store() providers.SecretStore { return m.store }

func (m *moto) Destination(secret, field string) rotation.Destination {
	return rotation.Destination{Store: "aws", Path: secret, Field: field}
}

func (m *moto) Raw(t *testing.T, path string) (string, bool) {
	// Without the label, moto gives another version once AWSCURRENT was moved.
	out, err := m.sdk.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &path, VersionStage: aws.String("AWSCURRENT")})
	if err != nil {
		return "", false
	}
	return aws.ToString(out.SecretString), true
}

func (m *moto) describe(t *testing.T, path string) (*secretsmanager.DescribeSecretOutput, bool) {
	out, err := m.sdk.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &path})
	if none := (*types.ResourceNotFoundException)(nil); errors.As(err, &none) {
		return nil, false
	}
	must(t, err)
	return out, true
}

func (m *moto) Edit(t *testing.T, path, content string) {
	is, ok := m.describe(t, path)
	if !ok {
		_, err := m.sdk.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &path, SecretString: &content})
		must(t, err)
		return
	}
	if is.DeletedDate != nil {
		_, err := m.sdk.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &path})
		must(t, err)
	}
	// In two steps: a put that moves AWSCURRENT leaves it on two versions of
	// moto's, once it was moved without a put.
	put, err := m.sdk.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &path, SecretString: &content, VersionStages: []string{"BY_HAND"}})
	must(t, err)
	for id, labels := range is.VersionIdsToStages {
		if slices.Contains(labels, "AWSCURRENT") {
			_, err = m.sdk.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: &path, VersionStage: aws.String("AWSCURRENT"), RemoveFromVersionId: &id, MoveToVersionId: put.VersionId,
			})
			must(t, err)
		}
	}
}

func (m *moto) Unmark(t *testing.T, path string) {
	var keys []string
	for key := range m.Tags(t, path) {
		if providers.IsNoteKey(key) {
			keys = append(keys, key)
		}
	}
	_, err := m.sdk.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: &path, TagKeys: keys})
	must(t, err)
}

func (m *moto) Remove(t *testing.T, path string) {
	_, err := m.sdk.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &path, ForceDeleteWithoutRecovery: aws.Bool(true)})
	must(t, err)
}

func (m *moto) Delete(t *testing.T, path string) {
	_, err := m.sdk.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &path})
	must(t, err)
}

func (m *moto) Undo(t *testing.T, path string) {
	_, err := m.sdk.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &path})
	must(t, err)
}

// Denied is refused nothing: moto knows no wrong credentials.
func (m *moto) Denied(*testing.T) providers.SecretStore { return m.store }

func (m *moto) Unreachable(t *testing.T) providers.SecretStore {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return m.open("http://" + listener.Addr().String())
}

func (m *moto) Versions(t *testing.T, path string) int {
	out, err := m.sdk.ListSecretVersionIds(t.Context(), &secretsmanager.ListSecretVersionIdsInput{SecretId: &path, IncludeDeprecated: aws.Bool(true)})
	must(t, err)
	return len(out.Versions)
}

func (m *moto) LoseAnswer(*testing.T) {
	var once sync.Once
	lose := func() (err error) {
		once.Do(func() { err = errors.New("lost by the suite") })
		return err
	}
	m.hook(m.after, "CreateSecret", lose)
	m.hook(m.after, "PutSecretValue", lose)
}

func (m *moto) Tags(t *testing.T, path string) map[string]string {
	is, ok := m.describe(t, path)
	if !ok {
		return nil
	}
	all := map[string]string{}
	for _, tag := range is.Tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

func (m *moto) Description(t *testing.T, path string) string {
	is, ok := m.describe(t, path)
	if !ok {
		return ""
	}
	return aws.ToString(is.Description)
}

func (m *moto) Tag(t *testing.T, path, name, value string) {
	_, err := m.sdk.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &path, Tags: []types.Tag{{Key: &name, Value: &value}}})
	must(t, err)
}

func (m *moto) BeforeMark(_ *testing.T, f func() error) {
	m.hook(m.before, "UpdateSecretVersionStage", func() error {
		m.hook(m.before, "TagResource", f)
		return nil
	})
}

func (m *moto) Calls() providertest.StoreCalls {
	m.mu.Lock()
	defer m.mu.Unlock()
	return storeCalls(m.calls)
}

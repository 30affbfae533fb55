package awstest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// Fake secrets, which must not turn up where secrets may not be.
const (
	canary1 = "first-CANARY-0123456789-0123456789-0123456789"
	canary2 = "second-CANARY-0123456789-0123456789-0123456789"
	canary3 = "third-CANARY-0123456789-0123456789-0123456789"
)

// token is a ClientRequestToken that one can recognize.
func token(n string) string { return strings.Repeat("0", 32-len(n)) + n }

// start starts a server whose every exchange is checked against AWS's model.
func start(t testing.TB, o awstest.Options) *awstest.Server {
	t.Helper()
	dir, err := awstest.ModelDir(t.Context())
	switch {
	case err == nil:
		m, err := awstest.LoadModel(dir + "/api-2.json")
		if err != nil {
			t.Fatal(err)
		}
		check, also := m.Recorder(t), o.Observe
		o.Observe = func(e awstest.Exchange) {
			check(e)
			if also != nil {
				also(e)
			}
		}
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	}
	return awstest.Start(t, o)
}

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 9, 1, 10, 30, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// client is the SDK's client without its retries.
func client(s *awstest.Server, i awstest.Identity, region string) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(s.Config(i, region), func(o *secretsmanager.Options) { o.Retryer = aws.NopRetryer{} })
}

// code is the code of an error, "" for none, "transport" for one without an answer.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return "transport"
}

// params are the parameters of a raw call.
type params map[string]any

// caller makes raw calls, so that a test can send what no SDK would.
type caller struct {
	url    string
	who    awstest.Identity
	region string
}

func from(s *awstest.Server) caller {
	return caller{url: s.URL, who: s.User, region: awstest.DefaultRegion}
}

func (c caller) in(region string) caller {
	c.region = region
	return c
}

func (c caller) as(who awstest.Identity) caller {
	c.who = who
	return c
}

// try makes a call, and returns the answer or the code of the error.
func (c caller) try(t testing.TB, operation string, in any) (answer params, failure string) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "secretsmanager."+operation)
	sum := sha256.Sum256(body)
	credentials, _ := c.who.Retrieve(t.Context())
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, req, hex.EncodeToString(sum[:]), "secretsmanager", c.region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "transport"
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, "transport"
	}
	answer = params{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			return nil, "no JSON, " + resp.Status
		}
	}
	if resp.StatusCode != http.StatusOK {
		failure, _ = answer["__type"].(string)
		return answer, failure
	}
	return answer, ""
}

// call makes a call that has to succeed.
func (c caller) call(t testing.TB, operation string, in params) params {
	t.Helper()
	answer, failure := c.try(t, operation, in)
	if failure != "" {
		t.Fatalf("%s: %s: %v", operation, failure, answer["Message"])
	}
	return answer
}

// refused makes a call that has to fail with a code.
func (c caller) refused(t testing.TB, want, operation string, in params) {
	t.Helper()
	answer, failure := c.try(t, operation, in)
	if failure != want {
		t.Errorf("%s: got %q (%v), want %s", operation, failure, answer["Message"], want)
	}
}

// create makes a secret with a value.
func (c caller) create(t testing.TB, name, value string) params {
	t.Helper()
	return c.call(t, "CreateSecret", params{"Name": name, "SecretString": value, "ClientRequestToken": token("1")})
}

// put gives a secret another value, and a version that is called n.
func (c caller) put(t testing.TB, name, value, n string, stages ...string) params {
	t.Helper()
	in := params{"SecretId": name, "SecretString": value, "ClientRequestToken": token(n)}
	if stages != nil {
		in["VersionStages"] = stages
	}
	return c.call(t, "PutSecretValue", in)
}

// stages are the labels of the versions that have some, by the short names of the versions.
func (c caller) stages(t testing.TB, name string) map[string]string {
	t.Helper()
	all := map[string]string{}
	versions, _ := c.call(t, "DescribeSecret", params{"SecretId": name})["VersionIdsToStages"].(map[string]any)
	for id, labels := range versions {
		var some []string
		for _, label := range labels.([]any) {
			some = append(some, label.(string))
		}
		all[strings.TrimLeft(id, "0")] = strings.Join(some, " ")
	}
	return all
}

// value is the current value of a secret.
func (c caller) value(t testing.TB, name string) string {
	t.Helper()
	v, _ := c.call(t, "GetSecretValue", params{"SecretId": name})["SecretString"].(string)
	return v
}

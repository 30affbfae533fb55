package azurekv_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/providertest"
)

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answered(r *http.Request, status int, header http.Header, body string) *http.Response {
	return &http.Response{StatusCode: status, Request: r, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

// Whatever says who gives tokens, nothing falls over, and none is sent.
func TestChallengesThatAreNone(t *testing.T) {
	w := start(t)
	for _, challenge := range []string{
		"", "Bearer", "Basic realm=x", `Bearer authorization="login", resource="https://0.0.1"`,
		`Bearer authorization="https://login.example", resource="https://0.0.1"`, `Bearer authorization="//", scope="https://0.0.1"`,
		`Bearer authorBearer ization="https://x" resource="https://0.0.1"`,
		`Bearer authorization="https://login.example/t", resource="https://other.example"`,
		`Bearer authorization="https://login.example/t", resource="%zz"`,
	} {
		challenge = strings.ReplaceAll(challenge, "https://0.0.1", w.Resource)
		t.Run(challenge, func(t *testing.T) {
			client := w.Client()
			client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Header.Get("Authorization") != "" {
					t.Error("a token was sent")
				}
				return answered(r, http.StatusUnauthorized, http.Header{"Www-Authenticate": {challenge}}, ""), nil
			})
			s := w.open(t, azurekv.Config{URL: w.URL}, azurekv.Options{HTTPClient: client, Credential: w.Credential(w.Admin)})
			_, err := s.Look(t.Context(), dest("ci/wandb"))
			providertest.WantKind(t, err, providers.Denied, "url")
		})
	}
}

// A vault does not redirect: who does gets neither token nor value.
func TestRedirect(t *testing.T) {
	w := start(t)
	client := w.Client()
	inner := client.Transport
	var elsewhere atomic.Int32
	client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		switch {
		case r.URL.Host == "elsewhere.example":
			elsewhere.Add(1)
			return answered(r, http.StatusOK, http.Header{}, `{"value":[]}`), nil
		case r.Header.Get("Authorization") == "":
			return inner.RoundTrip(r)
		}
		return answered(r, http.StatusTemporaryRedirect, http.Header{"Location": {"https://elsewhere.example/" + keyOne}}, keyTwo), nil
	})
	s := w.open(t, azurekv.Config{URL: w.URL}, azurekv.Options{HTTPClient: client, Credential: w.Credential(w.Admin)})
	_, err := s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Transient, "307")
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// endless is a body without an end, which counts what is read of it.
type endless struct{ read *atomic.Int64 }

// Read fills p.
func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read.Add(int64(len(p)))
	return len(p), nil
}

// Whoever answers without an end, vault or authority, is not read without one.
func TestEndlessAnswers(t *testing.T) {
	w := start(t)
	w.asPod(t, w.Admin)
	for _, status := range []int{200, 403, 500} {
		for who, mine := range map[string]func(*http.Request) bool{
			"vault": func(r *http.Request) bool {
				return strings.HasPrefix(r.URL.Path, "/secrets/") && r.Header.Get("Authorization") != ""
			},
			"authority": func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/secrets/") },
		} {
			client := w.Client()
			inner := client.Transport
			var read atomic.Int64
			client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				if !mine(r) {
					return inner.RoundTrip(r)
				}
				read.Store(0)
				a := answered(r, status, http.Header{"Content-Type": {"application/json"}}, "")
				a.Body = io.NopCloser(endless{&read})
				return a, nil
			})
			s := w.open(t, azurekv.Config{URL: w.URL, Auth: azurekv.AuthWorkloadIdentity}, azurekv.Options{HTTPClient: client})
			_, err := s.Look(t.Context(), dest("ci/wandb"))
			if n := read.Load(); err == nil || n == 0 || n > 2*providers.AnswerMax {
				t.Errorf("%s, %d: %d MiB were read, error %v", who, status, n>>20, err)
			}
			if status == http.StatusOK && who == "vault" {
				providertest.WantKind(t, err, providers.Transient, "longer than 32 MiB")
			}
		}
	}
}

// A machine that slept while a token was fetched sends nothing when it wakes:
// the deadline is a time of day, and a timer that slept along does not know it.
func TestNothingAfterTheDeadlineOfASleeper(t *testing.T) {
	w := start(t)
	ctx := &sleeper{Context: t.Context()}
	s := w.open(t, azurekv.Config{URL: w.URL}, azurekv.Options{HTTPClient: w.Client(), Credential: waking{w.Credential(w.Admin), ctx}})
	_, err := s.Look(ctx, dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Transient, "deadline")
	if n := w.Calls()["ListVersions"]; n != 0 {
		t.Errorf("%d calls were sent", n)
	}
}

// sleeper is a context whose deadline has passed without its timer knowing.
type sleeper struct {
	context.Context
	slept atomic.Bool
}

// Deadline is soon, or a while ago.
func (s *sleeper) Deadline() (time.Time, bool) {
	if s.slept.Load() {
		return time.Now().Add(-time.Minute), true
	}
	return time.Now().Add(10 * time.Second), true
}

// waking takes long to give a token.
type waking struct {
	azcore.TokenCredential
	ctx *sleeper
}

// GetToken sleeps first.
func (w waking) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	w.ctx.slept.Store(true)
	return w.TokenCredential.GetToken(ctx, o)
}

// A vault cannot ask to be left alone for years.
func TestRetryAfterBeyondReason(t *testing.T) {
	w := start(t)
	client := w.Client()
	inner := client.Transport
	for _, after := range []string{"99999999999", "9223372036854775807", "Fri, 31 Dec 9999 23:59:59 GMT", "-5", "soon"} {
		client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Authorization") == "" {
				return inner.RoundTrip(r)
			}
			return answered(r, http.StatusTooManyRequests, http.Header{"Retry-After": {after}}, ""), nil
		})
		s := w.open(t, azurekv.Config{URL: w.URL}, azurekv.Options{HTTPClient: client, Credential: w.Credential(w.Admin)})
		_, err := s.Look(t.Context(), dest("ci/wandb"))
		providertest.WantKind(t, err, providers.Limited)
		if got := providers.RetryAfterOf(err); got < 0 || got > time.Hour {
			t.Errorf("%s is taken for %s", after, got)
		}
	}
}

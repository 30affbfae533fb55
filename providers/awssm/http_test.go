package awssm_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// before is a store before a server that is no AWS. Everything that AWS's SDK
// can ask is asked of it.
func before(t *testing.T, c awssm.Config, env map[string]string, answer http.HandlerFunc) *awssm.Store {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	t.Setenv("AWS_REGION", awstest.DefaultRegion)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	for name, value := range env {
		t.Setenv(name, strings.ReplaceAll(value, "SERVER", server.URL))
	}
	s, err := awssm.New(c, awssm.Options{Paces: unpaced(c)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ways are those to credentials that call a server.
func ways(t *testing.T) map[string]struct {
	config awssm.Config
	env    map[string]string
} {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("jwt.CANARY.0123456789-0123456789-0123456789-0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	static := map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "CANARY-secret-0123456789-0123456789-0123456789",
		"AWS_SESSION_TOKEN": "CANARY-session-0123456789-0123456789-0123456789",
	}
	const role = "arn:aws:iam::123456789012:role/keyrota"
	return map[string]struct {
		config awssm.Config
		env    map[string]string
	}{
		"static":       {awssm.Config{}, static},
		"role":         {awssm.Config{RoleARN: role}, static},
		"web identity": {awssm.Config{}, map[string]string{"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": token}},
		"container": {awssm.Config{}, map[string]string{
			"AWS_CONTAINER_CREDENTIALS_FULL_URI": "SERVER/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "CANARY-container-0123456789-0123456789",
		}},
	}
}

// AWS's client follows redirects of some kinds by itself, with the session
// token, a value, or the token of a web identity.
func TestRedirectsCarryNothing(t *testing.T) {
	for way, c := range ways(t) {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(way, func(t *testing.T) {
				var elsewhere atomic.Int32
				other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
				defer other.Close()
				s := before(t, c.config, c.env, func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+r.URL.Path, status)
				})
				d := dest("ci/wandb")
				_, look := s.Look(t.Context(), d)
				_, put := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), rotation.Holding{State: rotation.StateAbsent})
				_, read := s.Read(t.Context(), d, "")
				for op, err := range map[string]error{"look": look, "put": put, "read": read} {
					if err == nil || strings.Contains(err.Error(), "CANARY") {
						t.Errorf("%s: %v", op, err)
					}
				}
				if way == "static" {
					providertest.WantKind(t, look, providers.Transient)
				}
				if n := elsewhere.Load(); n > 0 {
					t.Errorf("%d: %d requests went along the redirect", status, n)
				}
			})
		}
	}
}

// A server that answers without an end is not read without one, whichever
// client of the SDK's it answers.
func TestEndlessAnswers(t *testing.T) {
	for way, c := range ways(t) {
		for _, status := range []int{200, 400, 500} {
			t.Run(way, func(t *testing.T) {
				var most atomic.Int64 // that one answer could send
				s := before(t, c.config, c.env, func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(status)
					_, _ = w.Write([]byte(`{"Name": "`))
					chunk := []byte(strings.Repeat("x", 64<<10))
					sent := int64(0)
					for err := error(nil); err == nil; sent += int64(len(chunk)) {
						_, err = w.Write(chunk)
						if sent > 8*providers.AnswerMax {
							break
						}
					}
					most.Store(max(most.Load(), sent))
				})
				_, err := s.Look(t.Context(), dest("ci/wandb"))
				if most := most.Load(); err == nil || most > 2*providers.AnswerMax {
					t.Errorf("%d: %d MiB of one answer were read, error %v", status, most>>20, err)
				}
				if way == "static" && status == http.StatusOK {
					providertest.WantKind(t, err, providers.Transient, "longer than 32 MiB")
				}
			})
		}
	}
}

// What answers at the address of a container's credentials is not repeated: it
// was sent a token.
func TestCredentialsEndpointIsNotRepeated(t *testing.T) {
	c := ways(t)["container"]
	s := before(t, c.config, c.env, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not with "+r.Header.Get("Authorization"), http.StatusForbidden)
	})
	_, err := s.Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Denied)
	if strings.Contains(err.Error(), "CANARY") {
		t.Error(err)
	}
}

// AWS_CA_BUNDLE still works with a client that follows no redirects.
func TestCABundle(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, text, 0o600); err != nil {
		t.Fatal(err)
	}
	static := ways(t)["static"].env
	static["AWS_ENDPOINT_URL"] = server.URL
	s := before(t, awssm.Config{}, static, http.NotFound)
	if _, err := s.Look(t.Context(), dest("ci/wandb")); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server of an unknown authority is trusted: %v", err)
	}
	static["AWS_CA_BUNDLE"] = bundle
	s = before(t, awssm.Config{}, static, http.NotFound)
	if _, err := s.Look(t.Context(), dest("ci/wandb")); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("its authority is not: %v", err)
	}
}

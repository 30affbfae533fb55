package vault_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/rotation"
)

// before is a store before a server that is no Vault.
func before(t *testing.T, answer http.HandlerFunc) *vault.Store {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	s, err := vault.New(vault.Config{Address: server.URL, Mount: "secret", Auth: vault.Auth{Token: "env:TOKEN"}}, vault.Options{
		Resolve: func(context.Context, string) (providers.Secret, error) {
			return providers.NewSecret("s.CANARY-token-0123456789-0123456789-0123456789"), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everyCall makes each kind of call there is and returns its errors.
func everyCall(t *testing.T, s *vault.Store) map[string]error {
	t.Helper()
	d, _ := rotation.ParseDestination("v:secret/ci/wandb#WANDB_API_KEY")
	_, look := s.Look(t.Context(), d)
	_, put := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), rotation.Holding{State: rotation.StateAbsent})
	_, read := s.Read(t.Context(), d, "")
	observe := s.Observe(t.Context(), []rotation.Destination{d}, func(rotation.Destination, rotation.Holding) error { return nil })
	return map[string]error{"look": look, "put": put, "read": read, "observe": observe}
}

// A standby may redirect to the active node. Neither the token nor a value goes
// where a server says that they should.
func TestRedirectsCarryNothing(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var elsewhere atomic.Int32
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		s := before(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+r.URL.Path, status)
		})
		for op, err := range everyCall(t, s) {
			providertest.WantKind(t, err, providers.Transient, "redirects to http://localhost:", "VAULT_ADDR")
			if elsewhere.Swap(0) > 0 {
				t.Errorf("%d: %s went along the redirect", status, op)
			}
		}
		other.Close()
	}
}

// net/http quotes an answer that it cannot read: it may be what was sent.
func TestAnswersThatAreNoHTTP(t *testing.T) {
	const echo = "CANARY-token-0123456789-0123456789-0123456789"
	for _, answer := range []string{echo + "\r\n\r\n", "HTTP/1.1 200 OK\r\n" + echo, "HTTP/1.1 " + echo + " OK\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: %zz" + echo + "\r\n\r\n"} {
		s := before(t, func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = c.Write([]byte(answer))
			_ = c.Close()
		})
		for op, err := range everyCall(t, s) {
			providertest.WantKind(t, err, providers.Transient)
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "CANARY") {
				t.Errorf("%s repeats it: %s", op, text)
			}
		}
	}
}

// A server that answers without an end is not read without one.
func TestEndlessAnswers(t *testing.T) {
	for _, status := range []int{200, 403, 500} {
		var most atomic.Int64 // that one answer could send
		s := before(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"data": {"data": {"WANDB_API_KEY": "`))
			chunk := []byte(strings.Repeat("x", 64<<10))
			sent := int64(0)
			for err := error(nil); err == nil; sent += int64(len(chunk)) {
				_, err = w.Write(chunk)
			}
			most.Store(max(most.Load(), sent))
		})
		d, _ := rotation.ParseDestination("v:secret/ci/wandb#WANDB_API_KEY")
		_, err := s.Look(t.Context(), d)
		if most := most.Load(); err == nil || most > 2*providers.AnswerMax {
			t.Errorf("%d: %d bytes of one answer were read, error %v", status, most, err)
		}
		if status == http.StatusOK {
			providertest.WantKind(t, err, providers.Transient, "longer than 32 MiB")
		}
	}
}

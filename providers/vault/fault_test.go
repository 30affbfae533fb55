package vault_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/rotation"
)

// TestAFaultBesideIsAnError: a panic in a goroutine of the store's would end the
// whole program, and is no complete observation.
func TestAFaultBesideIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/secret/metadata/ci" {
			_, _ = io.WriteString(w, `{"data":{"current_version":1,"versions":{"1":{"created_time":"2026-01-02T15:04:05Z"}}}}`)
			return
		}
		_, _ = io.WriteString(w, `{"data":{"path":"secret/","type":"kv","options":{"version":"2"},"keys":["ci"]}}`)
	}))
	t.Cleanup(server.Close)
	s, err := vault.New(vault.Config{Address: server.URL, Mount: "secret", Auth: vault.Auth{Token: "env:T"}}, vault.Options{
		Resolve: func(context.Context, string) (providers.Secret, error) { return providers.NewSecret("CANARY"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"observe": s.Observe(t.Context(), []rotation.Destination{{Store: "v", Path: "secret/ci"}}, func(rotation.Destination, rotation.Holding) error { panic("CANARY") }),
		"list":    s.List(t.Context(), "secret/", func(providers.Listed) error { panic("CANARY") }),
	} {
		var fault *providers.Fault
		var e *providers.Error
		if !errors.As(err, &fault) || !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

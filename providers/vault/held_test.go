package vault_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/rotation"
)

// TestHeldBackByTheServersWord: a server that asked to be left alone for longer
// than a caller has is not called, and the caller is told until when.
func TestHeldBackByTheServersWord(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	s, err := vault.New(vault.Config{Address: server.URL, Auth: vault.Auth{Token: "env:T"}}, vault.Options{
		Resolve: func(context.Context, string) (providers.Secret, error) { return providers.NewSecret("CANARY"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	look := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := s.Look(ctx, rotation.Destination{Store: "vault", Path: "secret/ci"})
		return err
	}
	if err := look(); providers.KindOf(err) != providers.Limited {
		t.Fatal(err)
	}
	before := calls
	err = look()
	if calls != before || providers.KindOf(err) != providers.Limited || !strings.Contains(err.Error(), "held back until ") {
		t.Errorf("%d calls more: %v", calls-before, err)
	}
	if after := providers.RetryAfterOf(err); after < time.Minute || after > 90*time.Second {
		t.Errorf("to come back after %s", after)
	}
}

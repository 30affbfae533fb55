package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/pace"
)

// microsoft is the stand-in for Azure Key Vault behind the road, with a token
// of its stand-in for Entra ID.
type microsoft struct {
	server *azuretest.Server
	vault  *azuretest.Vault
	dir    string
	ca     string
	login  []string

	mu       sync.Mutex
	metadata int // requests for Entra's own metadata, which the server does not count
}

func newAzure(_ context.Context, road *meter) (_ service, err error) {
	s := &microsoft{}
	wrap := func(h http.Handler) http.Handler { return road.before(s.counting(h)) }
	if s.server, err = azuretest.Launch(azuretest.Options{Wrap: wrap}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "keyrota-bench-azure-"); err != nil {
		return nil, err
	}
	if s.ca, err = s.server.CAFile(s.dir); err == nil {
		s.login, err = s.server.WorkloadIdentity(s.server.Admin, s.dir)
	}
	if err == nil {
		s.vault, err = s.server.NewVault("bench", azuretest.VaultOptions{})
	}
	return s, err
}

func (s *microsoft) counting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/.well-known/") {
			s.mu.Lock()
			s.metadata++
			s.mu.Unlock()
		}
		h.ServeHTTP(w, r)
	})
}

func (s *microsoft) name() string { return "azure" }

func (s *microsoft) block() string {
	return `{url: "` + s.vault.URL + `", auth: workload_identity, ca_file: "` + filepath.ToSlash(s.ca) + `"}`
}

func (s *microsoft) environment() []string { return s.login }

func (s *microsoft) destination(i int) string { return teamName(i) + "/" + accountName(i) }

func (s *microsoft) open(paces *pace.Paces) (providers.SecretStore, error) {
	return azurekv.New(azurekv.Config{URL: s.vault.URL, CAFile: s.ca},
		azurekv.Options{Paces: paces, Credential: s.server.Credential(s.server.Admin)})
}

func (s *microsoft) reset() {
	s.server.Reset()
	s.vault.SetLimits(azuretest.PublishedLimits())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metadata = 0
}

// traffic: 300 creations and 4,000 other calls in ten seconds.
func (s *microsoft) traffic() traffic {
	t := traffic{service: "azure", calls: s.server.Calls(), throttled: s.server.Throttled(), atOnce: 1}
	t.values = t.calls["GetSecret"]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.metadata > 0 {
		t.calls["Metadata"] = s.metadata
	}
	published, per := azuretest.PublishedLimits(), 10.0
	var others []string
	for _, kind := range t.kinds() {
		if kind != "SetSecret" {
			others = append(others, kind)
		}
	}
	t.quotas = []quota{{[]string{"SetSecret"}, float64(published.Creates) / per}, {others, float64(published.Others) / per}}
	return t
}

func (s *microsoft) read(i int) string {
	value, _ := s.vault.Raw(strings.ReplaceAll(s.destination(i), "/", "-"))
	return value
}

func (s *microsoft) close() {
	s.server.Close()
	_ = os.RemoveAll(s.dir)
}

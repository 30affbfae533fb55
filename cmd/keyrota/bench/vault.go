package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
)

// hashicorp is a real Vault behind the road.
type hashicorp struct {
	server *vaulttest.Server
	url    string
	stop   func()

	mu    sync.Mutex
	calls map[string]int
}

func newVault(ctx context.Context, road *meter) (service, error) {
	server, err := vaulttest.Launch() //nolint:contextcheck // the server outlives what starts it
	if errors.Is(err, vaulttest.ErrMissing) {
		return nil, errNoVault
	}
	if err != nil {
		return nil, err
	}
	s := &hashicorp{server: server, calls: map[string]int{}}
	target, err := url.Parse(server.Address)
	if err != nil {
		return nil, err
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 128}
	if s.url, s.stop, err = listen(ctx, road.before(s.counting(proxy))); err != nil {
		server.Stop()
		return nil, err
	}
	return s, nil
}

func (s *hashicorp) counting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := r.Method
		for _, what := range []string{"/metadata/", "/subkeys/", "/data/"} {
			if strings.Contains(r.URL.Path, what) {
				kind += " " + strings.Trim(what, "/")
				break
			}
		}
		s.mu.Lock()
		s.calls[kind]++
		s.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

func (s *hashicorp) name() string { return "vault" }

func (s *hashicorp) block() string { return `{address: "` + s.url + `"}` }

func (s *hashicorp) environment() []string { return []string{"VAULT_TOKEN=" + vaulttest.Root} }

func (s *hashicorp) secret(i int) string { return teamName(i) + "/" + accountName(i) }

func (s *hashicorp) destination(i int) string { return "secret/" + s.secret(i) + "#WANDB_API_KEY" }

func (s *hashicorp) open(paces *pace.Paces) (providers.SecretStore, error) {
	return vault.New(vault.Config{Address: s.url, Auth: vault.Auth{Token: "env:VAULT_TOKEN"}}, vault.Options{
		Paces: paces,
		Resolve: func(context.Context, string) (providers.Secret, error) {
			return providers.NewSecret(vaulttest.Root), nil
		},
	})
}

func (s *hashicorp) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = map[string]int{}
}

// traffic: Vault publishes no quotas; an operator may set some.
func (s *hashicorp) traffic() traffic {
	s.mu.Lock()
	defer s.mu.Unlock()
	const observers = 8 // package vault
	t := traffic{service: "vault", calls: map[string]int{}, atOnce: observers, values: s.calls["GET data"]}
	for kind, n := range s.calls {
		t.calls[kind] = n
	}
	return t
}

func (s *hashicorp) read(i int) string {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.server.Address+"/v1/secret/data/"+s.secret(i), nil)
	if err != nil {
		return ""
	}
	r.Header.Set("X-Vault-Token", vaulttest.Root)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	var body struct {
		Data struct {
			Data struct {
				Key string `json:"WANDB_API_KEY"`
			} `json:"data"`
		} `json:"data"`
	}
	_ = json.NewDecoder(answer.Body).Decode(&body) // what cannot be read is no key
	return body.Data.Data.Key
}

func (s *hashicorp) close() {
	s.stop()
	s.server.Stop()
}

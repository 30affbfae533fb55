package vault

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// place is a secret by its engine's mount and its name below it.
type place struct{ mount, name string }

func (p place) data() string     { return p.mount + "/data/" + p.name }
func (p place) metadata() string { return p.mount + "/metadata/" + p.name }
func (p place) subkeys() string  { return p.mount + "/subkeys/" + p.name }
func (p place) deletion() string { return p.mount + "/delete/" + p.name }

// mounts remembers the mounts that were found to be KV version 2. Mounts may
// contain slashes, and none lies inside another.
type mounts struct {
	mu    sync.Mutex
	known map[string]bool
}

func (m *mounts) find(path string) (place, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for mount := range m.known {
		if name, ok := strings.CutPrefix(path, mount+"/"); ok {
			return place{mount, name}, true
		}
	}
	return place{}, false
}

func (m *mounts) remember(mount string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[mount] = true
}

func (m *mounts) forget(mount string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, mount)
}

// locate finds which leading part of a path is the mount. It asks the server
// once for each mount, with a call that any token may make which has a policy
// below that mount (the one behind `vault kv`).
func (s *Store) locate(ctx context.Context, op string, d rotation.Destination) (place, error) {
	if p, ok := s.mounts.find(d.Path); ok {
		return p, nil
	}
	var a struct {
		Data struct {
			Path    string            `json:"path"`
			Type    string            `json:"type"`
			Options map[string]string `json:"options"`
		} `json:"data"`
	}
	err := s.call(ctx, request{method: http.MethodGet, path: "sys/internal/ui/mounts/" + d.Path}, &a)
	if configured := s.config.Mount; statusOf(err) == http.StatusForbidden && configured != "" {
		s.mounts.remember(configured)
		return place{configured, strings.TrimPrefix(d.Path, configured+"/")}, nil
	}
	if statusOf(err) == http.StatusForbidden {
		e := problem(op, d.String(), err)
		e.Err = fmt.Errorf("no secrets engine at the beginning of this path, or the token's policy has nothing below it")
		e.Hint = "a path begins with the engine's mount, such as secret/ci/wandb; `vault secrets list` shows the mounts"
		return place{}, e
	}
	if err != nil {
		return place{}, problem(op, d.String(), err)
	}
	mount := strings.Trim(a.Data.Path, "/")
	name, inside := strings.CutPrefix(d.Path, mount+"/")
	switch {
	case a.Data.Type != "kv" || !inside:
		return place{}, problemf(op, d.String(), providers.Invalid, "name a secret in a KV version 2 engine",
			"%s/ is a secrets engine of type %s", mount, a.Data.Type)
	case a.Data.Options["version"] != "2":
		return place{}, problemf(op, d.String(), providers.Invalid,
			"`vault kv enable-versioning "+mount+"/`, or another engine made with `vault secrets enable -version=2 -path=MOUNT kv`",
			"%s/ is a KV engine of version 1, which keeps neither versions nor marks, and cannot write on condition", mount)
	}
	s.mounts.remember(mount)
	return place{mount, name}, nil
}

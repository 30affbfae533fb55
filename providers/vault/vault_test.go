package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/rotation"
)

const (
	keyOne = "CANARY-one-0123456789-0123456789-0123456789"
	keyTwo = "CANARY-two-0123456789-0123456789-0123456789"
)

// shared is the server of the tests that need none of their own.
var shared = sync.OnceValues(func() (*vaulttest.Server, error) { return vaulttest.Launch() })

func TestMain(m *testing.M) {
	for _, name := range os.Environ() {
		if name, _, _ = strings.Cut(name, "="); strings.HasPrefix(name, "VAULT_") {
			_ = os.Unsetenv(name)
		}
	}
	code := m.Run()
	if server, err := shared(); err == nil {
		server.Stop()
	}
	os.Exit(code)
}

// world is an engine of its own on a real server, behind a proxy that counts.
type world struct {
	*vaulttest.Server
	proxy *vaulttest.Proxy
	mount string
	clock *clock
	refs  map[string]string // what stands behind references
}

type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }
func (w *world) put(ref, value string)   { w.refs[ref] = value }
func (w *world) dest(t string) rotation.Destination {
	d, ok := rotation.ParseDestination("v:" + w.mount + "/" + t)
	if !ok {
		panic(t)
	}
	return d
}

var mountNumber atomic.Int64

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := shared()
	if errors.Is(err, vaulttest.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	mount := fmt.Sprintf("kv/engine-%d", mountNumber.Add(1)) // a mount may contain slashes
	server.Mount(t, mount, 2)
	w := worldOn(t, server)
	w.mount = mount
	return w
}

func worldOn(t *testing.T, server *vaulttest.Server) *world {
	w := &world{Server: server, mount: "secret", clock: &clock{}, refs: map[string]string{"env:ROOT": vaulttest.Root}}
	w.proxy = vaulttest.NewProxy(t, server)
	return w
}

func (w *world) open(t *testing.T, c vault.Config) *vault.Store {
	t.Helper()
	if c.Address == "" {
		c.Address = w.proxy.URL
	}
	s, err := vault.New(c, vault.Options{Now: w.clock.Now, Resolve: func(_ context.Context, ref string) (providers.Secret, error) {
		value, ok := w.refs[ref]
		if !ok {
			return providers.Secret{}, errors.New("no such reference")
		}
		return providers.NewSecret(value), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// root is a store that may do all.
func (w *world) root(t *testing.T) *vault.Store {
	return w.open(t, vault.Config{Auth: vault.Auth{Token: "env:ROOT"}})
}

// as is a store whose token has just these rules, %s being the mount.
func (w *world) as(t *testing.T, rules string) *vault.Store {
	t.Helper()
	name := strings.ReplaceAll(t.Name()+w.mount, "/", "-")
	w.Policy(t, name, strings.ReplaceAll(rules, "%s", w.mount))
	w.put("env:LIMITED", w.NewToken(t, time.Hour, name))
	return w.open(t, vault.Config{Auth: vault.Auth{Token: "env:LIMITED"}})
}

// documented is the policy of the package's documentation.
const documented = `
path "%s/data/ci/*"     { capabilities = ["create", "update", "patch", "read"] }
path "%s/metadata/ci/*" { capabilities = ["create", "update", "patch", "read"] }
path "%s/subkeys/ci/*"  { capabilities = ["read"] }`

func wantCalls(t *testing.T, p *vaulttest.Proxy, want map[string]int) {
	t.Helper()
	if got := p.Calls(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("calls: %v\nwant:  %v", got, want)
	}
}

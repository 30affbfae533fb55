package vault_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/providers/vault"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/rotation"
)

func forbidden(kind string) vaulttest.Fault {
	return vaulttest.Fault{Kind: kind, Times: 99, Status: http.StatusForbidden, Body: `{"errors":["permission denied"]}`}
}

func notFound(kind, path string, times int) vaulttest.Fault {
	return vaulttest.Fault{Kind: kind, Path: path, Times: times, Status: http.StatusNotFound, Body: `{"errors":[]}`}
}

func capabilities(answer string) vaulttest.Fault {
	return vaulttest.Fault{Kind: "POST capabilities-self", Status: http.StatusOK, Body: answer}
}

// What the server answers, and what a caller makes of it. The bodies hold what
// must not be repeated.
func TestAnswers(t *testing.T) {
	w := newWorld(t)
	d := w.dest("ci/wandb#K")
	providertest.Put(t, w.root(t), d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	for _, c := range []struct {
		status int
		said   string
		header http.Header
		kind   providers.Kind
		after  time.Duration
		words  string
	}{
		{400, "cannot convert " + keyTwo, nil, providers.Invalid, 0, "400"},
		{400, "Upgrading from non-versioned to versioned data.", nil, providers.Transient, 0, "upgraded"},
		{403, "permission denied", nil, providers.Denied, 0, "policy needs"},
		{412, "required index state not present", nil, providers.Transient, time.Second, "412"},
		{413, keyTwo, nil, providers.Invalid, 0, "larger"},
		{429, "quota", http.Header{"Retry-After": {"7"}}, providers.Limited, 7 * time.Second, "429"},
		{429, "quota", nil, providers.Limited, 0, "429"},
		{472, "", nil, providers.Transient, 0, "standby"},
		{473, "", nil, providers.Transient, 0, "standby"},
		{500, "local node not active but active cluster node not found", nil, providers.Transient, 0, "standby"},
		{500, keyTwo, nil, providers.Transient, 0, "500"},
		{503, "Vault is sealed", nil, providers.Transient, 0, "sealed"},
		{503, "maintenance", http.Header{"Retry-After": {"30"}}, providers.Transient, 30 * time.Second, "503"},
	} {
		for _, body := range []string{fmt.Sprintf(`{"errors":[%q]}`, c.said), c.said + "<html>" + keyTwo} {
			if body[0] != '{' && c.said != keyTwo {
				continue
			}
			t.Run(fmt.Sprintf("%d %.20s", c.status, body), func(t *testing.T) {
				s := w.root(t) // one that no limit was told to yet
				seen := providertest.Look(t, s, d)
				for _, kind := range []string{"PATCH data", "POST data"} {
					w.proxy.Inject(vaulttest.Fault{Kind: kind, Status: c.status, Header: c.header, Body: body})
				}
				_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
				providertest.WantKind(t, err, c.kind, c.words)
				if got := providers.RetryAfterOf(err); got != c.after {
					t.Errorf("retry after %s, want %s", got, c.after)
				}
				w.proxy.Reset()
			})
		}
	}
}

func TestRealSealAndHeal(t *testing.T) {
	w := worldOn(t, vaulttest.Start(t))
	s, d := w.root(t), w.dest("ci/wandb#K")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Seal(t)
	_, err := s.Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Transient, "sealed", "unseal")
	w.Unseal(t)
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
}

func TestServerThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	t.Setenv("VAULT_TOKEN", keyOne)
	s, err := vault.New(vault.Config{Address: address}, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Look(t.Context(), rotation.Destination{Store: "v", Path: "secret/ci/wandb", Field: "K"})
	providertest.WantKind(t, err, providers.Transient, "connection refused", "v:secret/ci/wandb#K")
}

func TestTLS(t *testing.T) {
	server := vaulttest.Start(t, "-dev-tls")
	w := worldOn(t, server)
	root := vault.Auth{Token: "env:ROOT"}
	d := w.dest("ci/wandb#K")

	trusting := w.open(t, vault.Config{Address: server.Address, Auth: root, TLS: vault.TLS{CAFile: server.CAFile}})
	providertest.Put(t, trusting, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	if said := trusting.Warnings(); len(said) != 0 {
		t.Errorf("warned of %q", said)
	}

	_, err := w.open(t, vault.Config{Address: server.Address, Auth: root}).Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Transient, "certificate")

	_, err = w.open(t, vault.Config{Address: server.Address, Auth: root, TLS: vault.TLS{CAFile: server.CAFile, ServerName: "elsewhere.example"}}).Look(t.Context(), d)
	providertest.WantKind(t, err, providers.Transient, "elsewhere.example")

	insecure := w.open(t, vault.Config{Address: server.Address, Auth: root, TLS: vault.TLS{InsecureSkipVerify: true}})
	providertest.WantMarked(t, insecure, d, providertest.MarkOf("a", 1))
	if len(insecure.Warnings()) != 1 {
		t.Errorf("warned of %q", insecure.Warnings())
	}

	t.Setenv("VAULT_CACERT", server.CAFile)
	providertest.WantMarked(t, w.open(t, vault.Config{Address: server.Address, Auth: root}), d, providertest.MarkOf("a", 1))
	t.Setenv("VAULT_SKIP_VERIFY", "true")
	for _, c := range []vault.Config{{Address: server.Address}, {Address: server.Address, TLS: vault.TLS{CAFile: server.CAFile}}} {
		if _, err := vault.New(c, vault.Options{}); err == nil || !strings.Contains(err.Error(), "VAULT_SKIP_VERIFY is set") {
			t.Errorf("an environment turns the check off: %v", err)
		}
	}
	if s := w.open(t, vault.Config{Address: server.Address, Auth: root, TLS: vault.TLS{InsecureSkipVerify: true}}); len(s.Warnings()) != 1 {
		t.Errorf("warned of %q", s.Warnings())
	}
	w.open(t, vault.Config{Address: "http://127.0.0.1:8200", Auth: root}) // nothing is checked there
}

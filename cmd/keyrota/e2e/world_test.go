package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

const (
	team = "ml-platform"
	// adminKey is the credential that the program is given by its environment.
	adminKey = "admin-CANARYADMIN-0123456789-0123456789-0123456789"
)

// world is everything outside the program.
type world struct {
	*program
	platform *sandbox.Server
	direct   string // the platform's address for readers: no gate, no strike
	vault    *vaulttest.Server
	proxy    *vaulttest.Proxy // what the program's store "vault" goes through
	other    *vaulttest.Proxy // the same Vault as the store "other"
	gate     *gate            // before the platform
	strikes  *strikes
	noAdmin  bool    // the configuration names no admin key
	more     string  // further lines of the configuration
	ledger   string  // in the configuration
	prefix   string  // of this test's paths in Vault's engine "secret"
	people   *people // what they did to places; nil: nothing
}

var worlds atomic.Int64

// newWorld makes a world whose platform keeps keys in one of two ways. The
// configuration refers to it by variables: WANDB, VAULT, OTHER, PREFIX.
func newWorld(t *testing.T, keys sandbox.KeyStorage) *world {
	t.Helper()
	w := &world{vault: sharedVault(t), strikes: &strikes{}, ledger: "ledger.db", prefix: fmt.Sprintf("e2e-%d", worlds.Add(1))}
	var err error
	w.platform, err = sandbox.New(sandbox.Seed{
		Organization: "acme", Settings: sandbox.Settings{Keys: keys},
		Teams: []sandbox.Team{{Name: team}},
		People: []sandbox.Person{{
			Username: "admin", Admin: true, Teams: map[string]sandbox.Role{team: sandbox.RoleAdmin},
			Keys: []sandbox.Key{{Value: adminKey}},
		}},
	}, sandbox.Options{KeyMarker: "CANARY"})
	if err != nil {
		t.Fatal(err)
	}
	direct := httptest.NewServer(w.platform)
	t.Cleanup(direct.Close)
	w.direct = direct.URL
	w.gate = newGate(t, w.platform, w.strikes)
	w.proxy, w.other = vaulttest.NewProxy(t, w.vault), vaulttest.NewProxy(t, w.vault)
	vault := newGate(t, forward(t, w.proxy.URL), w.strikes)
	w.program = newProgram(t,
		"WANDB_ADMIN_KEY="+adminKey, "VAULT_TOKEN="+vaulttest.Root,
		"WANDB="+w.gate.URL, "VAULT="+vault.URL, "OTHER="+w.other.URL, "PREFIX=secret/"+w.prefix)
	return w
}

// forward passes requests on; a connection that breaks behind it breaks before
// it too.
func forward(t testing.TB, to string) http.Handler {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{}
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	return proxy
}

// configure writes the configuration: a head that is the same for all tests,
// with these defaults, and the accounts.
func (w *world) configure(defaults, accounts string) {
	w.t.Helper()
	admin := ", admin_key: env:WANDB_ADMIN_KEY"
	if w.noAdmin {
		admin = ""
	}
	w.write("keyrota.yaml", `
instance: e2e
ledger: `+w.ledger+`
max_rotations_per_day: 100%
listen: ${LISTEN:-off}
sweep_every: 1s
wandb: {url: "${WANDB}", organization: acme`+admin+`}
stores:
  vault: {address: "${VAULT}"}
  other: {type: vault, address: "${OTHER}"}
  files: {type: file, path: secrets}
defaults: {owner: ml@acme.example, write_deadline: 1s, `+defaults+`}
`+w.more+`
accounts:
`+strings.TrimLeft(accounts, "\n"))
}

// deliver has all accounts provisioned and delivered, in as many passes as a
// machine under load takes with its short deadlines.
func (w *world) deliver() {
	w.t.Helper()
	poll(w.t, endsWithin, "all to be delivered", func() bool { return w.try("sync").exitCode() == 0 })
}

// ledgerPath is where the ledger is.
func (w *world) ledgerPath() string {
	if filepath.IsAbs(w.ledger) {
		return w.ledger
	}
	return filepath.Join(w.dir, w.ledger)
}

// secret is one secret in Vault as a reader sees it: each field as the server
// writes it.
func (w *world) secret(name string) (map[string]json.RawMessage, error) {
	r, err := http.NewRequest(http.MethodGet, w.vault.Address+"/v1/secret/data/"+w.prefix+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Vault-Token", vaulttest.Root)
	status, body, err := send(r)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, nil
	case status != http.StatusOK:
		return nil, fmt.Errorf("reading %s from Vault: status %d", name, status)
	}
	var answer struct {
		Data struct{ Data map[string]json.RawMessage }
	}
	err = json.Unmarshal(body, &answer)
	return answer.Data.Data, err
}

// put writes a secret as anybody but the program would.
func (w *world) put(name string, data map[string]any) {
	w.t.Helper()
	w.vault.Write(w.t, "secret", w.prefix+"/"+name, data)
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 30 * time.Second}

func send(r *http.Request) (int, []byte, error) {
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// works logs a run with a key, as a job does that has read it from a store and is
// over then, and says whether the platform accepted the key.
func (w *world) works(key, run string) (bool, error) {
	body, err := json.Marshal(map[string]any{
		"query":     `mutation($run: String!, $team: String!) { upsertBucket(input: {entityName: $team, modelName: "eval", name: $run, state: "finished"}) { inserted } }`,
		"variables": map[string]string{"run": run, "team": team},
	})
	if err != nil {
		return false, err
	}
	r, err := http.NewRequest(http.MethodPost, w.direct+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		return false, err
	}
	r.SetBasicAuth("api", key)
	r.Header.Set("Content-Type", "application/json")
	status, answer, err := send(r)
	var said struct{ Errors []struct{ Message string } }
	switch {
	case err != nil:
		return false, err
	case status == http.StatusUnauthorized:
		return false, nil
	case status != http.StatusOK:
		return false, fmt.Errorf("logging a run: status %d", status)
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return false, fmt.Errorf("logging a run: %w", err)
	}
	if len(said.Errors) > 0 {
		return false, fmt.Errorf("logging a run: %v", said.Errors)
	}
	return true, nil
}

// live is the ids of an account's keys at the platform.
func (w *world) live(account string) []string {
	var ids []string
	for _, k := range w.platform.Keys(account) {
		ids = append(ids, k.ID)
	}
	return ids
}

// field reads the key out of one field of a secret.
func field(name string) func(map[string]json.RawMessage) string {
	return func(fields map[string]json.RawMessage) string {
		var text string
		_ = json.Unmarshal(fields[name], &text) // no string: no key
		return text
	}
}

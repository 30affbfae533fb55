package e2e

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestProxiesAreHonoured: whatever the program calls, it calls through the
// proxy of its environment, and directly what NO_PROXY names.
func TestProxiesAreHonoured(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]bool{}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.Method+" "+r.Host] = true
		http.Error(w, "nobody goes out", http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	p := newProgram(t,
		"HTTPS_PROXY="+proxy.URL, "NO_PROXY=direct.test", "KEY="+adminKey,
		"VAULT_TOKEN=t", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=s", "AWS_EC2_METADATA_DISABLED=true",
		"AZURE_TENANT_ID=00000000-0000-0000-0000-000000000000", "AZURE_CLIENT_ID=00000000-0000-0000-0000-000000000001", "AZURE_CLIENT_SECRET=s",
	)
	p.write("keyrota.yaml", `
instance: e2e
ledger: ledger.db
wandb: {url: "https://wandb.test", organization: acme, admin_key: env:KEY}
stores:
  vault: {address: "https://vault.test:8200"}
  direct: {type: vault, address: "https://direct.test:8200"}
  aws: {region: eu-west-1, endpoint: "https://aws.test"}
  sts: {type: aws, region: eu-west-1, role_arn: "arn:aws:iam::123456789012:role/keyrota"}
  azure: {url: "https://acme.vault.azure.net", auth: environment}
events:
  - {webhook: "https://siem.test/in"}
defaults: {owner: ml@acme.example}
accounts:
  - name: nightly-eval
    team: ml
    purpose: evaluation
    deliver: ["vault:secret/a#K", "direct:secret/a#K", "aws:a", "sts:b", "azure:a"]
`)
	r := p.try("sync")
	if r.exitCode() == 0 {
		t.Errorf("it worked:\n%s", r.text())
	}
	mu.Lock()
	defer mu.Unlock()
	for _, host := range []string{"wandb.test:443", "vault.test:8200", "aws.test:443", "sts.eu-west-1.amazonaws.com:443", "acme.vault.azure.net:443", "siem.test:443"} {
		if !asked["CONNECT "+host] {
			t.Errorf("%s was not asked for; the proxy was asked for %q", host, slices.Sorted(maps.Keys(asked)))
		}
	}
	for host := range asked {
		if strings.Contains(host, "direct.test") {
			t.Errorf("the proxy was asked for %s", host)
		}
	}
}

package azurekv

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/keyrota/keyrota/providers/pace"
)

const provider = "azure"

// Description is what the store says of itself, for listings of stores.
const Description = "Azure Key Vault: secrets, with marks as tags of each version"

// The ways to sign in.
const (
	AuthDefault          = "default"           // the first that works, as Azure's tools do
	AuthWorkloadIdentity = "workload_identity" // a Kubernetes service account
	AuthManagedIdentity  = "managed_identity"  // of a machine, an App Service, ...
	AuthEnvironment      = "environment"       // AZURE_CLIENT_ID and its companions
	AuthCLI              = "cli"               // whoever `az login` signed in
)

// Config is the block of one store of type azure.
type Config struct {
	// URL is the vault's, such as https://team-ml.vault.azure.net.
	URL string `yaml:"url" keyrota:"required"`
	// Cloud is public, china or government; if empty it follows from the URL, or
	// from AZURE_AUTHORITY_HOST.
	Cloud string `yaml:"cloud"`
	// Tenant is the directory to sign in to; AZURE_TENANT_ID if empty.
	Tenant string `yaml:"tenant"`
	// ClientID is the application or the user-assigned identity to sign in as;
	// AZURE_CLIENT_ID if empty.
	ClientID string `yaml:"client_id"`
	// Auth is how to sign in: default, workload_identity, managed_identity,
	// environment or cli. Empty is default: Azure's own chain, which tries them
	// in this order.
	Auth string `yaml:"auth"`
	// CAFile holds further certificate authorities to trust, as PEM: for a
	// private endpoint behind a proxy of one's own.
	CAFile string `yaml:"ca_file" keyrota:"path"`
}

// Options is what a Store is given besides its configuration.
type Options struct {
	// Paces holds the calls to what a vault allows, together with other stores
	// of the same vault; a Pace of its own if nil.
	Paces *pace.Paces
	// HTTPClient replaces the client that CAFile and the environment would make.
	HTTPClient *http.Client
	// Credential replaces the one that Auth would make.
	Credential azcore.TokenCredential
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// sovereign is one of Azure's clouds by the end of its vaults' names.
// https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
type sovereign struct{ name, suffix string }

func sovereigns() []sovereign {
	return []sovereign{
		{"public", ".vault.azure.net"}, {"china", ".vault.azure.cn"}, {"government", ".vault.usgovcloudapi.net"},
	}
}

// cloudOf returns the cloud that a vault's host belongs to, "" if none.
func cloudOf(host string) string {
	for _, s := range sovereigns() {
		if name, ok := strings.CutSuffix(strings.ToLower(host), s.suffix); ok && name != "" {
			return s.name
		}
	}
	return ""
}

// Check reports all that is wrong with c: where, what, and what to write instead.
func (c Config) Check(report func(path, message, hint string)) {
	host, problem := c.host()
	if problem != "" {
		report("url", problem, "write https://NAME.vault.azure.net, as the vault's overview shows it")
	}
	known := []string{""}
	for _, s := range sovereigns() {
		known = append(known, s.name)
	}
	if !slices.Contains(known, c.Cloud) {
		report("cloud", "is not one of Azure's clouds", "write "+strings.Join(known[1:], ", ")+", or leave it out")
	} else if by := cloudOf(host); c.Cloud != "" && by != "" && by != c.Cloud {
		report("cloud", "the vault's URL is of the cloud "+by, "leave cloud out: it follows from the URL")
	}
	ways := []string{AuthDefault, AuthWorkloadIdentity, AuthManagedIdentity, AuthEnvironment, AuthCLI}
	if c.Auth != "" && !slices.Contains(ways, c.Auth) {
		report("auth", "is not a way to sign in", "write one of "+strings.Join(ways, ", "))
	}
	if c.ClientID != "" && c.Auth != AuthWorkloadIdentity && c.Auth != AuthManagedIdentity {
		report("client_id", "only "+AuthWorkloadIdentity+" and "+AuthManagedIdentity+" take one",
			"write auth: "+AuthManagedIdentity+" beside it, or set AZURE_CLIENT_ID in the environment")
	}
	if c.Tenant != "" && (c.Auth == AuthManagedIdentity || c.Auth == AuthEnvironment) {
		report("tenant", "auth: "+c.Auth+" does not take one", "leave it out")
	}
}

// host returns the URL's host and port, or what is wrong with the URL.
func (c Config) host() (host, problem string) {
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return "", "is missing"
	case err != nil || u.Host == "" || u.Opaque != "":
		return "", "is not the URL of a vault"
	case u.Scheme != "https":
		return "", "does not begin with https://"
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", "has more than the vault's host"
	}
	return strings.ToLower(u.Host), ""
}

// Identity returns what tells physical secrets apart, of a path in a store of
// this configuration: the vault's host and the secret's name, in lower case. It
// asks nobody.
func (c Config) Identity(path string) string {
	host, problem := c.host()
	if problem != "" {
		host = c.URL
	}
	name, _ := nameOf(path)
	return "azure://" + strings.TrimSuffix(host, ":443") + "/" + strings.ToLower(name)
}

// Override reports whether a destination may replace a setting of its store. A
// vault has none that it may.
func (c *Config) Override(_, _ string) bool { return false }

// Warnings says what of the configuration a person should know at every start.
func (c Config) Warnings() []string {
	host, problem := c.host()
	if problem != "" || cloudOf(hostname(host)) != "" || loopback(hostname(host)) {
		return nil
	}
	return []string{fmt.Sprintf("%s is not a name of Azure's: whoever answers there gets the keys", host)}
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

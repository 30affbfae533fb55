package vault

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/keyrota/keyrota/providers"
)

// client makes Vault's own client of the configuration and the environment. It
// never tries again by itself: the caller of a provider does.
func (c Config) client(o Options) (client *api.Client, insecure bool, err error) {
	conf := api.DefaultConfig()
	if conf.Error != nil {
		return nil, false, fmt.Errorf("the VAULT_* environment: %w", conf.Error)
	}
	if c.Address != "" {
		conf.Address, conf.AgentAddress = c.Address, ""
	}
	if c.TLS != (TLS{}) {
		if err := conf.ConfigureTLS(&api.TLSConfig{
			CACert: c.TLS.CAFile, ClientCert: c.TLS.CertFile, ClientKey: c.TLS.KeyFile,
			TLSServerName: c.TLS.ServerName, Insecure: c.TLS.InsecureSkipVerify,
		}); err != nil {
			return nil, false, fmt.Errorf("tls: %w", err)
		}
	}
	insecure = conf.TLSConfig().InsecureSkipVerify
	if o.HTTPClient != nil {
		conf.HttpClient = o.HTTPClient
		insecure = false
	}
	conf.MaxRetries = 0
	conf.DisableRedirects = true // the token would go along: see failure.redirected
	// Vault Enterprise: a node that has not seen our last write says 412
	// instead of answering from before it.
	conf.ReadYourWrites = true
	client, err = api.NewClient(conf)
	if err != nil {
		return nil, false, err
	}
	// Only now: until here the client wants a transport of net/http. It would
	// read an error's body whole, however long it is.
	bounded := *conf.HttpClient
	bounded.Transport, bounded.CheckRedirect = providers.Bounded{RoundTripper: bounded.Transport}, providers.NoRedirect
	conf.HttpClient = &bounded
	client.ClearToken() // every request bears the session's
	if c.Namespace != "" {
		client.SetNamespace(c.Namespace)
	}
	if !isAddress(client.Address()) {
		return nil, false, fmt.Errorf("VAULT_ADDR or VAULT_AGENT_ADDR is not the URL of a server: write https://HOST:8200")
	}
	if insecure && !c.TLS.InsecureSkipVerify && strings.HasPrefix(client.Address(), "https:") {
		// Nobody reviews an environment.
		return nil, false, fmt.Errorf("%s is set, so that whoever answers would get the keys: unset it and trust the server's authority with tls.ca_file "+
			"or VAULT_CACERT, or write tls: {insecure_skip_verify: true} if nothing else is possible", api.EnvVaultSkipVerify)
	}
	return client, insecure, nil
}

// warnings says what of the connection a person should not be silent about.
func warnings(address string, insecure bool) []string {
	var all []string
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	if insecure {
		all = append(all, fmt.Sprintf("the certificate of %s is not checked (insecure_skip_verify): whoever answers gets the keys", u.Host))
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		all = append(all, fmt.Sprintf("%s is reached without TLS: whoever listens in gets the keys", u.Host))
	}
	return all
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Identity returns what tells physical secrets apart, of a path in a store of
// this configuration: see Store.Identity. It asks nobody.
func (c Config) Identity(path string) string {
	address := cmp.Or(c.Address, os.Getenv(api.EnvVaultAgentAddr), os.Getenv(api.EnvVaultAddress), api.DefaultAddress)
	return identity(address, cmp.Or(c.Namespace, os.Getenv(api.EnvVaultNamespace)), path)
}

// identity is address, namespace and path. Vault takes a namespace as a prefix
// of the path as well, so the two are joined.
func identity(address, namespace, path string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		port := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
		address = strings.ToLower(u.Hostname()) + ":" + port + strings.TrimRight(u.Path, "/")
	}
	path = strings.Trim(path, "/")
	if namespace = strings.Trim(namespace, "/"); namespace != "" {
		path = namespace + "/" + path
	}
	return "vault://" + address + "/" + path
}

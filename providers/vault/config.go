package vault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/keyrota/keyrota/providers"
)

// Config is the block of one store of type vault. Its zero value is complete:
// address, login and TLS then come from the environment variables of Vault's
// own client (VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE, VAULT_CACERT, ...),
// which also fill in whatever else is left out here.
type Config struct {
	// Address of the server; VAULT_ADDR if empty.
	Address string `yaml:"address,omitempty" json:"address,omitempty" jsonschema:"description=address of the server; default: VAULT_ADDR"`
	// Namespace of Vault Enterprise or OpenBao; VAULT_NAMESPACE if empty.
	Namespace string `yaml:"namespace,omitempty" json:"namespace,omitempty" jsonschema:"description=namespace (Vault Enterprise and OpenBao); default: VAULT_NAMESPACE"`
	// Mount is where the KV version 2 engine is mounted, for a token that may
	// not ask the server. Every path begins with it.
	Mount string `yaml:"mount,omitempty" json:"mount,omitempty" jsonschema:"description=mount of the KV version 2 engine\\, where the token may not ask for it; paths still begin with it"`
	Auth  Auth   `yaml:"auth,omitempty" json:"auth,omitempty" jsonschema:"description=how to log in; default: the token in VAULT_TOKEN"`
	TLS   TLS    `yaml:"tls,omitempty" json:"tls,omitempty"`
}

// Auth says how to log in: with at most one of its members. Without any, the
// token in VAULT_TOKEN is used.
type Auth struct {
	// Token is a reference to a token, such as "file:/run/vault/token". It is
	// read again when the token has ended.
	Token      string      `yaml:"token,omitempty" json:"token,omitempty" jsonschema:"description=reference to a token: env: file: or store:"`
	AppRole    *AppRole    `yaml:"approle,omitempty" json:"approle,omitempty"`
	Kubernetes *Kubernetes `yaml:"kubernetes,omitempty" json:"kubernetes,omitempty"`
	JWT        *JWT        `yaml:"jwt,omitempty" json:"jwt,omitempty"`
}

// AppRole logs in with a role and a secret id.
type AppRole struct {
	RoleID string `yaml:"role_id" json:"role_id" jsonschema:"required"`
	// SecretID is a reference. It may be left out for a role that needs none.
	SecretID string `yaml:"secret_id,omitempty" json:"secret_id,omitempty" jsonschema:"description=reference to the secret id: env: file: or store:"`
	// Wrapped says that SecretID leads to a response-wrapping token, which
	// gives the secret id once.
	Wrapped bool   `yaml:"wrapped,omitempty" json:"wrapped,omitempty" jsonschema:"description=secret_id leads to a response-wrapping token that gives the secret id once"`
	Mount   string `yaml:"mount,omitempty" json:"mount,omitempty" jsonschema:"default=approle"`
}

// Kubernetes logs in with the pod's service account token, which is read from
// its file at every login, since Kubernetes replaces it.
type Kubernetes struct {
	Role      string `yaml:"role" json:"role" jsonschema:"required"`
	Mount     string `yaml:"mount,omitempty" json:"mount,omitempty" jsonschema:"default=kubernetes"`
	TokenPath string `yaml:"token_path,omitempty" json:"token_path,omitempty" jsonschema:"description=file of the service account token,default=/var/run/secrets/kubernetes.io/serviceaccount/token"`
}

// JWT logs in with a token of an identity provider, read at every login.
type JWT struct {
	// Role may be left out where the mount has a default role.
	Role  string `yaml:"role,omitempty" json:"role,omitempty"`
	Token string `yaml:"token" json:"token" jsonschema:"required,description=reference to the JWT: env: file: or store:"`
	Mount string `yaml:"mount,omitempty" json:"mount,omitempty" jsonschema:"default=jwt"`
}

// TLS says whom to trust and who we are. Files are PEM.
type TLS struct {
	CAFile     string `yaml:"ca_file,omitempty" json:"ca_file,omitempty" jsonschema:"description=certificates to trust; default: VAULT_CACERT or the system's"`
	CertFile   string `yaml:"cert_file,omitempty" json:"cert_file,omitempty" jsonschema:"description=client certificate"`
	KeyFile    string `yaml:"key_file,omitempty" json:"key_file,omitempty" jsonschema:"description=key of the client certificate"`
	ServerName string `yaml:"server_name,omitempty" json:"server_name,omitempty" jsonschema:"description=name to expect in the server's certificate"`
	// InsecureSkipVerify trusts whoever answers. Store.Warnings says so.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify,omitempty" json:"insecure_skip_verify,omitempty" jsonschema:"description=trust whoever answers; warned about at every start"`
}

// Options is what a Store is given besides its configuration.
type Options struct {
	// Resolve gives the value behind a reference. It is called at every login.
	// Required if the configuration holds a reference.
	Resolve func(ctx context.Context, ref string) (providers.Secret, error)
	// HTTPClient replaces the client that the TLS settings and the environment
	// would make.
	HTTPClient *http.Client
	// Now is the clock by which tokens are renewed; time.Now if nil.
	Now func() time.Time
}

const (
	defaultTokenPath = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	defaultTimeout   = 60 * time.Second
)

// complete returns c with its defaults, or all that is wrong with it.
func (c Config) complete(o Options) (Config, error) {
	var wrong []error
	bad := func(format string, a ...any) { wrong = append(wrong, fmt.Errorf(format, a...)) }

	ways, referenced := 0, false
	if c.Auth.Token != "" {
		ways, referenced = ways+1, true
	}
	if a := c.Auth.AppRole; a != nil {
		ways++
		referenced = referenced || a.SecretID != ""
		copied := *a
		if copied.RoleID == "" {
			bad("auth.approle.role_id is missing: write the id that `vault read auth/approle/role/ROLE/role-id` shows")
		}
		if copied.Wrapped && copied.SecretID == "" {
			bad("auth.approle.wrapped needs secret_id: write a reference to the wrapping token, such as file:/run/keyrota/wrapped")
		}
		copied.Mount = mountOr(copied.Mount, "approle")
		c.Auth.AppRole = &copied
	}
	if a := c.Auth.Kubernetes; a != nil {
		ways++
		copied := *a
		if copied.Role == "" {
			bad("auth.kubernetes.role is missing: write the role that was made under auth/kubernetes/role/")
		}
		copied.Mount = mountOr(copied.Mount, "kubernetes")
		if copied.TokenPath == "" {
			copied.TokenPath = defaultTokenPath
		}
		c.Auth.Kubernetes = &copied
	}
	if a := c.Auth.JWT; a != nil {
		ways, referenced = ways+1, true
		copied := *a
		if copied.Token == "" {
			bad("auth.jwt.token is missing: write a reference to the JWT, such as file:/run/keyrota/jwt or env:VAULT_ID_TOKEN")
		}
		copied.Mount = mountOr(copied.Mount, "jwt")
		c.Auth.JWT = &copied
	}
	if ways > 1 {
		bad("auth names several ways to log in: keep one of token, approle, kubernetes, jwt")
	}
	if referenced && o.Resolve == nil {
		bad("auth holds a reference, and nothing here can resolve one")
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		bad("tls.cert_file and tls.key_file belong together: write both or none")
	}
	c.Mount = strings.Trim(c.Mount, "/")
	c.Namespace = strings.Trim(c.Namespace, "/")
	return c, errors.Join(wrong...)
}

func mountOr(mount, otherwise string) string {
	if mount = strings.Trim(mount, "/"); mount == "" {
		return otherwise
	}
	return mount
}

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
	// Vault Enterprise: a node that has not seen our last write says 412
	// instead of answering from before it.
	conf.ReadYourWrites = true
	client, err = api.NewClient(conf)
	if err != nil {
		return nil, false, err
	}
	client.ClearToken() // every request bears the session's
	if c.Namespace != "" {
		client.SetNamespace(c.Namespace)
	}
	address, err := url.Parse(client.Address())
	if err != nil || address.Host == "" && address.Scheme != "unix" {
		return nil, false, fmt.Errorf("address %q is no URL: write https://HOST:8200", client.Address())
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
		all = append(all, fmt.Sprintf("the certificate of %s is not checked (insecure_skip_verify or VAULT_SKIP_VERIFY): whoever answers gets the keys", u.Host))
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

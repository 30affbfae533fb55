package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
)

// Config is the block of one store of type vault. Its zero value is complete:
// address, login and TLS then come from the environment variables of Vault's
// own client (VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE, VAULT_CACERT, ...),
// which also fill in whatever else is left out here.
type Config struct {
	Address   string `yaml:"address"`   // of the server; VAULT_ADDR if empty
	Namespace string `yaml:"namespace"` // of Vault Enterprise or OpenBao; VAULT_NAMESPACE if empty
	// Mount is where the KV version 2 engine is mounted, for a token that may
	// not ask the server. Every path begins with it.
	Mount string `yaml:"mount"`
	Auth  Auth   `yaml:"auth"`
	TLS   TLS    `yaml:"tls"`
}

// Auth says how to log in: with at most one of its members. Without any, the
// token in VAULT_TOKEN is used.
type Auth struct {
	// Token is a reference to a token, such as "file:/run/vault/token". It is
	// read again when the token has ended.
	Token      string      `yaml:"token" keyrota:"reference"`
	AppRole    *AppRole    `yaml:"approle"`
	Kubernetes *Kubernetes `yaml:"kubernetes"`
	JWT        *JWT        `yaml:"jwt"`
}

// AppRole logs in with a role and a secret id.
type AppRole struct {
	RoleID string `yaml:"role_id" keyrota:"required"`
	// SecretID is a reference. It may be left out for a role that needs none.
	SecretID string `yaml:"secret_id" keyrota:"reference"`
	// Wrapped says that SecretID leads to a response-wrapping token, which
	// gives the secret id once.
	Wrapped bool   `yaml:"wrapped"`
	Mount   string `yaml:"mount"` // "approle" if empty
}

// Kubernetes logs in with the pod's service account token, which is read from
// its file at every login, since Kubernetes replaces it.
type Kubernetes struct {
	Role  string `yaml:"role" keyrota:"required"`
	Mount string `yaml:"mount"` // "kubernetes" if empty
	// TokenPath is where Kubernetes puts the token of a pod, if empty.
	TokenPath string `yaml:"token_path" keyrota:"path"`
}

// JWT logs in with a token of an identity provider, read at every login.
type JWT struct {
	Role  string `yaml:"role"` // may be left out where the mount has a default role
	Token string `yaml:"token" keyrota:"required,reference"`
	Mount string `yaml:"mount"` // "jwt" if empty
}

// TLS says whom to trust and who we are. Files are PEM.
type TLS struct {
	CAFile     string `yaml:"ca_file" keyrota:"path"`   // VAULT_CACERT, or the system's, if empty
	CertFile   string `yaml:"cert_file" keyrota:"path"` // client certificate
	KeyFile    string `yaml:"key_file" keyrota:"path"`  // its key
	ServerName string `yaml:"server_name"`              // expected in the server's certificate
	// InsecureSkipVerify trusts whoever answers. Store.Warnings says so.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
}

// Options is what a Store is given besides its configuration.
type Options struct {
	// Resolve gives the value behind a reference. It is called at every login.
	// Required if the configuration holds a reference.
	Resolve func(ctx context.Context, ref string) (providers.Secret, error)
	// HTTPClient replaces the client that the TLS settings and the environment
	// would make.
	HTTPClient *http.Client
	// Paces are the paces that stores share: those before one server hold their
	// calls back together where it says that there are too many. Nil: the store
	// has its own.
	Paces *pace.Paces
	// Now is the clock by which tokens are renewed; time.Now if nil.
	Now func() time.Time
}

const (
	defaultTokenPath = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	defaultTimeout   = 60 * time.Second
)

// Check reports all that is wrong with c: where, what, and what to write instead.
func (c Config) Check(report func(path, message, hint string)) {
	var ways []string
	if c.Auth.Token != "" {
		ways = append(ways, "token")
	}
	if a := c.Auth.AppRole; a != nil {
		ways = append(ways, "approle")
		if a.RoleID == "" {
			report("auth.approle.role_id", "is missing", "write what `vault read auth/approle/role/ROLE/role-id` shows")
		}
		if a.Wrapped && a.SecretID == "" {
			report("auth.approle.wrapped", "there is no secret_id that could be wrapped", "write a reference to the wrapping token as secret_id, such as file:/run/keyrota/wrapped")
		}
	}
	if a := c.Auth.Kubernetes; a != nil {
		ways = append(ways, "kubernetes")
		if a.Role == "" {
			report("auth.kubernetes.role", "is missing", "write the role that was made under auth/kubernetes/role/")
		}
	}
	if a := c.Auth.JWT; a != nil {
		ways = append(ways, "jwt")
		if a.Token == "" {
			report("auth.jwt.token", "is missing", "write a reference to the JWT, such as file:/run/keyrota/jwt or env:VAULT_ID_TOKEN")
		}
	}
	if len(ways) > 1 {
		report("auth", "several ways to log in: "+strings.Join(ways, ", "), "keep one of them")
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		report("tls", "cert_file and key_file belong together", "write both, or none")
	}
	if c.Address != "" && !isAddress(c.Address) {
		report("address", "is not the URL of a server", "write https://HOST:8200")
	}
}

// Override sets one of the settings that a destination may have of its own:
// namespace, mount, and role, which is that of the login with Kubernetes or a
// JWT. It returns false for every other, and for a role where the login has
// none. c must not share Auth with a Config that is in use.
func (c *Config) Override(setting, value string) bool {
	switch {
	case setting == "namespace":
		c.Namespace = value
	case setting == "mount":
		c.Mount = value
	case setting == "role" && c.Auth.Kubernetes != nil:
		c.Auth.Kubernetes.Role = value
	case setting == "role" && c.Auth.JWT != nil:
		c.Auth.JWT.Role = value
	default:
		return false
	}
	return true
}

func isAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "unix" || (u.Scheme == "http" || u.Scheme == "https") && u.Host != "")
}

func (c Config) references() bool {
	a := c.Auth
	return a.Token != "" || a.JWT != nil || a.AppRole != nil && a.AppRole.SecretID != ""
}

// complete returns c with its defaults, or all that is wrong with it.
func (c Config) complete(o Options) (Config, error) {
	var wrong []error
	c.Check(func(path, message, hint string) {
		wrong = append(wrong, fmt.Errorf("%s: %s (%s)", path, message, hint))
	})
	if c.references() && o.Resolve == nil {
		wrong = append(wrong, errors.New("auth holds a reference, and nothing here can resolve one"))
	}
	if a := c.Auth.AppRole; a != nil {
		c.Auth.AppRole = &AppRole{a.RoleID, a.SecretID, a.Wrapped, mountOr(a.Mount, "approle")}
	}
	if a := c.Auth.Kubernetes; a != nil {
		c.Auth.Kubernetes = &Kubernetes{a.Role, mountOr(a.Mount, "kubernetes"), cmp.Or(a.TokenPath, defaultTokenPath)}
	}
	if a := c.Auth.JWT; a != nil {
		c.Auth.JWT = &JWT{a.Role, a.Token, mountOr(a.Mount, "jwt")}
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

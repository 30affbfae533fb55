package wandb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
)

// DefaultURL is the API of W&B's multi-tenant cloud.
const DefaultURL = "https://api.wandb.ai"

const (
	provider = "wandb"
	// The server shows a user's keys only to clients it recognises; W&B's
	// public API client is one (W&B SDK, public API). What we are follows it.
	clientName = "W&B Public Client 0.22.0"
	// defaultTimeout bounds a call whose context has no earlier deadline.
	defaultTimeout = time.Minute
)

// KeySource reads a credential of our own. It is called each time the
// credential is used, so that a replaced one is taken up at once.
type KeySource func(context.Context) (providers.Secret, error)

// Config says which server, and with which administrators' keys. The zero
// Config is complete: the multi-tenant cloud, and accounts' own keys alone.
type Config struct {
	URL          string // base address, without /graphql; DefaultURL if empty
	Organization string // for people: it is named in instructions
	// UserAgent replaces the user agent sent, for servers that recognise others.
	UserAgent string
	// AdminKey is the key of an organization admin, or of an
	// organization-scoped service account. Nil: there is none.
	AdminKey KeySource
	// TeamAdminKeys are keys of team admins, by team. For their teams they are
	// used in place of AdminKey.
	TeamAdminKeys map[string]KeySource
}

// Options is what an Issuer is given besides its configuration. The zero value
// works.
type Options struct {
	// HTTPClient is what requests are made with. Its Jar, its CheckRedirect and,
	// if zero, its Timeout are replaced in a copy.
	HTTPClient *http.Client
	// Paces are the paces that issuers share, one for each credential. Nil: the
	// Issuer has its own.
	Paces *pace.Paces
	// Version of the program, for the user agent.
	Version string
}

// Issuer is a W&B server. It implements providers.Issuer, Provisioner,
// FirstKeyer, TeamsLister, Identifier, RunReporter, Directory, AccessChecker,
// AuditReader, AuditDecoder, AccountRemover and Exchanger, and is safe for
// concurrent use.
type Issuer struct {
	config    Config
	base      *url.URL
	endpoint  string
	host      string
	http      *http.Client
	paces     *pace.Paces
	userAgent string
	// What was learned of the audit log: its form is not the expected one, and it
	// has no pages.
	otherForm, auditStreams atomic.Bool
}

// New makes an Issuer without any call. Its error says what in the
// configuration is wrong and what to write instead.
func New(c Config, o Options) (*Issuer, error) {
	if c.URL == "" {
		c.URL = DefaultURL
	}
	base, err := parseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("wandb.url: %w", err)
	}
	client := http.Client{}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	client.Jar = nil
	// A redirect could carry the key to another host, and repeats or loses what
	// was posted: it is an answer like any other.
	client.CheckRedirect = providers.NoRedirect
	if client.Timeout == 0 {
		client.Timeout = defaultTimeout
	}
	version := o.Version
	if version == "" {
		version = "dev"
	}
	i := &Issuer{
		config: c, base: base, endpoint: base.JoinPath("graphql").String(), host: base.Host, http: &client,
		paces: o.Paces, userAgent: c.UserAgent,
	}
	if i.paces == nil {
		i.paces = &pace.Paces{}
	}
	if i.userAgent == "" {
		i.userAgent = clientName + " keyrota/" + version
	}
	if strings.ContainsFunc(i.userAgent, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("wandb.user_agent: write printable ASCII on one line")
	}
	return i, nil
}

func parseURL(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("is not an address; write https:// and the server's name, such as " + DefaultURL)
	case base.User != nil:
		// The text is not repeated: it holds a credential.
		return nil, errors.New("holds a user name or password; write the address alone, and the key as admin_key")
	case base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("has a query or a fragment; write the address alone")
	case base.Host == "wandb.ai" || base.Host == "www.wandb.ai":
		return nil, fmt.Errorf("%s is the web site; write %s", base.Host, DefaultURL)
	}
	base.Path = strings.TrimSuffix(strings.TrimSuffix(base.Path, "/"), "/graphql")
	return base, nil
}

// Warnings says what a person should know of the configuration: none, or a
// line each.
func (i *Issuer) Warnings() []string {
	host := i.base.Hostname()
	ip := net.ParseIP(host)
	if i.base.Scheme == "https" || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return []string{"wandb.url: " + i.host + " is reached without TLS: whoever is on the way can read every key"}
}

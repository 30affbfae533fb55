package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Identity says where the JWT of an external account comes from: a file, or an
// identity provider that gives one for client credentials.
type Identity struct {
	TokenFile    string // a file that holds the JWT
	TokenURL     string // or the token endpoint of an identity provider
	ClientID     string
	ClientSecret Reference
	Scope        string
	Audience     string // that is asked for, and that the JWT must name; empty: not checked
	JWTIssuer    string // that the JWT must name; empty: not checked
	CAFile       string
	// Keep and KeepFile are where a fresh JWT is kept for jobs: destinations, each
	// with the JWT alone, and a file.
	Keep     []Destination
	KeepFile string
	Pos      Position
}

// keeps are the destinations that a fresh JWT is kept at.
func (i *Identity) keeps() []Destination {
	if i == nil {
		return nil
	}
	return i.Keep
}

// identity says where the JWT of an external account comes from, as written.
type identity struct {
	// TokenFile is a file that holds the JWT, which somebody else keeps fresh, like a projected token of Kubernetes.
	TokenFile string `yaml:"token_file" keyrota:"path"`
	// TokenURL is the token endpoint of an identity provider that gives a JWT for client credentials, like https://idp.example/oauth2/token.
	TokenURL string `yaml:"token_url"`
	// ClientID is who asks at token_url.
	ClientID string `yaml:"client_id"`
	// ClientSecret says where the secret for client_id stands.
	ClientSecret *Reference `yaml:"client_secret"`
	// Scope is what is asked for at token_url, where the identity provider wants one.
	Scope string `yaml:"scope"`
	// Audience is asked for at token_url, and must be in the JWT's aud: the name of the W&B organization, as a rule.
	Audience string `yaml:"audience"`
	// JWTIssuer must be the JWT's iss: the issuer that is registered with the W&B organization.
	JWTIssuer string `yaml:"jwt_issuer"`
	// CAFile holds certificates of authorities, in PEM, that are trusted at token_url besides the system's.
	CAFile string `yaml:"ca_file" keyrota:"path"`
	// Keep says where a fresh JWT is kept for jobs: store:path#field, the same in fields, or a list of either.
	Keep deliveries `yaml:"keep"`
	// KeepFile is a file in which a fresh JWT is kept, for jobs whose WANDB_IDENTITY_TOKEN_FILE names it.
	KeepFile string `yaml:"keep_file" keyrota:"path"`
}

// identity settles where the JWT of an external account comes from.
func (r resolver) identity(path string, a *Account, w *account, layers []layer, c *Config) {
	i, at := w.Identity, path+".identity"
	if i == nil {
		return
	}
	switch {
	case w.file != nil:
		// It makes keyrota read files and send credentials.
		r.errorAt(at, onlyRoot, "move the account to "+r.file)
		return
	case a.Scope != ScopeExternal:
		r.errorAt(at, "only an external account signs in with a JWT", "write scope: external, or remove the line")
		return
	}
	r.checkIdentity(i, at)
	a.Identity = &Identity{
		TokenFile: i.TokenFile, TokenURL: i.TokenURL, ClientID: i.ClientID, ClientSecret: valueOr(i.ClientSecret, Reference{}),
		Scope: i.Scope, Audience: i.Audience, JWTIssuer: i.JWTIssuer, CAFile: i.CAFile, KeepFile: i.KeepFile, Pos: r.position(at),
	}
	for _, k := range i.Keep {
		if d, ok := r.keep(k, a, layers, c); ok {
			a.Identity.Keep = append(a.Identity.Keep, d)
		}
	}
}

func (r resolver) checkIdentity(i *identity, at string) {
	file, server := i.TokenFile != "", i.TokenURL != ""
	if file == server {
		r.errorAt(at, "neither a file nor a server gives the JWT, or both", "write one of token_file: and token_url:")
		return
	}
	for _, f := range []struct {
		name    string
		written bool
	}{{"client_id", i.ClientID != ""}, {"client_secret", i.ClientSecret != nil}, {"scope", i.Scope != ""}, {"ca_file", i.CAFile != ""}} {
		if f.written && file {
			r.errorAt(at+"."+f.name, "this is for token_url", "remove the line, or write token_url: instead of token_file:")
		}
	}
	if server {
		r.checkServer(at+".token_url", i.TokenURL, "client credentials", "client_id: and client_secret:")
		if i.ClientID == "" || i.ClientSecret == nil {
			r.errorAt(at, "an identity provider gives a JWT for client credentials, and they are not complete", "add client_id:, and client_secret: with where the secret stands")
		}
	}
	if u, err := url.Parse(i.JWTIssuer); i.JWTIssuer != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		r.errorAt(at+".jwt_issuer", "not the address of a JWT issuer", "write it as it is registered with the W&B organization, like https://idp.example")
	}
	for _, f := range []struct{ name, text string }{{"token_file", i.TokenFile}, {"keep_file", i.KeepFile}, {"audience", i.Audience}, {"scope", i.Scope}, {"client_id", i.ClientID}} {
		if !printable(f.text) {
			r.errorAt(at+"."+f.name, "not one line of text", "write it on one line")
		}
	}
	if i.KeepFile != "" && i.KeepFile == i.TokenFile {
		r.errorAt(at+".keep_file", "the file that the JWT is read from", "remove the line: jobs can read token_file itself")
	}
}

// keep settles one destination of a JWT, which is there alone.
func (r resolver) keep(w writtenDestination, a *Account, layers []layer, c *Config) (Destination, bool) {
	d, ok := r.destination(w, a, layers, c)
	switch {
	case !ok:
		return d, false
	case d.Format != FormatRaw:
		r.errorAt(d.path, "a JWT is kept alone, in the format raw", longFormHint)
	case w.Formerly != "":
		r.errorAt(w.at("formerly"), "a JWT is short-lived: at its old place it ends by itself", "remove the line")
	case d.Field == KeyVariable:
		r.errorAt(d.path, "a JWT is no API key, and a job that takes it for one fails", "write another field, like identity_token")
	default:
		if w.Description == nil && w.Field == "" {
			d.Description = "JWT of " + a.Ref + " for W&B, kept by keyrota"
		}
		return d, true
	}
	return d, false
}

// checkServer holds an address that credentials are sent to against what all
// such need. It never repeats the address: part of it may be a credential.
func (r resolver) checkServer(path, address, what, instead string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !printable(address):
		r.errorAt(path, "not the address of a server", "write https://HOST/path")
	case u.User != nil:
		r.errorAt(path, "a password stands in the address", "write it as "+instead)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		r.errorAt(path, "plain HTTP would show "+what+" to the network", "write https://")
	}
}

// Variables by which a job is told to sign in with a JWT. The SDK fails if it
// finds WANDB_API_KEY beside them (W&B docs, Identity federation).
const (
	identityVariable    = "WANDB_IDENTITY_TOKEN_FILE"
	credentialsVariable = "WANDB_CREDENTIALS_FILE"
)

const bothHint = "keep one of the two: an external account for jobs with a JWT, a key for the others"

// checkCredentials refuses to give one job both a key and a JWT.
func (r resolver) checkCredentials(a *Account, layers []layer) {
	if a.Scope == ScopeExternal {
		return
	}
	for _, l := range layers {
		for _, name := range slices.Sorted(maps.Keys(l.Env)) {
			if name == identityVariable || name == credentialsVariable {
				whom := ""
				if l.path != a.path {
					whom = "for " + a.named(r.position(l.path)) + ", which has a key: "
				}
				r.errorAt(l.path+".env."+name, whom+"a job that is given a key and a JWT fails", bothHint)
			}
		}
	}
	for _, d := range slices.Concat(a.Deliver, a.Former) {
		for _, f := range d.Fields {
			if f.Name == identityVariable {
				r.errorAt(f.path, "a job that is given a key and a JWT fails", bothHint)
			}
		}
		if strings.Contains(d.Template, identityVariable) {
			r.errorAt(d.path+".template", "a job that is given a key and a JWT fails", bothHint)
		}
	}
}

// adviseBoth warns of systems that are named as users of an external account
// and of one with a key.
func (r resolver) adviseBoth(c *Config) {
	keyed := map[string]Account{}
	for _, a := range c.Accounts {
		for _, system := range a.UsedBy {
			if _, ok := keyed[system]; !ok && a.Scope != ScopeExternal {
				keyed[system] = a
			}
		}
	}
	for _, a := range c.Accounts {
		for _, system := range a.UsedBy {
			if other, ok := keyed[system]; ok && a.Scope == ScopeExternal {
				r.warnAt(a.path+".used_by", "something that uses it uses "+other.named(a.Pos)+" too, which has a key; a job that is given both fails", bothHint)
			}
		}
	}
}

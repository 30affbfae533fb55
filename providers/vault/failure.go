package vault

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// failure is a call that did not succeed. It keeps what the server said apart
// from what may be repeated of it.
type failure struct {
	request    request  // without its body
	status     int      // 0: no answer
	said       []string // the server's own error messages
	ofVersion  bool     // a 404 that told of a version: it was deleted or destroyed
	redirected string   // the server that it redirected to, which was not asked
	retryAfter time.Duration
	err        error // of the connection, where there is no answer

	// Where we know better than the status tells:
	kind  *providers.Kind
	words string
	hint  string
}

// The messages by which Vault tells apart what shares a status
// (hashicorp/vault and vault-plugin-secrets-kv, source).
const (
	saidMismatch  = "check-and-set parameter did not match"
	saidUpgrading = "Upgrading from non-versioned"
	saidNoRoute   = "no handler for route"
	saidSealed    = "Vault is sealed"
	saidStandby   = "local node not active"
	saidInvalid   = "invalid token"
	saidTooMany   = "custom_metadata validation failed"
)

func (f *failure) has(message string) bool {
	for _, s := range f.said {
		if strings.Contains(s, message) {
			return true
		}
	}
	return false
}

// Error is what happened, without anything that may hold a value.
func (f *failure) Error() string {
	if f.words != "" {
		return f.words
	}
	what := f.request.method + " " + f.request.path + ": "
	switch {
	case f.status == 0:
		return what + "no answer: " + f.err.Error()
	case f.has(saidMismatch):
		return what + "the secret has another version by now"
	case f.has(saidUpgrading):
		return what + "the engine is being upgraded to KV version 2"
	case f.has(saidNoRoute):
		return what + "no secrets engine is mounted there"
	case f.has(saidSealed):
		return what + "Vault is sealed"
	case f.has(saidStandby), f.status == 473, f.status == 472:
		return what + "a standby node answered, and knows no active one"
	}
	if f.redirected != "" {
		return what + "the server redirects to " + f.redirected
	}
	what += fmt.Sprintf("status %d", f.status)
	if text := http.StatusText(f.status); text != "" {
		what += " " + text
	}
	if said := f.repeatable(); said != "" {
		what += ": " + said
	}
	return what
}

// GoString is what happened too: the server's words may hold a value.
func (f *failure) GoString() string { return f.Error() }

// repeatable returns the server's words where neither request nor answer bear
// values, on one line.
func (f *failure) repeatable() string {
	if f.request.values {
		return ""
	}
	said := strings.Join(strings.Fields(strings.Join(f.said, "; ")), " ")
	const most = 300
	if len(said) > most {
		said = strings.ToValidUTF8(said[:most], "") + "..."
	}
	return said
}

func (f *failure) Unwrap() error { return f.err }

// answered returns what the server answered to the request itself: not to a
// login that came before it. It is never nil.
func answered(err error) *failure {
	var f *failure
	var login *loginError
	if errors.As(err, &login) || !errors.As(err, &f) {
		return &failure{}
	}
	return f
}

func statusOf(err error) int { return answered(err).status }

func said(err error, message string) bool { return answered(err).has(message) }

// classify says what a caller can do, and what a person can.
func (f *failure) classify() (kind providers.Kind, hint string) {
	hint = f.hint
	switch {
	case f.kind != nil:
		kind = *f.kind
	case f.has(saidMismatch):
		kind = providers.Conflict
	case f.has(saidUpgrading), f.has(saidSealed), f.has(saidStandby):
		kind = providers.Transient
	case f.status == http.StatusForbidden, f.status == http.StatusUnauthorized:
		kind = providers.Denied
	case f.status == http.StatusNotFound && f.has(saidNoRoute):
		kind = providers.Denied
	case f.status == http.StatusNotFound:
		kind = providers.NotFound
	case f.status == http.StatusTooManyRequests:
		kind = providers.Limited
	case f.status == 0, f.status == http.StatusPreconditionFailed, f.status == http.StatusRequestTimeout,
		f.status == 472, f.status == 473, f.status >= 500, f.status < 400:
		kind = providers.Transient
	default:
		kind = providers.Invalid
	}
	if hint != "" {
		return kind, hint
	}
	switch {
	case f.status == 0 && f.words == "":
		hint = "is the address right, and can this machine reach it?"
	case f.redirected != "":
		hint = "the token is not sent along redirects: write the address of the active node or of a load balancer as address or VAULT_ADDR, " +
			"or let standby nodes forward requests"
	case f.has(saidSealed):
		hint = "unseal it: `vault operator unseal`"
	case f.has(saidNoRoute):
		hint = "the path begins with the engine's mount: `vault secrets list`"
	case f.has(saidTooMany):
		hint = "Vault allows 64 keys of custom metadata, 128 bytes each, with values of 512 bytes"
	case f.status == http.StatusForbidden:
		hint = "the policy needs: " + grantFor(f.request)
	case f.status == http.StatusRequestEntityTooLarge:
		hint = "the secret is larger than the server takes"
	}
	return kind, hint
}

// grantFor is the line of a policy that a request needs.
func grantFor(r request) string {
	capability := `"read"`
	switch r.method {
	case http.MethodPost, http.MethodPut:
		capability = `"create", "update"`
		if strings.Contains(r.path, "/delete/") && !strings.Contains(r.path, "/data/") {
			capability = `"update"`
		}
	case http.MethodPatch:
		capability = `"patch"`
	}
	return fmt.Sprintf("path %q { capabilities = [%s] }", r.path, capability)
}

// staleNode is how long a node that has not seen our last write is given: it
// catches up within milliseconds to seconds.
const staleNode = time.Second

// problem tells a failed call as callers of a provider expect it.
func problem(op, name string, err error) *providers.Error {
	e := &providers.Error{Provider: provider, Op: op, Name: name, Err: err}
	var f *failure
	if errors.As(err, &f) {
		e.Kind, e.Hint = f.classify()
		e.RetryAfter = f.retryAfter
		if f.status == http.StatusPreconditionFailed && e.RetryAfter == 0 {
			e.RetryAfter = staleNode
		}
	}
	return e
}

func problemf(op, name string, kind providers.Kind, hint, format string, a ...any) *providers.Error {
	return &providers.Error{Provider: provider, Op: op, Name: name, Kind: kind, Hint: hint, Err: fmt.Errorf(format, a...)}
}

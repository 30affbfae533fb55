package azurekv

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/keyrota/keyrota/providers"
)

// failure is a call that did not succeed, told anew: the SDK's own errors print
// what was answered.
type failure struct {
	op         operation
	status     int    // 0: no answer
	code       string // the service's word for it, such as "Forbidden"
	inner      string // its closer one, such as "ForbiddenByRbac"
	retryAfter time.Duration
	err        error // of the connection or the context, where there is no answer

	// Where we know better than the status tells:
	kind  *providers.Kind
	words string
	hint  string
}

// The service's closer words. They stand in the innererror of an answer.
// https://learn.microsoft.com/azure/key-vault/general/rest-error-codes
const (
	innerDisabled   = "SecretDisabled"
	innerDeleted    = "ObjectIsDeletedButRecoverable"
	innerDeleting   = "ObjectIsBeingDeleted"
	innerRecovering = "ObjectIsBeingRecovered"
	innerFirewall   = "ForbiddenByFirewall"
	innerConnection = "ForbiddenByConnection"
	innerPolicy     = "ForbiddenByPolicy"
)

// failed turns whatever the SDK returned for a call into a failure.
func failed(op operation, err error, now time.Time) *failure {
	var told *failure
	var answered *azcore.ResponseError
	var connection *url.Error
	switch {
	case errors.As(err, &told):
		if told.op == (operation{}) {
			told.op = op
		}
		return told
	case errors.As(err, &answered) && !challenged(answered):
		f := &failure{op: op, status: answered.StatusCode, code: word(answered.ErrorCode)}
		if r := answered.RawResponse; r != nil {
			f.inner, f.retryAfter = innerCode(r), retryAfter(r.Header, now)
		}
		return f
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, providers.ErrTooLong), errors.As(err, &connection):
		return &failure{op: op, err: unanswered(err)}
	case strings.Contains(err.Error(), "challenge resource"):
		return &failure{op: op, kind: kindOf(providers.Denied), words: "the vault asks for tokens of another domain than its own",
			hint: "is the url that of the vault itself, https://NAME.vault.azure.net? No token was sent"}
	case errors.As(err, &answered), strings.Contains(err.Error(), challengeHeader):
		return &failure{op: op, kind: kindOf(providers.Denied), words: "what answers does not say who gives tokens for it, as a vault does",
			hint: "is the url that of a vault?"}
	}
	return odd(op)
}

// challenged reports whether an answer asks for a token without saying whose.
func challenged(answered *azcore.ResponseError) bool {
	r := answered.RawResponse
	return answered.StatusCode == http.StatusUnauthorized && r != nil && r.Header.Get(challengeHeader) == ""
}

func kindOf(k providers.Kind) *providers.Kind { return &k }

// word returns a code of the service, or nothing if it is no code.
func word(code string) string {
	const most = 64
	if len(code) > most || strings.IndexFunc(code, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}) >= 0 {
		return ""
	}
	return code
}

// innerCode reads of an answer's body nothing but the closer code.
func innerCode(r *http.Response) string {
	body, err := runtime.Payload(r)
	if err != nil {
		return ""
	}
	var told struct {
		Error struct {
			Inner struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &told) != nil {
		return ""
	}
	return word(told.Error.Inner.Code)
}

// longestWait is the most that a service is left alone for because it asked to.
const longestWait = time.Hour

func retryAfter(h http.Header, now time.Time) time.Duration {
	times := func(text string, unit time.Duration) time.Duration {
		n, _ := strconv.Atoi(text) // what is no number is 0
		return time.Duration(min(max(0, n), int(longestWait/unit))) * unit
	}
	for _, name := range []string{"retry-after-ms", "x-ms-retry-after-ms"} {
		if d := times(h.Get(name), time.Millisecond); d > 0 {
			return d
		}
	}
	after := h.Get("Retry-After")
	if at, err := http.ParseTime(after); err == nil {
		return min(max(0, at.Sub(now)), longestWait)
	}
	return times(after, time.Second)
}

// Error is what happened, without anything of a body.
func (f *failure) Error() string {
	what := f.op.name + ": "
	switch {
	case f.words != "":
		return f.words
	case f.status == 0:
		return what + "no answer: " + f.err.Error()
	}
	what += fmt.Sprintf("status %d", f.status)
	for _, code := range []string{f.code, f.inner} {
		if code != "" {
			what += " " + code
		}
	}
	return what
}

// Unwrap returns the error of the connection or the context, if it was that.
func (f *failure) Unwrap() error { return f.err }

// unanswered tells anew why there is no answer.
func unanswered(err error) error {
	if authority := (x509.UnknownAuthorityError{}); errors.As(err, &authority) {
		return errors.New("its certificate is of an authority that is not trusted")
	}
	return providers.Unanswered(err)
}

// classify says what a caller can do, and what a person can.
func (f *failure) classify() (kind providers.Kind, hint string) {
	kind, hint = providers.Transient, f.hint
	switch status := f.status; {
	case f.kind != nil:
		return *f.kind, hint
	case status == 0:
		return kind, "is the url right, and can this machine reach it?"
	case f.inner == innerDeleted:
		return providers.Conflict, "it was deleted since it was looked at"
	case f.inner == innerDeleting, f.inner == innerRecovering:
		return kind, "Azure takes seconds for that; try again"
	case f.inner == innerFirewall, f.inner == innerConnection:
		return providers.Denied, "the vault's firewall does not let this machine in: allow its network, or use a private endpoint"
	case f.inner == innerDisabled:
		return providers.NotFound, "the version is disabled"
	case status == http.StatusUnauthorized:
		return providers.Denied, "the vault does not take the token: is the tenant that of the vault?"
	case status == http.StatusForbidden && f.inner == innerPolicy:
		return providers.Denied, "the vault uses access policies: give the identity the secret permissions get, list, set and recover, and to prune delete"
	case status == http.StatusForbidden:
		return providers.Denied, grantFor(f.op)
	case status == http.StatusNotFound:
		return providers.NotFound, ""
	case status == http.StatusConflict:
		return providers.Conflict, ""
	case status == http.StatusTooManyRequests:
		return providers.Limited, "a vault allows 300 creations and 4,000 other calls in 10 seconds, whoever makes them"
	case status == http.StatusRequestTimeout, status >= 500, status < 400:
		return kind, ""
	}
	return providers.Invalid, ""
}

// grantFor says which right a call needs.
func grantFor(op operation) string {
	action := op.action
	if op != opDelete() { // the only one that Azure names without it
		action += "/action"
	}
	return "give the identity the role Key Vault Secrets Officer on the vault, or a role with the data action " +
		"Microsoft.KeyVault/vaults/secrets/" + action + "; a new role takes minutes to work"
}

// is reports whether a call failed with a status.
func is(err error, status int) bool {
	var f *failure
	return errors.As(err, &f) && f.status == status
}

// told reports whether the service gave this closer word.
func told(err error, inner string) bool {
	var f *failure
	return errors.As(err, &f) && f.inner == inner
}

// problem tells a failed call as callers of a provider expect it.
func problem(op, name string, err error) error {
	var done *providers.Error
	if errors.As(err, &done) {
		return err
	}
	e := &providers.Error{Provider: provider, Op: op, Name: name, Err: err}
	var f *failure
	if errors.As(err, &f) {
		e.Kind, e.Hint = f.classify()
		e.RetryAfter = f.retryAfter
	}
	return e
}

func problemf(op, name string, kind providers.Kind, hint, format string, a ...any) *providers.Error {
	return &providers.Error{Provider: provider, Op: op, Name: name, Kind: kind, Hint: hint, Err: fmt.Errorf(format, a...)}
}

package wandb

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/keyrota/keyrota/providers"
)

const (
	hintNoAdmin = "set wandb.admin_key to a reference to an organization admin's key, or name a team admin's key for the team"
	hintURL     = "check that wandb.url is the address of a W&B API, such as " + DefaultURL
	hintSchema  = "the server may be newer or older than this version of keyrota knows: please report its version"
	hintHidden  = "the key must belong to the account itself, to an admin of its team or to an organization admin; a server hides keys from clients it does not recognise, too: see wandb.user_agent"
)

// refusal is what the server said when it did not do what was asked. Its words
// are safe to show.
type refusal struct {
	status int // HTTP status; 200 for GraphQL errors alone
	words  string
	// badKey says that it is the credential itself that is not valid.
	badKey bool
	topic  topic
}

// topic is what a refusal is about, as far as a hint depends on it.
type topic uint8

const (
	topicOther topic = iota
	topicDisabled
	topicKeyLimit
)

func (r *refusal) Error() string {
	switch {
	case r.status == http.StatusOK:
		return "the server refused: " + r.words
	case r.words == "":
		return fmt.Sprintf("HTTP %d %s", r.status, http.StatusText(r.status))
	}
	return fmt.Sprintf("HTTP %d: %s", r.status, r.words)
}

// fail makes an error of this call.
func (c *call) fail(kind providers.Kind, err error, hint string) *providers.Error {
	return &providers.Error{Provider: provider, Op: c.op, Name: c.name, Kind: kind, Err: err, Hint: hint}
}

// refused makes the error of an answer that is not what was asked for.
// understood says that the body was JSON.
func (c *call) refused(answer *http.Response, errs []json.RawMessage, understood bool) error {
	said := c.words(errs)
	r := &refusal{status: answer.StatusCode, words: said.clean, topic: topicOf(said.lowered)}
	e := c.fail(providers.Transient, r, "")
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized:
		e.Kind, r.badKey = providers.Denied, true
	case status == http.StatusTooManyRequests:
		e.Kind = providers.Limited
	case status >= 300 && status < 400:
		e.Kind = providers.Invalid
		r.words = "the server redirects"
		if to, err := answer.Location(); err == nil {
			r.words += " to " + to.Scheme + "://" + to.Host
		}
		e.Hint = "write the address it redirects to as wandb.url: keys are not sent along redirects"
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly:
		// Unwell, or undecided: the effect is not known.
	default:
		e.Kind, r.badKey = kindOfWords(said.lowered)
		switch {
		case status == http.StatusForbidden:
			e.Kind = providers.Denied
		case e.Kind != providers.Transient || status == http.StatusOK:
		case status == http.StatusNotFound && understood && len(errs) > 0:
			e.Kind = providers.NotFound
		case status >= 400:
			e.Kind = providers.Invalid
			e.Hint = hintURL
		}
	}
	switch {
	case r.badKey && c.admin != "":
		e.Hint = c.admin + " is not valid (any more): put a new one where it leads to"
	case r.badKey && c.bearer:
		e.Hint = "this access token does not work (any more): exchange a fresh JWT for a new one"
	case r.badKey:
		e.Hint = "this key of the account does not work: deleted, or not a key of this server"
	case e.Kind == providers.Denied && c.admin != "":
		e.Hint = c.admin + " must be the key of an admin of the team or the organization"
	}
	if e.Kind == providers.Limited || e.Kind == providers.Transient {
		e.RetryAfter = c.waitOf(answer.Header, headerRetry, headerReset)
	}
	return e
}

// said is what a server's GraphQL errors say: as people may read it, and as
// the kind is told from it.
type said struct{ clean, lowered string }

func (c *call) words(errs []json.RawMessage) said {
	var messages, codes []string
	for _, raw := range errs {
		var e struct {
			Message    string `json:"message"`
			Extensions struct {
				Code any `json:"code"`
			} `json:"extensions"`
		}
		var plain string
		if json.Unmarshal(raw, &plain) == nil {
			messages = append(messages, plain)
			continue
		}
		// A field of another type leaves the others decoded.
		_ = json.Unmarshal(raw, &e)
		messages = append(messages, e.Message)
		if code, ok := e.Extensions.Code.(string); ok {
			codes = append(codes, code)
		}
	}
	text := strings.Join(messages, "; ")
	return said{
		clean:   c.clean(text),
		lowered: strings.ToLower(strings.ReplaceAll(text+" "+strings.Join(codes, " "), "_", " ")),
	}
}

// looksLikeKey is what W&B's keys are made of, from well below their length on.
var looksLikeKey = regexp.MustCompile(`[A-Za-z0-9_-]{24,}`)

// clean makes the server's words safe to show: one short line, without the key
// that was sent and without whatever else looks like one.
func (c *call) clean(text string) string {
	const removed, longest = "[removed]", 300
	if key := c.key.Expose(); key != "" {
		text = strings.ReplaceAll(text, key, removed)
	}
	text = looksLikeKey.ReplaceAllString(text, removed)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if short := []rune(text); len(short) > longest {
		text = string(short[:longest]) + "…"
	}
	return strings.TrimSpace(text)
}

// kindOfWords tells the kind of a GraphQL error from its message and code.
// W&B's words are not public: what is not recognised is Transient.
func kindOfWords(lowered string) (kind providers.Kind, badKey bool) {
	has := func(words ...string) bool { return containsAny(lowered, words...) }
	switch {
	case has("rate limit", "too many requests", "throttl"):
		return providers.Limited, false
	case has("internal error", "internal server", "timeout", "timed out", "unavailable", "try again"):
		return providers.Transient, false
	case has("unauthenticated", "not logged in", "invalid api key", "invalid credentials", "not authenticated"):
		return providers.Denied, true
	case has("permission", "unauthorized", "not authorized", "forbidden", "access denied", "not allowed", "not permitted", "disabled", "must be an admin"):
		return providers.Denied, false
	case topicOf(lowered) == topicKeyLimit:
		return providers.Denied, false
	case has("not found", "does not exist", "no such", "there is no"):
		return providers.NotFound, false
	case has("cannot query field", "unknown argument", "unknown type", "syntax error", "validation"):
		return providers.Invalid, false
	}
	return providers.Transient, false
}

func topicOf(lowered string) topic {
	switch {
	case strings.Contains(lowered, "disabled"):
		return topicDisabled
	case strings.Contains(lowered, "key") && containsAny(lowered, "limit", "maximum", "quota"):
		return topicKeyLimit
	}
	return topicOther
}

func containsAny(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// unreached makes the error of a request without a complete answer: whether it
// had an effect is not known. Errors of the HTTP library may quote the answer,
// so only those of the layers below are repeated.
func (c *call) unreached(ctx context.Context, err error) error {
	var (
		dial *net.OpError
		name *net.DNSError
		cert *tls.CertificateVerificationError
		slow net.Error
	)
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("no answer from %s: %w", c.issuer.host, context.Cause(ctx))
	case errors.As(err, &cert):
		return c.fail(providers.Transient, fmt.Errorf("the certificate of %s: %w", c.issuer.host, cert.Err),
			"add the certificate authority of the server to this machine's, or name its file in SSL_CERT_FILE")
	case errors.As(err, &name):
		err = fmt.Errorf("the name %s: %s", c.issuer.host, name.Err)
	case errors.As(err, &slow) && slow.Timeout():
		err = fmt.Errorf("no answer from %s in time", c.issuer.host)
	case errors.As(err, &dial) && dial.Op == "dial":
		err = fmt.Errorf("connecting to %s: %w", c.issuer.host, dial.Err)
	default:
		err = fmt.Errorf("the connection to %s broke before the answer was complete", c.issuer.host)
	}
	return c.fail(providers.Transient, err, "")
}

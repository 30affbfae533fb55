package notify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/export"
)

// poster posts JSON to one service. Its errors name the service, never the
// address: that of a Slack webhook is a credential.
type poster struct {
	provider string
	name     string // what people know it by
	version  string // of this program, for the user agent
	http     *http.Client
	now      func() time.Time
}

func newPoster(provider, name, version string, transport http.RoundTripper, now func() time.Time) (poster, error) {
	if transport == nil {
		base, err := providers.Transport("")
		if err != nil {
			return poster{}, err
		}
		transport = base
	}
	return poster{provider, name, version, &http.Client{
		Transport: providers.Bounded{RoundTripper: transport}, CheckRedirect: providers.NoRedirect, Timeout: answersWithin,
	}, now}, nil
}

// answer is what a service said.
type answer struct {
	status int
	body   []byte
	wait   time.Duration // that it asked for
}

// mostAnswered bounds what is read of an answer.
const mostAnswered = 64 << 10

func (p poster) post(ctx context.Context, to string, body []byte, authorization string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return answer{}, p.fail(providers.Denied, 0, fmt.Errorf("what is configured is not an address"), "look at what the reference holds")
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "keyrota/"+p.version)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	a, err := p.http.Do(r)
	if err != nil {
		return answer{}, p.fail(providers.Transient, 0, fmt.Errorf("no answer: %w", providers.Unanswered(err)), "can this machine reach it?")
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, mostAnswered))
	if err != nil {
		return answer{}, p.fail(providers.Transient, 0, fmt.Errorf("no whole answer: %w", providers.Unanswered(err)), "")
	}
	return answer{a.StatusCode, text, export.RetryAfter(a.Header, p.now())}, nil
}

// general is the error of an answer that means the same everywhere; nil: the
// caller knows more.
func (p poster) general(a answer) error {
	err := fmt.Errorf("status %d %s", a.status, http.StatusText(a.status))
	switch {
	case a.status == http.StatusTooManyRequests:
		return p.fail(providers.Limited, a.wait, err, "")
	case a.status >= 500, a.status == http.StatusRequestTimeout:
		return p.fail(providers.Transient, a.wait, err, "")
	case a.status >= 300 && a.status < 400:
		return p.fail(providers.Denied, 0, err, "what is posted is not sent along redirects: write the address it redirects to")
	}
	return nil
}

func (p poster) fail(kind providers.Kind, wait time.Duration, err error, hint string) error {
	return &providers.Error{Provider: p.provider, Op: "post to", Name: p.name, Kind: kind, RetryAfter: wait, Err: err, Hint: hint}
}

// address checks that what is posted goes over TLS, but to this machine.
func address(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, false
	}
	return u, u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

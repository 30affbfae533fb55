package export

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// Source gives a credential; it is asked at every request.
type Source func(context.Context) (providers.Secret, error)

// WebhookOptions say where a webhook is and what it is sent.
type WebhookOptions struct {
	URL     string
	Format  Format
	Headers map[string]Source // whole values, such as "Authorization"
	Bearer  Source            // nil: none
	Sign    Source            // nil: requests are not signed
	CAFile  string            // authorities to trust besides the system's; empty: none
	Version string            // of this program, for the user agent
	Now     func() time.Time
	// Transport carries the requests; nil: TLS 1.2 or newer, through the proxies
	// of the environment.
	Transport http.RoundTripper
}

// Webhook posts items to a server. It is safe for concurrent use.
type Webhook struct {
	o    WebhookOptions
	host string
	http *http.Client
}

const (
	answersWithin = 15 * time.Second
	// longestWait bounds what a server may ask for with Retry-After.
	longestWait = 15 * time.Minute
)

// NewWebhook makes a target of a webhook, without a call. Redirects are not
// followed, certificates are checked, proxies of the environment are used.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return nil, errors.New("webhook: not an address: write https://HOST/path")
	}
	if o.Transport == nil {
		if o.Transport, err = providers.Transport(o.CAFile); err != nil {
			return nil, err
		}
	}
	return &Webhook{o, u.Host, &http.Client{
		Transport: providers.Bounded{RoundTripper: o.Transport}, CheckRedirect: providers.NoRedirect, Timeout: answersWithin,
	}}, nil
}

// Send posts items in one request. They are sent once the server answers with
// a status of 200 to 299; what else it says is never repeated, since it may
// repeat what it was sent.
func (w *Webhook) Send(ctx context.Context, items []Item) error {
	body, kind := w.body(items)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.o.URL, bytes.NewReader(body))
	if err != nil {
		return w.fail(providers.Invalid, 0, errors.New("the request cannot be made"), "")
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("User-Agent", product+"/"+w.o.Version)
	if err := w.authenticate(ctx, r, items, body); err != nil {
		return w.fail(providers.Denied, 0, err, "")
	}
	answer, err := w.http.Do(r)
	if err != nil {
		return w.fail(providers.Transient, 0, fmt.Errorf("no answer: %w", providers.Unanswered(err)), "is the address right, and can this machine reach it?")
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return nil
	}
	return w.refused(answer)
}

// body writes items as the server is to read them: one CloudEvent, a batch of
// them, or documents a line each.
func (w *Webhook) body(items []Item) (body []byte, contentType string) {
	all := make([][]byte, 0, len(items))
	for _, item := range items {
		all = append(all, item.Body)
	}
	switch {
	case w.o.Format != CloudEvents:
		return append(bytes.Join(all, []byte("\n")), '\n'), "application/x-ndjson"
	case len(items) == 1:
		return all[0], "application/cloudevents+json"
	}
	return slices.Concat([]byte("["), bytes.Join(all, []byte(",")), []byte("]")), "application/cloudevents-batch+json"
}

// authenticate adds the credentials. The signature is that of Standard Webhooks
// 1.0 (symmetric, v1), over id, time and body.
func (w *Webhook) authenticate(ctx context.Context, r *http.Request, items []Item, body []byte) error {
	for _, name := range slices.Sorted(maps.Keys(w.o.Headers)) {
		value, err := w.o.Headers[name](ctx)
		if err != nil {
			return err
		}
		r.Header.Set(name, value.Expose())
	}
	if w.o.Bearer != nil {
		token, err := w.o.Bearer(ctx)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token.Expose())
	}
	if w.o.Sign == nil {
		return nil
	}
	secret, err := w.o.Sign(ctx)
	if err != nil {
		return err
	}
	id := items[0].ID
	if last := items[len(items)-1].ID; last != id {
		id += "_" + last
	}
	at := strconv.FormatInt(w.o.Now().Unix(), 10)
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", "v1,"+sign(secret, id+"."+at+".", body))
	return nil
}

func sign(secret providers.Secret, head string, body []byte) string {
	key := []byte(secret.Expose())
	if encoded, ok := strings.CutPrefix(secret.Expose(), "whsec_"); ok {
		if decoded, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			key = decoded
		}
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(head))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (w *Webhook) refused(answer *http.Response) error {
	status := answer.StatusCode
	err := fmt.Errorf("status %d %s", status, http.StatusText(status))
	wait := RetryAfter(answer.Header, w.o.Now())
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return w.fail(providers.Denied, wait, err, "does the credential that the configuration refers to still work?")
	case status >= 300 && status < 400:
		hint := "credentials are not sent along redirects: write the address it redirects to"
		if to, e := answer.Location(); e == nil {
			err = fmt.Errorf("it redirects to %s://%s", to.Scheme, to.Host)
		}
		return w.fail(providers.Invalid, wait, err, hint)
	case status == http.StatusRequestEntityTooLarge:
		return w.fail(providers.Invalid, wait, ErrTooLarge, "write a smaller batch:")
	case status == http.StatusTooManyRequests:
		return w.fail(providers.Limited, wait, err, "")
	case status >= 500, status == http.StatusRequestTimeout:
		return w.fail(providers.Transient, wait, err, "")
	}
	return w.fail(providers.Invalid, wait, err, "is the address right, and does what answers there take this format?")
}

// RetryAfter returns how long a server asked to be left alone, within bounds; 0:
// it did not.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds > 0 {
		return min(time.Duration(seconds), longestWait/time.Second) * time.Second
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return min(max(0, at.Sub(now)), longestWait)
	}
	return 0
}

// ErrTooLarge says that a server takes fewer items at once.
var ErrTooLarge = errors.New("more than it takes at once")

func (w *Webhook) fail(kind providers.Kind, wait time.Duration, err error, hint string) error {
	return &providers.Error{Provider: "webhook", Op: "post to", Name: w.host, Kind: kind, RetryAfter: wait, Err: err, Hint: hint}
}

package export_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/export"
)

const (
	token  = "CANARY-bearer-0123456789-0123456789-0123456789"
	apiKey = "CANARY-header-0123456789-0123456789-0123456789"
	secret = "whsec_Q0FOQVJZLXNpZ25pbmcta2V5LTAxMjM0NTY3ODk=" // CANARY-signing-key-0123456789
)

func given(value string) export.Source {
	return func(context.Context) (providers.Secret, error) { return providers.NewSecret(value), nil }
}

func webhook(t *testing.T, o export.WebhookOptions) *export.Webhook {
	t.Helper()
	o.Version = "1.2.3"
	o.Now = func() time.Time { return start }
	o.Bearer, o.Sign, o.Headers = given(token), given(secret), map[string]export.Source{"X-Api-Key": given(apiKey)}
	w, err := export.NewWebhook(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWebhook(t *testing.T) {
	for _, c := range []struct {
		format     export.Format
		ids        []string
		kind, body string
		id         string
	}{
		{export.ECS, []string{"l-1"}, "application/x-ndjson", `{"id":"l-1"}` + "\n", "l-1"},
		{export.ECS, []string{"l-1", "l-2"}, "application/x-ndjson", `{"id":"l-1"}` + "\n" + `{"id":"l-2"}` + "\n", "l-1_l-2"},
		{export.CloudEvents, []string{"l-1"}, "application/cloudevents+json", `{"id":"l-1"}`, "l-1"},
		{export.CloudEvents, []string{"l-1", "l-2"}, "application/cloudevents-batch+json", `[{"id":"l-1"},{"id":"l-2"}]`, "l-1_l-2"},
	} {
		var got *http.Request
		var body string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			got, body = r, string(text)
			w.WriteHeader(http.StatusAccepted)
		}))
		err := webhook(t, export.WebhookOptions{URL: server.URL + "/in?x=1", Format: c.format}).Send(t.Context(), items(c.ids...))
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, []byte("CANARY-signing-key-0123456789"))
		_, _ = fmt.Fprintf(mac, "%s.%d.%s", c.id, start.Unix(), c.body)
		for name, want := range map[string]string{
			"Content-Type": c.kind, "Authorization": "Bearer " + token, "X-Api-Key": apiKey, "User-Agent": "keyrota/1.2.3",
			"Webhook-Id": c.id, "Webhook-Timestamp": fmt.Sprint(start.Unix()),
			"Webhook-Signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		} {
			if got := got.Header.Get(name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		if body != c.body || got.Method != http.MethodPost || got.URL.String() != "/in?x=1" {
			t.Errorf("%s %s: %s", got.Method, got.URL, body)
		}
	}
}

// Whatever a server answers, its error says what a person can do, and repeats
// nothing of what was sent.
func TestWebhookThatRefuses(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, c := range []struct {
		status int
		header map[string]string
		kind   providers.Kind
		wait   time.Duration
		words  string
	}{
		{301, map[string]string{"Location": strings.Replace(other.URL, "127.0.0.1", "localhost", 1)}, providers.Invalid, 0, "it redirects to http://localhost:"},
		{307, map[string]string{"Location": strings.Replace(other.URL, "127.0.0.1", "localhost", 1)}, providers.Invalid, 0, "not sent along redirects"},
		{400, nil, providers.Invalid, 0, "status 400"},
		{401, nil, providers.Denied, 0, "credential"},
		{413, nil, providers.Invalid, 0, "batch:"},
		{429, map[string]string{"Retry-After": "60"}, providers.Limited, time.Minute, "429"},
		{429, map[string]string{"Retry-After": "999999999999"}, providers.Limited, 15 * time.Minute, "429"},
		{503, map[string]string{"Retry-After": start.Add(time.Minute).Format(http.TimeFormat)}, providers.Transient, time.Minute, "503"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range c.header {
				w.Header().Set(name, value)
			}
			w.Header().Set("X-Echo", token)
			w.WriteHeader(c.status)
			_, _ = fmt.Fprint(w, r.Header)
		}))
		err := webhook(t, export.WebhookOptions{URL: server.URL + "/hook-" + token}).Send(t.Context(), items("l-1"))
		server.Close()
		if err == nil || providers.KindOf(err) != c.kind || providers.RetryAfterOf(err) != c.wait || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%d: %s, wait %s: %v", c.status, providers.KindOf(err), providers.RetryAfterOf(err), err)
		}
		if strings.Contains(fmt.Sprintf("%+v %#v", err, err), "CANARY") {
			t.Errorf("%d: repeats a credential: %v", c.status, err)
		}
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d requests went along a redirect", n)
	}
}

// Without an answer, the address is not repeated either: a credential may be
// part of it.
func TestWebhookThatDoesNotAnswer(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing": "", "no HTTP": token + "\r\n\r\n", "a header cut short": "HTTP/1.1 200 OK\r\n" + token, "an odd status": "HTTP/1.1 " + token + " OK\r\n\r\n",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		}))
		err := webhook(t, export.WebhookOptions{URL: server.URL + "/" + token}).Send(t.Context(), items("l-1"))
		server.Close()
		if err == nil || providers.KindOf(err) != providers.Transient || strings.Contains(fmt.Sprintf("%+v", err), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := webhook(t, export.WebhookOptions{URL: "http://127.0.0.1:1/" + token})
	if err := w.Send(t.Context(), items("l-1")); err == nil || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "CANARY") {
		t.Error(err)
	}
}

// A server that answers without an end is not listened to without one.
func TestWebhookThatAnswersForEver(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 64<<10))
		}
	}))
	defer server.Close()
	if err := webhook(t, export.WebhookOptions{URL: server.URL}).Send(t.Context(), items("l-1")); err != nil {
		t.Error(err)
	}
}

func TestWebhookChecksCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	server.Config.ErrorLog = nil
	err := webhook(t, export.WebhookOptions{URL: server.URL}).Send(t.Context(), items("l-1"))
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := webhook(t, export.WebhookOptions{URL: server.URL, CAFile: ca}).Send(t.Context(), items("l-1")); err != nil {
		t.Error(err)
	}
	if _, err := export.NewWebhook(export.WebhookOptions{URL: server.URL, CAFile: "none"}); err == nil {
		t.Error("an authority that is not there is none")
	}
}

// Where a credential cannot be read, nothing is sent.
func TestWebhookWithoutItsCredential(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	none := func(context.Context) (providers.Secret, error) {
		return providers.Secret{}, errors.New("the variable is not set")
	}
	for _, o := range []export.WebhookOptions{{Bearer: none}, {Sign: none}, {Headers: map[string]export.Source{"X": none}}} {
		o.URL, o.Now = server.URL, time.Now
		w, err := export.NewWebhook(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Send(t.Context(), items("l-1")); providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "not set") {
			t.Errorf("got %v", err)
		}
	}
	if asked.Load() > 0 {
		t.Error("it was sent without")
	}
}

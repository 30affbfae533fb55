package wandb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/rotation"
)

// What the server on the wire knows: our account and its key.
const (
	ownKey = "local-0123456789ab_CANARY_own_0123456789-0123456789-0123456789"
	newKey = "local-ba9876543210_CANARY_new_0123456789-0123456789-0123456789"
)

var (
	ci   = rotation.Account{Ref: "ml/ci", ID: "u1", Name: "ci", Scope: rotation.ScopeTeam, Team: "ml"}
	own  = providers.NewSecret(ownKey)
	when = time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)
)

// reply is one answer of the server.
type reply struct {
	status int // 0: 200
	header map[string]string
	body   string
	cut    bool // break the connection off after the body
	raw    bool // the body is all that is sent, without HTTP
}

// wire is a server that gives one answer after another, the last one for ever.
type wire struct {
	*httptest.Server
	requests []*http.Request
	bodies   []string
}

func serve(t *testing.T, replies ...reply) *wire {
	t.Helper()
	w := &wire{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a := replies[min(len(w.requests), len(replies)-1)]
		w.requests, w.bodies = append(w.requests, r), append(w.bodies, string(body))
		if a.raw {
			connection, _, _ := out.(http.Hijacker).Hijack()
			_, _ = io.WriteString(connection, a.body)
			_ = connection.Close()
			return
		}
		out.Header().Set("Date", when.Format(http.TimeFormat))
		out.Header().Set("Content-Type", "application/json")
		for k, v := range a.header {
			out.Header().Set(k, v)
		}
		if a.status != 0 {
			out.WriteHeader(a.status)
		}
		_, _ = io.WriteString(out, a.body)
		if a.cut {
			_ = http.NewResponseController(out).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *wire) issuer(t *testing.T) *wandb.Issuer {
	return newIssuer(t, wandb.Config{URL: w.URL, AdminKey: fixed(orgAdminKey)})
}

func quiet(t *testing.T, err error) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
		if printed := fmt.Sprintf(verb, err); strings.Contains(printed, "CANARY") || strings.Contains(printed, "0123456789-0123456789") {
			t.Errorf("an error holds the value of a key, printed with %s", verb)
		}
	}
	var e *providers.Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("%T is no *providers.Error", err)
	}
}

// calls are the calls of an issuer, by name, for account ci.
var calls = map[string]func(context.Context, *wandb.Issuer) error{
	"Keys": func(ctx context.Context, i *wandb.Issuer) error {
		return i.Keys(ctx, "ml", func(rotation.Account, []rotation.Key) error { return nil })
	},
	"Keys of the organization": func(ctx context.Context, i *wandb.Issuer) error {
		return i.Keys(ctx, "", func(rotation.Account, []rotation.Key) error { return nil })
	},
	"KeysOf": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.KeysOf(ctx, ci, own)
		return err
	},
	"KeysOf as admin": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.KeysOf(ctx, ci, providers.Secret{})
		return err
	},
	"Issue": func(ctx context.Context, i *wandb.Issuer) error {
		_, _, err := i.Issue(ctx, ci, own, "keyrota/prod/u1/1@20260803T120000Z.n1")
		return err
	},
	"Verify": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.Verify(ctx, ci, own)
		return err
	},
	"Identify": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.Identify(ctx, own)
		return err
	},
	"Revoke": func(ctx context.Context, i *wandb.Issuer) error { return i.Revoke(ctx, ci, own, "k0") },
	"Provision": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.Provision(ctx, ci)
		return err
	},
	"FirstKey": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.FirstKey(ctx, ci)
		return err
	},
	"Projects": func(ctx context.Context, i *wandb.Issuer) error {
		return i.Projects(ctx, "ml", own, func(string) error { return nil })
	},
	"Runs": func(ctx context.Context, i *wandb.Issuer) error {
		return i.Runs(ctx, "ml", "eval", own, when, func(providers.Run) error { return nil })
	},
	"Beating": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.Beating(ctx, ci, []string{"ml"}, own, when)
		return err
	},
	"Members": func(ctx context.Context, i *wandb.Issuer) error {
		return i.Members(ctx, "ml", own, func(providers.Member) error { return nil })
	},
	"Access": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.Access(ctx, "ml", "eval", own)
		return err
	},
	"AuditAccess": func(ctx context.Context, i *wandb.Issuer) error { return i.AuditAccess(ctx) },
	"Audit": func(ctx context.Context, i *wandb.Issuer) error {
		return i.Audit(ctx, when, when.Add(time.Hour), "", func(providers.AuditEntry) error { return nil }, func(providers.AuditPage) error { return nil })
	},
	"RemoveAccount": func(ctx context.Context, i *wandb.Issuer) error { return i.RemoveAccount(ctx, ci) },
	"Bearer": func(ctx context.Context, i *wandb.Issuer) error {
		_, err := i.Bearer(ctx, own)
		return err
	},
}

const leaky = ownKey + " " + newKey + " " + orgAdminKey

func gql(message string) string {
	return fmt.Sprintf(`{"errors":[{"message":%q}],"data":null}`, message)
}

// TestEveryCall: what the transport says, whatever was asked. Each answer
// quotes keys, as a careless server or proxy might; no error may.
func TestEveryCall(t *testing.T) {
	type expect struct {
		kind  providers.Kind
		after time.Duration
		says  string
	}
	for name, c := range map[string]struct {
		reply
		expect
		verify *expect // where it differs
	}{
		"401":                  {reply{status: 401, body: gql(leaky)}, expect{kind: providers.Denied, says: "401"}, nil},
		"401 without words":    {reply{status: 401}, expect{kind: providers.Denied, says: "401 Unauthorized"}, nil},
		"403":                  {reply{status: 403, body: gql(leaky)}, expect{kind: providers.Denied, says: "403"}, &expect{kind: providers.Transient, says: "not known"}},
		"403 of a proxy":       {reply{status: 403, body: "<html>" + leaky}, expect{kind: providers.Denied, says: "403"}, &expect{kind: providers.Transient, says: "not known"}},
		"404 of a web server":  {reply{status: 404, body: "<html>" + leaky}, expect{kind: providers.Invalid, says: "wandb.url"}, nil},
		"400":                  {reply{status: 400, body: gql("must have " + leaky)}, expect{kind: providers.Invalid, says: "400"}, nil},
		"429, seconds":         {reply{status: 429, header: map[string]string{"Retry-After": "17"}, body: leaky}, expect{kind: providers.Limited, after: 17 * time.Second}, nil},
		"429, date":            {reply{status: 429, header: map[string]string{"Retry-After": when.Add(time.Minute).Format(http.TimeFormat)}}, expect{kind: providers.Limited, after: time.Minute}, nil},
		"429, reset":           {reply{status: 429, header: map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "42"}}, expect{kind: providers.Limited, after: 42 * time.Second}, nil},
		"429, reset at a time": {reply{status: 429, header: map[string]string{"RateLimit-Reset": fmt.Sprint(when.Add(time.Hour).Unix())}}, expect{kind: providers.Limited, after: time.Hour}, nil},
		"429, past":            {reply{status: 429, header: map[string]string{"Retry-After": "-5"}}, expect{kind: providers.Limited}, nil},
		"429, no number":       {reply{status: 429, header: map[string]string{"Retry-After": leaky}}, expect{kind: providers.Limited}, nil},
		"429, absurd":          {reply{status: 429, header: map[string]string{"Retry-After": "999999999"}}, expect{kind: providers.Limited, after: 24 * time.Hour}, nil},
		"429, a far date":      {reply{status: 429, header: map[string]string{"Retry-After": when.AddDate(9, 0, 0).Format(http.TimeFormat)}}, expect{kind: providers.Limited, after: 24 * time.Hour}, nil},
		"limited in GraphQL":   {reply{body: gql("rate limit exceeded")}, expect{kind: providers.Limited}, nil},
		"500":                  {reply{status: 500, body: leaky}, expect{kind: providers.Transient, says: "500"}, nil},
		"503, come back":       {reply{status: 503, header: map[string]string{"Retry-After": "5"}, body: gql(leaky)}, expect{kind: providers.Transient, after: 5 * time.Second}, nil},
		"redirect":             {reply{status: 307, header: map[string]string{"Location": "https://elsewhere.example/" + ownKey}}, expect{kind: providers.Invalid, says: "https://elsewhere.example "}, nil},
		"dropped":              {reply{raw: true}, expect{kind: providers.Transient, says: "broke"}, nil},
		"no HTTP":              {reply{raw: true, body: leaky + "\r\n\r\n"}, expect{kind: providers.Transient, says: "broke"}, nil},
		"cut off":              {reply{body: `{"data":{"viewer":{"id":"` + leaky, cut: true}, expect{kind: providers.Transient, says: "broke"}, nil},
		"a web page":           {reply{header: map[string]string{"Content-Type": "text/html"}, body: "<html>" + leaky}, expect{kind: providers.Transient, says: "wandb.url"}, nil},
		"half of JSON":         {reply{body: `{"data":{"viewer":{"id":"` + leaky}, expect{kind: providers.Transient, says: "JSON"}, nil},
		"nothing":              {reply{body: `{}`}, expect{kind: providers.Transient}, nil},
		"null":                 {reply{body: `{"data":null}`}, expect{kind: providers.Transient}, nil},
		"too long":             {reply{body: strings.Repeat(" ", 32<<20+1)}, expect{kind: providers.Transient, says: "longer"}, nil},
		"unknown words":        {reply{body: gql("oh no " + leaky)}, expect{kind: providers.Transient, says: "oh no"}, nil},
		"words and code":       {reply{body: `{"errors":[{"message":"no","extensions":{"code":"PERMISSION_ERROR"}}]}`}, expect{kind: providers.Denied}, &expect{kind: providers.Transient}},
		"words alone":          {reply{body: `{"errors":["permission denied ` + leaky + `"]}`}, expect{kind: providers.Denied}, &expect{kind: providers.Transient}},
		"permission, HTTP 400": {reply{status: 400, body: gql("permission denied")}, expect{kind: providers.Denied}, &expect{kind: providers.Transient}},
		"not logged in":        {reply{body: gql("user is not logged in")}, expect{kind: providers.Denied}, nil},
		"unknown field":        {reply{body: gql(`Cannot query field "apiKeys" on type "User"`)}, expect{kind: providers.Invalid}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, c.reply)
			for which, call := range calls {
				if name == "too long" && which != "Verify" {
					continue // 32 MiB once are enough
				}
				if (which == "Runs" || which == "Access") && c.status == 0 && c.kind == providers.Denied && c.verify != nil {
					continue // it is about the project, see TestHiddenProject
				}
				want := c.expect
				if (which == "Verify" || which == "Identify" || which == "Bearer") && c.verify != nil {
					want = *c.verify
				}
				err := call(t.Context(), w.issuer(t)) // one that no limit was told to yet
				quiet(t, err)
				if err == nil || providers.KindOf(err) != want.kind || providers.RetryAfterOf(err) != want.after || !strings.Contains(err.Error(), want.says) {
					t.Errorf("%s: %v after %s: %v; want %s after %s and %q",
						which, providers.KindOf(err), providers.RetryAfterOf(err), err, want.kind, want.after, want.says)
				}
			}
		})
	}
}

// TestUnreachable: nobody listens, and nobody answers in time.
func TestUnreachable(t *testing.T) {
	w := serve(t, reply{})
	w.Close()
	_, err := w.issuer(t).Verify(t.Context(), ci, own)
	quiet(t, err)
	if providers.KindOf(err) != providers.Transient || !strings.Contains(err.Error(), "connecting to") {
		t.Errorf("nobody listens: %v", err)
	}
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(hang) })
	i, err := wandb.New(wandb.Config{URL: slow.URL}, wandb.Options{HTTPClient: &http.Client{Timeout: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = i.Verify(t.Context(), ci, own)
	quiet(t, err)
	if providers.KindOf(err) != providers.Transient || !strings.Contains(err.Error(), "in time") {
		t.Errorf("nobody answers: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = i.Verify(ctx, ci, own); !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
}

// TestRequest: what is sent, to whom, and with which key.
func TestRequest(t *testing.T) {
	viewer := reply{body: `{"data":{"viewer":{"id":"u1","name":"ci","apiKeys":{"edges":[{"node":{"id":"k1","name":"local-0123456789ab"}}]}}}}`}
	w := serve(t, viewer)
	i, err := wandb.New(wandb.Config{URL: w.URL + "/", AdminKey: fixed(orgAdminKey)}, wandb.Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := i.Verify(t.Context(), ci, own)
	if want := (providers.Verified{Account: "u1", Key: "k1", At: when}); err != nil || v != want {
		t.Fatalf("verified %+v, %v, want %+v", v, err, want)
	}
	_ = i.Keys(t.Context(), "ml", nil)
	for n, want := range []struct{ key, privileges string }{{ownKey, ""}, {orgAdminKey, "true"}} {
		r := w.requests[n]
		user, password, _ := r.BasicAuth()
		if r.Method != http.MethodPost || r.URL.Path != "/graphql" || user != "api" || password != want.key {
			t.Errorf("%s %s as %q", r.Method, r.URL.Path, user)
		}
		if got := r.Header.Get("Use-Admin-Privileges"); got != want.privileges {
			t.Errorf("Use-Admin-Privileges is %q, want %q", got, want.privileges)
		}
		if agent := r.UserAgent(); !strings.HasPrefix(agent, "W&B Public Client ") || !strings.HasSuffix(agent, " keyrota/1.2.3") {
			t.Errorf("User-Agent is %q", agent)
		}
		if strings.Contains(w.bodies[n]+r.URL.String(), "CANARY") {
			t.Error("a key is sent elsewhere than in the credential")
		}
	}
}

// TestRedirectsCarryNothing: neither the key nor the request goes where a
// server redirects to.
func TestRedirectsCarryNothing(t *testing.T) {
	elsewhere := serve(t, reply{body: `{}`})
	for _, status := range []int{301, 302, 303, 307, 308} {
		w := serve(t, reply{status: status, header: map[string]string{"Location": elsewhere.URL + "/graphql"}})
		for name, call := range calls {
			if err := call(t.Context(), w.issuer(t)); providers.KindOf(err) != providers.Invalid || !strings.Contains(err.Error(), "wandb.url") {
				t.Errorf("%d, %s: %v", status, name, err)
			}
		}
	}
	if n := len(elsewhere.requests); n > 0 {
		t.Errorf("%d requests went along a redirect", n)
	}
}

package wandb_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// logged is a sandbox whose audit log has an entry every hour for 30 days.
func logged(t *testing.T, deployment string) *service {
	t.Helper()
	return startWith(t, sandbox.KeysHashed, orgAdmin, func(seed *sandbox.Seed) {
		seed.Settings.Deployment = deployment
		for n := range 30 * 24 {
			seed.AuditLog = append(seed.AuditLog, sandbox.AuditEntry{
				Action: "artifact:read", ActorUserID: fmt.Sprintf("u%d", n), EntityName: "ml", Timestamp: ago(30*oneDay - time.Duration(n)*time.Hour),
			})
		}
	})
}

// reading is what a reading of the log gave.
type reading struct {
	actors []string
	pages  []providers.AuditPage
}

func (r *reading) read(ctx context.Context, i *wandb.Issuer, from, until time.Time, cursor string) error {
	return i.Audit(ctx, from, until, cursor, func(e providers.AuditEntry) error {
		r.actors = append(r.actors, string(e.Actor))
		return nil
	}, func(p providers.AuditPage) error { r.pages = append(r.pages, p); return nil })
}

// TestAudit: all entries from a time up to another, each once, whatever the form
// and however the days lie.
func TestAudit(t *testing.T) {
	for _, deployment := range []string{"multi-tenant", "dedicated"} {
		s := logged(t, deployment)
		for name, c := range map[string]struct{ from, until time.Time }{
			"days":                  {ago(20*oneDay + 12*time.Hour), ago(3*oneDay + 12*time.Hour)},
			"from noon to the hour": {ago(20 * oneDay), ago(2 * time.Hour)},
			"between seconds":       {ago(9*oneDay - time.Millisecond), ago(8*oneDay - time.Millisecond)},
			"up to now":             {ago(oneDay), now},
			"later than now":        {ago(oneDay), now.Add(3 * time.Minute)},
			"another zone":          {ago(2 * oneDay).In(time.FixedZone("", 3600)), ago(oneDay).In(time.FixedZone("", -7200))},
			"nothing":               {now, now},
		} {
			t.Run(deployment+", "+name, func(t *testing.T) {
				var want []string
				for n := range 30 * 24 {
					if at := ago(30*oneDay - time.Duration(n)*time.Hour); !at.Before(c.from) && at.Before(c.until) {
						want = append(want, fmt.Sprintf("u%d", n))
					}
				}
				var r reading
				err := r.read(t.Context(), s.another(), c.from, c.until, "")
				r.actors = slices.DeleteFunc(r.actors, func(a string) bool { return !strings.HasPrefix(a, "u") }) // what this test itself did
				if err != nil || !slices.Equal(r.actors, want) {
					t.Errorf("%d entries, want %d, %v", len(r.actors), len(want), err)
				}
				end := c.until
				if end.After(now) {
					end = now // more has not happened yet
				}
				if n := len(r.pages); n > 0 && !r.pages[n-1].Until.Equal(end) {
					t.Errorf("read up to %s, want %s", r.pages[n-1].Until, end)
				}
			})
		}
	}
}

// TestAuditGoesOn: broken off anywhere, a reading goes on from its last cursor,
// also by another issuer, and reads no page twice.
func TestAuditGoesOn(t *testing.T) {
	for _, deployment := range []string{"multi-tenant", "dedicated"} {
		s := startWith(t, sandbox.KeysHashed, orgAdmin, func(seed *sandbox.Seed) {
			seed.Settings.Deployment = deployment
			for n := range 90_000 { // five pages of the dedicated form, in one stretch
				seed.AuditLog = append(seed.AuditLog, sandbox.AuditEntry{Action: "artifact:read", ActorUserID: fmt.Sprint(n), Timestamp: ago(6*oneDay - time.Duration(n)*time.Second)})
			}
			for n := range 10 {
				seed.AuditLog = append(seed.AuditLog, sandbox.AuditEntry{Action: "artifact:read", ActorUserID: fmt.Sprint(90_000 + n), Timestamp: ago(20*oneDay - time.Duration(n)*time.Hour)})
			}
		})
		from, until := ago(25*oneDay), ago(time.Hour)
		var r reading
		cursor := ""
		for try := range 30 {
			enough := errors.New("enough")
			err := s.another().Audit(t.Context(), from, until, cursor, func(e providers.AuditEntry) error {
				r.actors = append(r.actors, string(e.Actor))
				return nil
			}, func(p providers.AuditPage) error {
				r.pages, cursor = append(r.pages, p), p.Cursor
				return enough
			})
			if err == nil {
				break
			}
			if !errors.Is(err, enough) || try == 29 {
				t.Fatal(err)
			}
		}
		seen := map[string]bool{}
		for _, a := range r.actors {
			if seen[a] {
				t.Fatalf("%s: entry %s came twice", deployment, a)
			}
			seen[a] = true
		}
		if len(seen) != 90_010 {
			t.Errorf("%s: %d entries, want 90010", deployment, len(seen))
		}
		// A cursor that means nothing any more starts its stretch over, or all.
		for _, odd := range []string{"?", "at=2001-01-01T00:00:00Z", r.pages[0].Cursor + "&next=gone&end=2026-08-03T00:00:00Z"} {
			var again reading
			if err := again.read(t.Context(), s.another(), from, until, odd); err != nil || len(again.actors) < 90_000 {
				t.Errorf("%s: from %q: %d entries, %v", deployment, odd, len(again.actors), err)
			}
		}
	}
}

// TestAuditIsForAdministrators: who may not read it is told what to do.
func TestAuditIsForAdministrators(t *testing.T) {
	s := logged(t, "dedicated")
	if err := s.issuer.AuditAccess(t.Context()); err != nil {
		t.Errorf("an administrator: %v", err)
	}
	member := newIssuer(t, wandb.Config{URL: s.url, AdminKey: fixed(memberKey)})
	var r reading
	for name, err := range map[string]error{"access": member.AuditAccess(t.Context()), "reading": r.read(t.Context(), member, ago(oneDay), now, "")} {
		quiet(t, err)
		if providers.KindOf(err) != providers.Denied || err == nil || !strings.Contains(err.Error(), "organization-scoped service accounts") {
			t.Errorf("%s of a member: %v", name, err)
		}
	}
	err := newIssuer(t, wandb.Config{URL: s.url}).AuditAccess(t.Context())
	if providers.KindOf(err) != providers.Denied || !strings.Contains(err.Error(), "wandb.admin_key") {
		t.Errorf("without a key: %v", err)
	}
}

// logWire is a server of the audit log that answers as a test says.
func logWire(t *testing.T, answer func(r *http.Request, q url.Values) reply) (*wandb.Issuer, *[]string) {
	t.Helper()
	var asked []string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", when.Format(http.TimeFormat))
		if r.URL.Path == "/graphql" {
			_, _ = w.Write([]byte(`{"data":{"viewer":{"id":"u0","username":"ada"}}}`))
			return
		}
		if user, password, _ := r.BasicAuth(); user != "ada" || password != orgAdminKey {
			t.Errorf("asked as %q", user)
		}
		asked = append(asked, r.URL.Path+"?"+r.URL.RawQuery)
		a := answer(r, r.URL.Query())
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(max(a.status, 200))
		_, _ = w.Write([]byte(a.body))
		if a.cut {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(web.Close)
	return newIssuer(t, wandb.Config{URL: web.URL, AdminKey: fixed(orgAdminKey)}), &asked
}

func logPage(begin, end, next, entries string) reply {
	return reply{body: `{"audit_logs":[` + entries + `],"range_start_time":"` + begin + `","range_end_time":"` + end + `","count":1,"next_cursor":` + next + `}`}
}

const (
	entryOf1st = `{"action":"artifact:read","actor_user_id":"first","timestamp":"2026-08-01T06:00:00Z"}`
	entryOf2nd = `{"action":"artifact:read","actor_user_id":"second","timestamp":"2026-08-02T06:00:00Z"}`
)

// TestAuditAnswers: what is not told is never taken for nothing.
func TestAuditAnswers(t *testing.T) {
	from, until := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)
	whole := logPage("2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z", "null", entryOf1st+","+entryOf2nd)
	for name, c := range map[string]struct {
		answer func(path string, q url.Values, n int) reply
		actors string
		broken int
		kind   providers.Kind
		says   string // in an error; empty: there is none
	}{
		"whole": {answer: func(string, url.Values, int) reply { return whole }, actors: "first second"},
		"less than was asked for": {answer: func(_ string, q url.Values, _ int) reply {
			if q.Get("startDate") == "2026-08-01T00:00:00" {
				return logPage("2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z", "null", entryOf1st)
			}
			return logPage("2026-08-02T00:00:00Z", "2026-08-03T00:00:00Z", "null", entryOf2nd)
		}, actors: "first second"},
		"more than was asked for": {answer: func(string, url.Values, int) reply {
			return logPage("2026-07-01T00:00:00Z", "2026-09-01T00:00:00Z", "null", `{"timestamp":"2026-07-31T23:59:59Z"},`+entryOf1st+`,{"timestamp":"2026-08-03T00:00:00Z"}`)
		}, actors: "first"},
		"does not go back as far": {answer: func(string, url.Values, int) reply {
			return logPage("2026-08-02T00:00:00Z", "2026-08-03T00:00:00Z", "null", entryOf2nd)
		}, actors: "second", kind: providers.Invalid, says: "begins at 2026-08-02"},
		"another time": {answer: func(string, url.Values, int) reply {
			return logPage("2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z", "null", "")
		}, kind: providers.Invalid, says: "ends at 2026-07-02"},
		"no range": {answer: func(string, url.Values, int) reply { return reply{body: `{"audit_logs":[]}`} }, kind: providers.Invalid, says: "range of time"},
		"broken ones": {answer: func(string, url.Values, int) reply {
			return logPage("2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z", "null", `{"action":7},`+entryOf1st)
		}, actors: "first", broken: 1},
		"the same page for ever": {answer: func(string, url.Values, int) reply {
			return logPage("2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z", `"c"`, entryOf1st)
		}, actors: "first first", kind: providers.Transient, says: "not where"},
		"cut":        {answer: func(string, url.Values, int) reply { return reply{body: whole.body[:120], cut: true} }, actors: "first", kind: providers.Transient, says: "broke"},
		"half of it": {answer: func(string, url.Values, int) reply { return reply{body: whole.body[:120]} }, actors: "first", kind: providers.Transient, says: "broke"},
		"no JSON":    {answer: func(string, url.Values, int) reply { return reply{body: `{"audit_logs":[` + entryOf1st + `CANARY`} }, actors: "first", kind: providers.Transient, says: "not the JSON"},
		"the other form": {answer: func(path string, _ url.Values, _ int) reply {
			if path == "/audit_logs" {
				return whole
			}
			return reply{status: 404, body: "<html>" + leaky}
		}, actors: "first second"},
		"neither form": {answer: func(string, url.Values, int) reply { return reply{status: 404} }, kind: providers.Invalid, says: "neither form"},
		"several organizations": {answer: func(string, url.Values, int) reply {
			return reply{status: 400, header: map[string]string{"Content-Type": "text/plain"}, body: "user is associated with multiple organizations " + leaky}
		}, kind: providers.Invalid, says: "multiple organizations"},
		"refused":  {answer: func(string, url.Values, int) reply { return reply{status: 403, body: `{"error":"no"}`} }, kind: providers.Denied, says: "no (the audit log is for organization admins"},
		"dead key": {answer: func(string, url.Values, int) reply { return reply{status: 401} }, kind: providers.Denied, says: "put a new one"},
		"limited": {answer: func(string, url.Values, int) reply {
			return reply{status: 429, header: map[string]string{"Retry-After": "9"}}
		}, kind: providers.Limited, says: "429"},
		"unwell": {answer: func(string, url.Values, int) reply { return reply{status: 502, body: leaky} }, kind: providers.Transient, says: "502"},
		"a stream, of a server without pages": {answer: func(_ string, q url.Values, _ int) reply {
			if q.Get("numDays") != "1" || q.Get("limit") != "" || q.Get("endDate") != "" {
				return reply{body: entryOf1st + "\n"} // it does not know what it was asked
			}
			return reply{body: entryOf1st + "\nCANARY\n" + entryOf2nd + "\n"}
		}, actors: "first second", broken: 1},
		"an empty stream": {answer: func(string, url.Values, int) reply { return reply{} }},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			i, asked := logWire(t, func(r *http.Request, q url.Values) reply { n++; return c.answer(r.URL.Path, q, n) })
			var got reading
			err := got.read(t.Context(), i, from, until, "")
			quiet(t, err)
			if strings.Join(got.actors, " ") != c.actors {
				t.Errorf("%q", got.actors)
			}
			if c.says == "" {
				last := providers.AuditPage{}
				if len(got.pages) > 0 {
					last = got.pages[len(got.pages)-1]
				}
				if err != nil || !last.Until.Equal(until) || last.Broken != c.broken {
					t.Errorf("up to %s, %d broken, %v\nasked %q", last.Until, last.Broken, err, *asked)
				}
				return
			}
			if err == nil || providers.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", providers.KindOf(err), err)
			}
		})
	}
}

// TestAuditIsAskedWhereItIs: the multi-tenant cloud in its form, other servers
// in theirs; and what was learned is kept.
func TestAuditIsAskedWhereItIs(t *testing.T) {
	for host, want := range map[string]string{
		"https://api.wandb.ai":  "/audit_logs?limit=100000&numDays=0&startDate=2026-08-01",
		"https://acme.wandb.io": "/admin/audit_logs?endDate=2026-08-01T00%3A00%3A01&limit=20000&startDate=2026-08-01T00%3A00%3A00",
	} {
		var asked []string
		missing := true
		i, err := wandb.New(wandb.Config{URL: host, AdminKey: fixed(orgAdminKey)}, wandb.Options{HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
			w := httptest.NewRecorder()
			if r.URL.Path == "/graphql" {
				_, _ = w.WriteString(`{"data":{"viewer":{"id":"u0","username":"ada"}}}`)
				return w.Result()
			}
			asked = append(asked, r.URL.RequestURI())
			if missing {
				missing = false
				w.WriteHeader(http.StatusNotFound)
			}
			_, _ = w.WriteString(logPage("2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z", "null", "").body)
			return w.Result()
		})}})
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
		for range 2 {
			var r reading
			if err := r.read(t.Context(), i, from, from.Add(500*time.Millisecond), ""); err != nil {
				t.Fatal(err)
			}
		}
		if len(asked) != 3 || asked[0] != want || asked[1] != asked[2] || asked[1] == want {
			t.Errorf("%s: asked %q", host, asked)
		}
	}
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// TestAuditStalls: a page takes as long as it takes; one of which nothing comes
// any more ends.
func TestAuditStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drip := make(chan string)
		transport := roundTrip(func(r *http.Request) *http.Response {
			w := httptest.NewRecorder()
			if r.URL.Path == "/graphql" {
				_, _ = w.WriteString(`{"data":{"viewer":{"id":"u0","username":"ada"}}}`)
				return w.Result()
			}
			answer := w.Result()
			answer.Body = dripping{r.Context(), drip}
			return answer
		})
		i, err := wandb.New(wandb.Config{URL: "https://wandb.example", AdminKey: fixed(orgAdminKey)}, wandb.Options{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			drip <- `{"audit_logs":[` + entryOf1st
			for range 100 {
				time.Sleep(59 * time.Second)
				drip <- "," + entryOf1st
			}
		}()
		var r reading
		begun := time.Now()
		err = r.read(t.Context(), i, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC), "")
		if len(r.actors) != 101 || providers.KindOf(err) != providers.Transient || !strings.Contains(err.Error(), "nothing came for a minute") {
			t.Errorf("%d entries in %s, %v", len(r.actors), time.Since(begun), err)
		}
	})
}

// dripping is a body that comes bit by bit.
type dripping struct {
	ctx  context.Context
	drip <-chan string
}

func (d dripping) Read(p []byte) (int, error) {
	select {
	case text := <-d.drip:
		return copy(p, text), nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func (d dripping) Close() error { return nil }

// TestDecodeAudit: a file of the log, compressed.
func TestDecodeAudit(t *testing.T) {
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	_, _ = z.Write([]byte(entryOf1st + "\nCANARY\n" + entryOf2nd))
	_ = z.Close()
	var got reading
	count, err := newIssuer(t, wandb.Config{}).DecodeAudit(&file, func(e providers.AuditEntry) error {
		got.actors = append(got.actors, string(e.Actor))
		return nil
	})
	if err != nil || count != (providers.AuditCount{Entries: 2, Broken: 1}) || strings.Join(got.actors, " ") != "first second" {
		t.Errorf("%+v, %q, %v", count, got.actors, err)
	}
}

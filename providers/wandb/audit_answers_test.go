package wandb_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb"
)

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

// TestAuditCursors: a cursor of the server is sent in the form and for the range
// that it is of, whatever is asked for now.
func TestAuditCursors(t *testing.T) {
	from := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	i, asked := logWire(t, func(_ *http.Request, q url.Values) reply {
		if q.Get("cursor") == "" {
			return logPage("2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z", `"c1"`, entryOf1st)
		}
		return logPage("2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z", "null", "")
	})
	var cursor string
	enough := errors.New("enough")
	err := i.Audit(t.Context(), from, from.Add(oneDay), "", func(providers.AuditEntry) error { return nil }, func(p providers.AuditPage) error {
		cursor = p.Cursor
		return enough
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	err = i.Audit(t.Context(), from, from.Add(30*time.Hour), cursor, func(providers.AuditEntry) error { return nil }, func(providers.AuditPage) error { return enough })
	if want := (*asked)[0] + "&"; !errors.Is(err, enough) || len(*asked) != 2 || strings.Replace((*asked)[1], "cursor=c1&", "", 1)+"&" != want {
		t.Errorf("asked %q, %v", *asked, err)
	}
	i, asked = logWire(t, func(r *http.Request, q url.Values) reply {
		if r.URL.Path != "/audit_logs" {
			return reply{status: 404}
		}
		return logPage("2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z", "null", entryOf1st)
	})
	var r reading
	if err := r.read(t.Context(), i, from, from.Add(oneDay), cursor); err != nil || len(r.actors) != 1 || strings.Contains((*asked)[1], "cursor") {
		t.Errorf("asked %q, %q, %v", *asked, r.actors, err)
	}
}

// TestAuditOverlaps: a server that tells of more than it was asked, in each of
// two stretches: nothing comes twice.
func TestAuditOverlaps(t *testing.T) {
	i, asked := logWire(t, func(*http.Request, url.Values) reply {
		return logPage("2026-07-01T00:00:00Z", "2026-08-03T00:00:00Z", "null", `{"actor_user_id":"early","timestamp":"2026-07-21T00:00:00Z"},`+entryOf1st)
	})
	var r reading
	err := r.read(t.Context(), i, time.Date(2026, 7, 20, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC), "")
	if err != nil || len(*asked) != 2 || strings.Join(r.actors, " ") != "early first" {
		t.Errorf("asked %q, %q, %v", *asked, r.actors, err)
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

package sandbox_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

type auditPage struct {
	Entries []map[string]any `json:"audit_logs"`
	Start   time.Time        `json:"range_start_time"`
	End     time.Time        `json:"range_end_time"`
	Count   int
	Next    *string `json:"next_cursor"`
}

func (b *bench) audit(path string) auditPage {
	b.t.Helper()
	r := b.do(http.MethodGet, path, adminKey, nil, nil)
	var page auditPage
	if err := json.Unmarshal(r.body, &page); err != nil || r.status != 200 || page.Count != len(page.Entries) {
		b.t.Fatalf("%s: %d %v %s", path, r.status, err, r.body)
	}
	return page
}

func actions(entries []map[string]any) (all []string) {
	for _, e := range entries {
		all = append(all, e["action"].(string))
	}
	return all
}

func TestAuditLogRecords(t *testing.T) {
	b := newBench(t, nil)
	made := b.mustGenerate(ciKey, "")
	b.deleteKey(ciKey, b.Keys("ci")[0].ID)
	b.createAccount(leadKey, "ml", "new")
	b.viewer(leadKey, nil)
	b.log(made.Name, "ml", "team", "silent", nil)
	page := b.audit("/audit_logs")
	want := []string{"user:create_api_key", "user:delete_api_key", "team:create_service_account", "user:read"}
	if got := actions(page.Entries); !slices.Equal(got, want) {
		t.Fatalf("recorded %v: the logging of a run leaves no entry", got)
	}
	var ci string
	for _, a := range b.Accounts() {
		if a.Name == "ci" {
			ci = a.ID
		}
	}
	if e := page.Entries[0]; e["actor_user_id"] != ci || e["user_asset"] != ci || e["timestamp"] != "2026-08-03T12:00:00Z" {
		t.Errorf("entry is %v", e)
	}
	if e := page.Entries[2]; e["actor_email"] != "lea@acme.example" || e["entity_name"] != "ml" {
		t.Errorf("entry is %v", e)
	}
	b.do(http.MethodGet, "/audit_logs", adminKey, nil, nil)
	if got := b.audit("/audit_logs").Count; got != len(want) {
		t.Errorf("reading the log recorded something: %d", got)
	}
}

func TestAuditLogPages(t *testing.T) {
	b := newBench(t, nil)
	for range 5 {
		b.viewer(ciKey, nil)
		b.clock.Advance(24 * time.Hour)
	} // on the 3rd to the 7th; now it is the 8th
	for path, want := range map[string]int{
		"/audit_logs":                                0,
		"/audit_logs?numDays=2":                      2,
		"/audit_logs?startDate=2026-08-04":           1,
		"/audit_logs?startDate=2026-08-04&numDays=7": 4,
		"/admin/audit_logs?limit=100&numDays=7":      5,
		"/admin/audit_logs?startDate=2026-08-04T12:00:01Z&endDate=2026-08-06T12:00:00Z": 1,
		"/admin/audit_logs?startDate=2026-08-04T12:00:00Z&endDate=2026-08-06T12:00:01Z": 3,
	} {
		if got := b.audit(path).Count; got != want {
			t.Errorf("%s: %d entries, not %d", path, got, want)
		}
	}
	for _, base := range []string{"/audit_logs?numDays=7&limit=2", "/admin/audit_logs?numDays=7&limit=2"} {
		var sizes []int
		path := base
		for {
			page := b.audit(path)
			sizes = append(sizes, page.Count)
			if page.Next == nil {
				break
			}
			path = base + "&cursor=" + *page.Next
		}
		if !slices.Equal(sizes, []int{2, 2, 1}) {
			t.Errorf("%s: pages of %v", base, sizes)
		}
	}
	for path, status := range map[string]int{
		"/audit_logs?numDays=8": 400, "/audit_logs?limit=1000001": 400, "/audit_logs?cursor=x": 400,
		"/audit_logs?startDate=2026-08-04T12:00:00Z": 400, "/admin/audit_logs?limit=20001": 400,
		"/admin/audit_logs?numDays=1&endDate=2026-08-04": 400,
	} {
		if r := b.do(http.MethodGet, path, adminKey, nil, nil); r.status != status {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

func TestAuditLogStream(t *testing.T) {
	b := newBench(t, nil)
	b.viewer(leadKey, nil)
	b.createAccount(leadKey, "ml", "new")
	for path, anonymous := range map[string]bool{"/admin/audit_logs": false, "/admin/audit_logs?anonymize=true": true} {
		r := b.do(http.MethodGet, path, adminKey, nil, nil)
		lines := 0
		for scanner := bufio.NewScanner(bytes.NewReader(r.body)); scanner.Scan(); lines++ {
			var e sandbox.AuditEntry
			if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			if e.ActorUserID == "" || (e.ActorEmail == "") != anonymous {
				t.Errorf("%s: %+v", path, e)
			}
		}
		if lines != 2 {
			t.Errorf("%s: %d lines", path, lines)
		}
		if anonymous && strings.Contains(string(r.body), `"ml"`) {
			t.Error("an anonymous entry names a team")
		}
	}
}

func TestAuditLogPagesWhileItGrows(t *testing.T) {
	const entries, limit = 2500, 1000
	b := newBench(t, func(s *sandbox.Seed) {
		day := newClock().now
		for i := range entries {
			// The newest first: the log is in order of time whatever order the seed has.
			s.AuditLog = append(s.AuditLog, sandbox.AuditEntry{
				Action: "artifact:read", ActorUserID: fmt.Sprint(entries - i), Timestamp: day.Add(-time.Duration(i) * time.Second),
			})
		}
	})
	for _, base := range []string{"/audit_logs", "/admin/audit_logs"} {
		path := fmt.Sprintf("%s?startDate=2026-08-03&numDays=1&limit=%d", base, limit)
		var got []string
		for cursor := ""; ; {
			page := b.audit(path + cursor)
			for _, e := range page.Entries {
				if e["action"] == "artifact:read" {
					got = append(got, fmt.Sprint(e["actor_user_id"]))
				}
			}
			b.viewer(ciKey, nil) // one more entry
			if page.Next == nil {
				break
			}
			cursor = "&cursor=" + *page.Next
		}
		if len(got) != entries || got[0] != "1" || got[limit] != fmt.Sprint(limit+1) || got[entries-1] != fmt.Sprint(entries) {
			t.Errorf("%s: %d entries, from %s to %s", base, len(got), got[0], got[len(got)-1])
		}
	}
	if r := b.do(http.MethodGet, "/admin/audit_logs", adminKey, nil, nil); bytes.Count(r.body, []byte("\n")) < entries {
		t.Errorf("the stream has %d lines", bytes.Count(r.body, []byte("\n")))
	}
}

func TestAuditLogShowsWhatWasRefused(t *testing.T) {
	b := newBench(t, func(s *sandbox.Seed) { s.Settings.DisableKeyCreation = true })
	b.generate(ciKey, "")
	b.deleteKey(ciKey, b.Keys("max")[0].ID)
	b.tryCreateAccount(memberKey, "ml", "new")
	query[any](b, ciKey, `query { project(name: "restricted", entityName: "ml") { id } }`, nil, nil)
	b.viewer(strings.Repeat("x", 40), nil) // nobody's key
	var got []string
	for _, e := range b.audit("/audit_logs").Entries {
		got = append(got, fmt.Sprint(e["action"], " ", e["response_code"]))
	}
	want := []string{"user:create_api_key 403", "user:delete_api_key 403", "team:create_service_account 403", "project:read 403"}
	if !slices.Equal(got, want) {
		t.Errorf("the log has %q", got)
	}
}

func TestAuditLogAccess(t *testing.T) {
	for name, test := range map[string]struct {
		key    string
		status int
	}{
		"organization admin": {adminKey, 200}, "organization account": {orgKey, 200}, "team admin": {leadKey, 403},
		"team account": {ciKey, 403}, "nobody": {"", 401}, "bad key": {strings.Repeat("x", 40), 401},
	} {
		b := newBench(t, nil)
		for _, path := range []string{"/audit_logs", "/admin/audit_logs"} {
			// The header of GraphQL's privileges is not asked for here.
			r := b.do(http.MethodGet, path, test.key, nil, header{"Use-Admin-Privileges": ""})
			if r.status != test.status {
				t.Errorf("%s, %s: %d", name, path, r.status)
			}
		}
	}
}

func TestAuditLogByDeployment(t *testing.T) {
	for _, test := range []struct {
		deployment               string
		multiTenant, dedicated   int
		projectsRead, adminReads int
	}{{"", 200, 200, 1, 2}, {"multi-tenant", 200, 404, 1, 0}, {"dedicated", 404, 200, 0, 2}} {
		b := newBench(t, func(s *sandbox.Seed) { s.Settings.Deployment = test.deployment })
		for _, project := range []string{"open", "team"} {
			query[any](b, memberKey, `query($p: String) { project(name: $p, entityName: "ml") { id } }`, map[string]any{"p": project}, nil)
		}
		multi := b.do(http.MethodGet, "/audit_logs", adminKey, nil, nil)
		dedicated := b.do(http.MethodGet, "/admin/audit_logs", adminKey, nil, nil)
		if multi.status != test.multiTenant || dedicated.status != test.dedicated ||
			strings.Count(string(multi.body), "project:read") != test.projectsRead ||
			strings.Count(string(dedicated.body), "project:read") != test.adminReads {
			t.Errorf("%q: %d %s, %d %s", test.deployment, multi.status, multi.body, dedicated.status, dedicated.body)
		}
	}
}

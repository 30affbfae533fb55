package wandb_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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
			for n := range 41_000 { // three pages of the dedicated form, in one stretch
				seed.AuditLog = append(seed.AuditLog, sandbox.AuditEntry{Action: "artifact:read", ActorUserID: fmt.Sprint(n), Timestamp: ago(6*oneDay - time.Duration(n)*time.Second)})
			}
			for n := range 10 {
				seed.AuditLog = append(seed.AuditLog, sandbox.AuditEntry{Action: "artifact:read", ActorUserID: fmt.Sprint(41_000 + n), Timestamp: ago(20*oneDay - time.Duration(n)*time.Hour)})
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
		if len(seen) != 41_010 {
			t.Errorf("%s: %d entries, want 41010", deployment, len(seen))
		}
		// A cursor that means nothing any more starts its stretch over, or all.
		for _, odd := range []string{"?", "at=2001-01-01T00:00:00Z", r.pages[0].Cursor + "&next=gone&end=2026-08-03T00:00:00Z"} {
			var again reading
			if err := again.read(t.Context(), s.another(), from, until, odd); err != nil || len(again.actors) < 41_000 {
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

package findings

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
)

// sight is how much of a history can be seen.
type sight struct {
	name       string
	deployment string // of the sandbox; empty: any
	// dim stands before the sandbox; nil: nothing does.
	dim func(http.Handler) http.Handler
	// files says which entries are in the files that are read in place of the
	// log; nil: there are no files.
	files func(h *history.History, e sandbox.AuditEntry) bool
	// later is how much later everything is looked at once more, when the platform's
	// log has what the first look did; 0: it is not.
	later time.Duration
	// reads: the store knows of all secrets when they were last read, and not only
	// of those that have a copy.
	reads bool
	// bare: the configuration says nothing of how accounts are used.
	bare bool
}

func sights() []sight {
	refuse := func(status int, refuses func(*http.Request) bool) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if refuses(r) {
					http.Error(w, `{"errors":[{"message":"not now"}]}`, status)
					return
				}
				h.ServeHTTP(w, r)
			})
		}
	}
	return []sight{
		{name: "everything can be seen"},
		{name: "everything, once more a day later", later: 25 * time.Hour},
		{name: "the store knows when secrets were last read", reads: true},
		{name: "multi-tenant cloud, whose log leaves out open and public projects", deployment: "multi-tenant"},
		{name: "the audit log may not be read", dim: refuse(http.StatusForbidden, isLog)},
		{name: "the audit log breaks off a month ago", dim: refuse(http.StatusServiceUnavailable, func(r *http.Request) bool {
			return isLog(r) && r.URL.Query().Get("startDate") > "2026-07-03"
		})},
		{name: "files of the log, of which a month is missing", files: func(h *history.History, e sandbox.AuditEntry) bool {
			age := h.Now.Sub(e.Timestamp)
			return age < 20*24*time.Hour || age > 50*24*time.Hour
		}},
		{name: "nobody wrote down how accounts are used: no rhythm, Weave, projects or environment", bare: true},
	}
}

func isLog(r *http.Request) bool {
	return r.URL.Path == "/audit_logs" || r.URL.Path == "/admin/audit_logs"
}

// use says which sources are asked, and writes the files that one reads.
func (s sight) use(dir string, h *history.History) (u config.Use, err error) {
	u = config.Use{Runs: true, AuditLog: s.files == nil, Stores: true}
	if s.files == nil {
		return u, nil
	}
	name := filepath.Join(dir, "audit.jsonl")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return u, fmt.Errorf("writing the files of the audit log: %w", err)
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	u.AuditFiles = []string{name}
	return u, h.AuditLog(f, func(e sandbox.AuditEntry) bool { return s.files(h, e) })
}

package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The forms of the audit log, by deployment.
const (
	deploymentMultiTenant = "multi-tenant"
	deploymentDedicated   = "dedicated"
)

// The largest number of entries in one answer (W&B docs, audit logs).
const (
	maxLimitMultiTenant = 1_000_000
	maxLimitDedicated   = 20_000
)

const maxDays = 7

// auditQuery is one request for the audit log. The range is from start to before end.
type auditQuery struct {
	start, end time.Time
	limit      int
	after      int // entries of the range that came before, from the cursor
	anonymize  bool
	stream     bool
}

// serveAuditLogs is the multi-tenant form.
func (s *Server) serveAuditLogs(w http.ResponseWriter, r *http.Request) {
	s.serveAudit(w, r, deploymentMultiTenant, "audit_logs", parseMultiTenant)
}

// serveAdminAuditLogs is the form of dedicated and self-managed servers.
func (s *Server) serveAdminAuditLogs(w http.ResponseWriter, r *http.Request) {
	s.serveAudit(w, r, deploymentDedicated, "admin/audit_logs", parseDedicated)
}

type parseAudit func(v url.Values, now time.Time) (auditQuery, error)

func (s *Server) serveAudit(w http.ResponseWriter, r *http.Request, deployment, operation string, parse parseAudit) {
	s.perform(w, r, []string{operation}, func(q *request) answer {
		if d := q.world.settings.Deployment; d != "" && d != deployment {
			return errorAnswer(http.StatusNotFound, "this server has another form of the audit log")
		}
		switch {
		case q.account == nil:
			return errorAnswer(http.StatusUnauthorized, errNotLoggedIn.Error())
		case !q.account.admin && q.account.scope != ScopeOrganization:
			return errorAnswer(http.StatusForbidden, "the audit log is for organization administrators and organization-scoped service accounts")
		}
		query, err := parse(r.URL.Query(), q.now)
		if err != nil {
			return errorAnswer(http.StatusBadRequest, err.Error())
		}
		return q.world.auditAnswer(query, deployment)
	})
}

func (w *world) auditAnswer(query auditQuery, deployment string) answer {
	var inRange []AuditEntry
	for _, e := range w.audit {
		if e.Timestamp.Before(query.start) || !e.Timestamp.Before(query.end) {
			continue
		}
		if deployment == deploymentMultiTenant && (e.Visibility == VisibilityOpen || e.Visibility == VisibilityPublic) {
			continue
		}
		if query.anonymize {
			e = e.anonymous()
		}
		inRange = append(inRange, e)
	}
	page := inRange[min(query.after, len(inRange)):]
	var next *string
	if len(page) > query.limit {
		page = page[:query.limit]
		next = new(auditCursor(query.after + query.limit))
	}
	if query.stream {
		var lines bytes.Buffer
		encoder := json.NewEncoder(&lines)
		for _, e := range page {
			if err := encoder.Encode(e); err != nil {
				return errorAnswer(http.StatusInternalServerError, "an audit entry cannot be written as JSON")
			}
		}
		return answer{http.StatusOK, "application/x-ndjson", lines.Bytes()}
	}
	return jsonAnswer(http.StatusOK, struct {
		Entries []AuditEntry `json:"audit_logs"`
		Start   time.Time    `json:"range_start_time"`
		End     time.Time    `json:"range_end_time"`
		Count   int          `json:"count"`
		Next    *string      `json:"next_cursor"`
	}{append([]AuditEntry{}, page...), query.start, query.end, len(page), next})
}

// parseMultiTenant reads startDate as a day. The range is the day and numDays days after it; without startDate it
// ends now and begins numDays days before today. The exact bounds of W&B's are not public.
func parseMultiTenant(v url.Values, now time.Time) (auditQuery, error) {
	return parseRange(v, now, maxLimitMultiTenant, time.DateOnly)
}

// parseDedicated reads times to the second. With limit or endDate the answer is one JSON object, else a stream.
func parseDedicated(v url.Values, now time.Time) (auditQuery, error) {
	if v.Get("endDate") != "" && v.Get("numDays") != "" {
		return auditQuery{}, errors.New("endDate and numDays exclude each other")
	}
	q, err := parseRange(v, now, maxLimitDedicated, time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly)
	if err != nil {
		return q, err
	}
	if text := v.Get("endDate"); text != "" {
		if q.end, err = parseTime(text, time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly); err != nil {
			return q, fmt.Errorf("endDate: %w", err)
		}
	}
	q.anonymize = v.Get("anonymize") == "true"
	if v.Get("limit") == "" && v.Get("endDate") == "" {
		q.stream, q.limit = true, maxAudit
	}
	return q, nil
}

func parseRange(v url.Values, now time.Time, maxLimit int, layouts ...string) (auditQuery, error) {
	q := auditQuery{limit: maxLimit}
	days := 0
	if text := v.Get("numDays"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxDays {
			return q, fmt.Errorf("numDays is not a number from 0 to %d", maxDays)
		}
		days = n
	}
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return q, fmt.Errorf("limit is not a number from 1 to %d", maxLimit)
		}
		q.limit = n
	}
	var err error
	if q.after, err = parseAuditCursor(v.Get("cursor")); err != nil {
		return q, err
	}
	text := v.Get("startDate")
	if text == "" {
		today := now.UTC().Truncate(24 * time.Hour)
		q.start, q.end = today.AddDate(0, 0, -days), today.AddDate(0, 0, 1)
		return q, nil
	}
	if q.start, err = parseTime(text, layouts...); err != nil {
		return q, fmt.Errorf("startDate: %w", err)
	}
	q.end = q.start.AddDate(0, 0, days+1)
	return q, nil
}

func parseTime(text string, layouts ...string) (time.Time, error) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not written like %s", text, layouts[0])
}

func auditCursor(after int) string {
	return base64.URLEncoding.EncodeToString([]byte("after:" + strconv.Itoa(after)))
}

func parseAuditCursor(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	var after int
	raw, err := base64.URLEncoding.DecodeString(cursor)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "after:%d", &after)
	}
	if err != nil || after < 0 {
		return 0, errors.New("the cursor is not one that this server gave out")
	}
	return after, nil
}

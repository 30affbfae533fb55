package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
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
	after      int // the place in the whole log from which a page goes on, from the cursor
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
	first := max(w.audit.from(query.start), query.after-w.audit.forgotten)
	end := max(first, w.audit.from(query.end))
	page := auditPage{query: query, multiTenant: deployment == deploymentMultiTenant}
	page.entries, page.place = w.audit.entries[min(first, end):end], first+w.audit.forgotten
	if query.stream {
		return answer{status: http.StatusOK, contentType: "application/x-ndjson", stream: page.writeLines}
	}
	return answer{status: http.StatusOK, contentType: "application/json", stream: page.writeObject}
}

// auditPage is what is asked for of the log. It is written entry by entry and without the server's lock: a page may
// have a million.
type auditPage struct {
	query       auditQuery
	multiTenant bool
	entries     []AuditEntry
	place       int // of the first one in the whole log
}

// each gives the entries of the page, and returns how many there were and the place from which the next page goes on,
// 0 if there is none.
func (p auditPage) each(write func(AuditEntry) error) (count, next int, err error) {
	for i, e := range p.entries {
		switch {
		case p.multiTenant && (e.Visibility == VisibilityOpen || e.Visibility == VisibilityPublic):
			continue
		case count == p.query.limit:
			return count, p.place + i, nil
		}
		if p.query.anonymize {
			e = e.anonymous()
		}
		if err := write(e); err != nil {
			return count, 0, err
		}
		count++
	}
	return count, 0, nil
}

func (p auditPage) writeLines(w io.Writer) error {
	encoder := json.NewEncoder(w)
	_, _, err := p.each(func(e AuditEntry) error { return encoder.Encode(e) })
	return err
}

// writeObject writes the fields in the order in which W&B's documentation shows them.
func (p auditPage) writeObject(w io.Writer) error {
	encoder, separator := json.NewEncoder(w), `{"audit_logs":[`
	count, next, err := p.each(func(e AuditEntry) error {
		_, err := io.WriteString(w, separator)
		separator = ","
		return errors.Join(err, encoder.Encode(e))
	})
	if err != nil {
		return err
	}
	if count == 0 {
		if _, err := io.WriteString(w, separator); err != nil {
			return err
		}
	}
	end := struct {
		Start time.Time `json:"range_start_time"`
		End   time.Time `json:"range_end_time"`
		Count int       `json:"count"`
		Next  *string   `json:"next_cursor"`
	}{Start: p.query.start, End: p.query.end, Count: count}
	if next > 0 {
		end.Next = new(auditCursor(next))
	}
	rest, err := json.Marshal(end)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "],%s\n", rest[1:])
	return err
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
		q.stream, q.limit = true, math.MaxInt
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
	return base64.URLEncoding.EncodeToString([]byte("from:" + strconv.Itoa(after)))
}

func parseAuditCursor(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	var after int
	raw, err := base64.URLEncoding.DecodeString(cursor)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "from:%d", &after)
	}
	if err != nil || after < 0 {
		return 0, errors.New("the cursor is not one that this server gave out")
	}
	return after, nil
}

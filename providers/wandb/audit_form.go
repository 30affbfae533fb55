package wandb

import (
	"net/url"
	"strconv"
	"time"
)

// auditForm is one of the forms in which a server gives its audit log (W&B docs,
// audit logs).
type auditForm struct {
	path  string
	whole bool // asked for in whole days, of UTC, without an end
	limit int  // entries a page
	// stream: answers are entries one a line, without pages, as servers gave
	// them that know no pages.
	stream bool
}

const (
	oneDay = 24 * time.Hour
	// mostDays is the largest numDays of the multi-tenant form; the answer is of
	// one day more.
	mostDays = 7
	// How the log's times are written, in UTC.
	toTheSecond = "2006-01-02T15:04:05"
)

// auditForms are the forms: first the one of the server's address or, where it
// was learned that it has the other, that one.
func (i *Issuer) auditForms(other bool) [2]auditForm {
	// A page is what is read anew after the connection broke: so no more than a
	// tenth of the million that the multi-tenant form allows.
	forms := [2]auditForm{{path: "audit_logs", whole: true, limit: 100_000}, {path: "admin/audit_logs", limit: 20_000}}
	if (i.base.String() == DefaultURL) == other {
		forms[0], forms[1] = forms[1], forms[0]
	}
	return forms
}

// question is what to ask for the entries from a place on, and up to which time
// the answer is.
func (f auditForm) question(p place, until time.Time) (url.Values, time.Time) {
	q := url.Values{}
	if !f.stream {
		q.Set("limit", strconv.Itoa(f.limit))
	}
	if p.next != "" {
		until = p.end // a cursor is for the same range
		q.Set("cursor", p.next)
	}
	if !f.whole && !f.stream {
		begin := p.at.Truncate(time.Second)
		end := earlier(begin.Add(mostDays*oneDay), until)
		if second := end.Truncate(time.Second); second.Before(end) {
			end = second.Add(time.Second)
		}
		q.Set("startDate", begin.Format(toTheSecond))
		q.Set("endDate", end.Format(toTheSecond))
		return q, end
	}
	begin := p.at.Truncate(oneDay)
	days := 0
	for days < mostDays && begin.Add(time.Duration(days+1)*oneDay).Before(until) {
		days++
	}
	q.Set("startDate", begin.Format(time.DateOnly))
	q.Set("numDays", strconv.Itoa(days))
	return q, begin.Add(time.Duration(days+1) * oneDay)
}

// place is how far the log was read: all before at and, where next is set, the
// pages before it of the range from at to end.
type place struct {
	form    string
	at, end time.Time
	next    string
}

// String returns the place as a cursor.
func (p place) String() string {
	v := url.Values{"form": {p.form}, "at": {p.at.Format(time.RFC3339Nano)}}
	if p.next != "" {
		v.Set("end", p.end.Format(time.RFC3339Nano))
		v.Set("next", p.next)
	}
	return v.Encode()
}

// parsePlace reads a cursor. One that is not within the time that is asked for
// stands for its beginning.
func parsePlace(cursor string, from, until time.Time) place {
	v, err := url.ParseQuery(cursor)
	at, atErr := time.Parse(time.RFC3339Nano, v.Get("at"))
	if err != nil || atErr != nil || at.Before(from) || at.After(until) {
		return place{at: from.UTC()}
	}
	p := place{form: v.Get("form"), at: at.UTC(), next: v.Get("next")}
	if p.next != "" {
		if p.end, err = time.Parse(time.RFC3339Nano, v.Get("end")); err != nil {
			p.next = ""
		}
	}
	return p
}

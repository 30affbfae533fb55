package wandb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb/auditlog"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.AuditReader  = (*Issuer)(nil)
	_ providers.AuditDecoder = (*Issuer)(nil)
)

const hintAudit = "the audit log is for organization admins and organization-scoped service accounts, on enterprise plans: wandb.admin_key must be a key of one"

// DecodeAudit yields the entries of a file of the audit log, as it is synced to a
// bucket or was kept by hand.
func (i *Issuer) DecodeAudit(r io.Reader, yield func(providers.AuditEntry) error) (providers.AuditCount, error) {
	answer, err := auditlog.Read(r, yield)
	return answer.AuditCount, err
}

// AuditAccess says whether the administrator's key may read the audit log, by
// asking for one entry.
func (i *Issuer) AuditAccess(ctx context.Context) error {
	l, err := i.log(ctx, "check the access to the audit log")
	if err != nil {
		return err
	}
	return l.inForm(func(f auditForm) error {
		answer, err := l.get(ctx, l.issuer.http, f, url.Values{"limit": {"1"}})
		if err != nil {
			return err
		}
		return answer.Body.Close()
	})
}

// Audit reads the log in stretches of at most eight days, each page by page. What
// counts is the range that the answer says it is of: whatever is missing in it
// is asked for next, or an error. It ends at the server's own clock where that
// is earlier than until.
func (i *Issuer) Audit(ctx context.Context, from, until time.Time, cursor string, yield func(providers.AuditEntry) error, page func(providers.AuditPage) error) error {
	l, err := i.log(ctx, "read the audit log")
	if err != nil {
		return err
	}
	l.until = until.UTC()
	p := parsePlace(cursor, from, until)
	var sum providers.AuditCount
	for resumed := p.next != ""; p.at.Before(l.until); resumed = false {
		var told auditlog.Answer
		var after place
		err := l.inForm(func(f auditForm) (err error) {
			here := p
			if here.form != f.path {
				here.next = "" // a cursor is good in its form alone
			}
			told, after, err = l.read(ctx, f, here, yield)
			return err
		})
		if resumed && staleCursor(err) {
			p.next = ""
			continue
		}
		if err != nil {
			return err
		}
		sum.Entries, sum.Broken = sum.Entries+told.Entries, sum.Broken+told.Broken
		p = after
		if err := page(providers.AuditPage{Cursor: p.String(), Until: p.at, AuditCount: sum}); err != nil {
			return err
		}
	}
	return nil
}

// staleCursor reports whether a cursor from an earlier reading is what the
// server refuses.
func staleCursor(err error) bool {
	var r *refusal
	return errors.As(err, &r) && (r.status == http.StatusBadRequest || r.status == http.StatusGone || r.status == http.StatusUnprocessableEntity)
}

// auditReading is one reading of the log.
type auditReading struct {
	*call
	username string
	until    time.Time // the end of the time to read: no later than the server's clock
}

// log prepares a reading. The log is for HTTP Basic with a user name (W&B docs,
// audit logs), so the server is asked first whose the key is.
func (i *Issuer) log(ctx context.Context, op string) (*auditReading, error) {
	c, err := i.asAdmin(ctx, op, i.config.Organization, rotation.ScopeOrganization, "")
	if err != nil {
		return nil, err
	}
	v, err := c.whose(ctx)
	if err != nil {
		return nil, err
	}
	return &auditReading{call: c, username: v.Username}, nil
}

// inForm does something in the form of the log that the server is known for or,
// where it answers that there is no such thing, in the other one.
func (l *auditReading) inForm(do func(auditForm) error) error {
	other := l.issuer.otherForm.Load()
	forms := l.issuer.auditForms(other)
	err := do(forms[0])
	if !absent(err) {
		return l.hinted(err)
	}
	if err := do(forms[1]); !absent(err) {
		if err == nil {
			l.issuer.otherForm.CompareAndSwap(other, !other)
		}
		return l.hinted(err)
	}
	return l.fail(providers.Invalid, errors.New("the server has no audit log, in neither form"), "it may be older than the log, or its plan without it; "+hintURL)
}

func absent(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusNotFound
}

// hinted adds what a person can do about a key that may not read the log.
func (l *auditReading) hinted(err error) error {
	var e *providers.Error
	var r *refusal
	if errors.As(err, &e) && e.Kind == providers.Denied && errors.As(err, &r) && !r.badKey {
		e.Hint = hintAudit
	}
	return err
}

// get asks for a part of the log. Whoever calls it closes the answer.
func (l *auditReading) get(ctx context.Context, client doer, f auditForm, query url.Values) (*http.Response, error) {
	to := l.issuer.base.JoinPath(f.path)
	to.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, l.fail(providers.Invalid, errors.New("the request cannot be made"), "")
	}
	r.SetBasicAuth(l.username, l.key.Expose())
	answer, err := l.send(ctx, client, r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		l.heed(answer.Header, nil)
		return answer, nil
	}
	defer answer.Body.Close()
	text, err := l.call.read(ctx, answer)
	if err == nil {
		err = l.refusedPlainly(answer, text)
	}
	l.heed(answer.Header, err)
	return nil, err
}

// read reads one answer, and returns where to go on. Entries are yielded of the
// stretch alone that is asked for, so that none comes twice where answers
// overlap.
func (l *auditReading) read(ctx context.Context, f auditForm, p place, yield func(providers.AuditEntry) error) (auditlog.Answer, place, error) {
	f.stream = l.issuer.auditStreams.Load()
	query, end := f.question(p, l.until)
	ctx, w := watched(ctx, l.issuer.http)
	defer w.stop()
	answer, err := l.get(ctx, w, f, query)
	if err != nil {
		return auditlog.Answer{}, p, err
	}
	defer answer.Body.Close()
	if !l.date.IsZero() {
		l.until = earlier(l.until, l.date)
	}
	take := auditlog.ReadPage
	if f.stream {
		take = auditlog.Read
	}
	var stopped error
	told, err := take(w.reading(answer.Body), func(e providers.AuditEntry) error {
		if !e.At.Before(p.at) && e.At.Before(end) && e.At.Before(l.until) {
			stopped = yield(e)
		}
		return stopped
	})
	switch {
	case stopped != nil:
		return told, p, stopped
	case errors.Is(err, auditlog.ErrNoPage):
		l.issuer.auditStreams.Store(true) // a server from before there were pages
		return auditlog.Answer{}, p, nil
	case err != nil:
		return told, p, l.broken(ctx, err)
	case told.Next == "":
		if !f.stream {
			end, err = l.covered(told, p.at, end)
		}
		if end = earlier(end, l.until); end.Before(p.at) {
			end = p.at // the server's clock is behind
		}
		return told, place{form: f.path, at: end}, err
	case told.Next == p.next:
		return told, p, l.fail(providers.Transient, errors.New("the server says that there are more pages, and not where"), "")
	}
	return told, place{form: f.path, at: p.at, end: end, next: told.Next}, nil
}

// broken makes the error of an answer that breaks off or is not what it begins
// as.
func (l *auditReading) broken(ctx context.Context, err error) error {
	if errors.Is(err, auditlog.ErrSyntax) {
		return l.fail(providers.Transient, err, hintSchema)
	}
	return l.unreached(ctx, err)
}

// covered returns up to when an answer of a stretch told all.
func (l *auditReading) covered(told auditlog.Answer, begin, end time.Time) (time.Time, error) {
	switch {
	case told.Start.IsZero() || told.End.IsZero():
		return end, l.fail(providers.Invalid, errors.New("the answer does not say of which range of time it is"), hintSchema)
	case told.Start.After(begin):
		return end, l.fail(providers.Invalid, fmt.Errorf("asked for entries from %s on, the answer begins at %s",
			begin.Format(time.RFC3339), told.Start.Format(time.RFC3339)), "the log does not go back as far: older use is not known")
	case !told.End.Before(l.until):
		return end, nil
	case !told.End.After(begin):
		return end, l.fail(providers.Invalid, fmt.Errorf("asked for entries from %s on, the answer ends at %s",
			begin.Format(time.RFC3339), told.End.Format(time.RFC3339)), hintSchema)
	}
	return earlier(told.End.UTC(), end), nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// refusedPlainly makes the error of an answer that is not GraphQL's. In what form
// W&B refuses here is not public: JSON or plain text.
func (l *auditReading) refusedPlainly(answer *http.Response, text []byte) error {
	defer clear(text)
	var body struct {
		Errors  []json.RawMessage `json:"errors"`
		Error   json.RawMessage   `json:"error"`
		Message json.RawMessage   `json:"message"`
	}
	understood := json.Unmarshal(text, &body) == nil
	words := body.Errors
	for _, one := range []json.RawMessage{body.Error, body.Message} {
		if len(one) > 0 {
			words = append(words, one)
		}
	}
	if !understood && strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain") {
		if one, err := json.Marshal(string(text)); err == nil {
			words = append(words, one)
		}
	}
	return l.refused(answer, words, understood)
}

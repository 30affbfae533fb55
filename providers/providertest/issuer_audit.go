package providertest

import (
	"errors"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// auditCases: the platform's own log, for issuers that can read it.
func auditCases() []issuerCase {
	return []issuerCase{
		{
			name: "audit log", story: "What an account did is in the log under its id; reading on from a cursor repeats nothing.",
			run: func(r *issuerRun) {
				reader, clock := able[providers.AuditReader](r), ability[TimePasser](r)
				a, _, value := r.live("acts")
				r.issue(a, value, r.label(a, 1))
				clock.Pass(r.T, time.Minute)
				now := r.clock(a, value)
				if able[providers.AccessChecker](r).AuditAccess(r.ctx()) != nil {
					r.Skip("this credential may not read the log")
				}
				read := func(cursor string) (created int, page providers.AuditPage) {
					err := reader.Audit(r.ctx(), now.Add(-time.Hour), now.Add(time.Hour), cursor, func(e providers.AuditEntry) error {
						r.hunt("an entry", e)
						if e.Actor == a.ID && e.Action == "user:create_api_key" && !e.At.IsZero() {
							created++
						}
						return nil
					}, func(p providers.AuditPage) error { page = p; return nil })
					r.must(err, "read the audit log")
					return created, page
				}
				created, page := read("")
				if created != 1 || page.Entries == 0 || page.Broken != 0 || page.Cursor == "" || page.Until.Before(now) {
					r.Errorf("%d creations of a key, %+v", created, page)
				}
				if again, _ := read(page.Cursor); again != 0 {
					r.Errorf("after the end %d entries come again", again)
				}
				full := errors.New("no more")
				err := reader.Audit(r.ctx(), now.Add(-time.Hour), now.Add(time.Hour), "", func(providers.AuditEntry) error { return full }, func(providers.AuditPage) error { return nil })
				if !errors.Is(err, full) {
					r.Errorf("stopped: %v", err)
				}
			},
		},
		{
			name: "audit log, denied", story: "Who may not read the log is told so; an empty log would read as nobody having done anything.",
			run: func(r *issuerRun) {
				able[providers.AuditReader](r)
				a, _, value := r.live("may-not")
				now := r.clock(a, value)
				r.issuer = r.WithoutAdmin(r.T)
				err := able[providers.AuditReader](r).Audit(r.ctx(), now.Add(-time.Hour), now, "", func(providers.AuditEntry) error { return nil }, func(providers.AuditPage) error { return nil })
				r.hinted(err, providers.Denied)
				r.hinted(able[providers.AccessChecker](r).AuditAccess(r.ctx()), providers.Denied)
			},
		},
	}
}

// federationCases: accounts that own no key.
func federationCases() []issuerCase {
	return []issuerCase{
		{
			name: "exchange", story: "What is no JWT, and what is no access token, is Denied, and not quoted.",
			run: func(r *issuerRun) {
				exchanger := able[providers.Exchanger](r)
				for _, s := range []string{"", "CANARY-no-jwt-0123456789-0123456789-0123456789", "eyJhbGciOiJub25lIn0.eyJDQU5BUlkiOiIxIn0.CANARY0123456789"} {
					_, err := exchanger.Exchange(r.ctx(), providers.NewSecret(s))
					r.want(err, providers.Denied)
					_, err = exchanger.Bearer(r.ctx(), providers.NewSecret(s))
					r.want(err, providers.Denied)
				}
			},
		},
	}
}

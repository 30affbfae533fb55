package notify_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/notify/notifytest"
)

// certificate is one for this machine, and the file that says to trust it.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: s.TLS.Certificates}, file
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEmail(t *testing.T) {
	trusted, ca := certificate(t)
	for _, c := range []struct {
		name     string
		tls      string      // that the sink asks for
		implicit bool        // the server speaks TLS from the first byte
		offers   *tls.Config // STARTTLS
		password string      // that the sink has
		ca       string      // that the sink trusts
		kind     providers.Kind
		words    string // empty: it arrives
	}{
		{name: "STARTTLS", offers: trusted, password: mailPass, ca: ca},
		{name: "TLS", tls: notify.TLS, implicit: true, password: mailPass, ca: ca},
		{name: "no STARTTLS", password: mailPass, ca: ca, kind: providers.Denied, words: "does not offer STARTTLS (write tls: tls"},
		{name: "not trusted", offers: trusted, password: mailPass, kind: providers.Transient, words: "certificate"},
		{name: "wrong password", offers: trusted, password: "CANARY-wrong-0123456789-0123456789-0123456789", ca: ca, kind: providers.Denied, words: "535 to the login (do user and password still work?)"},
		{name: "TLS where there is none", tls: notify.TLS, offers: trusted, password: mailPass, ca: ca, kind: providers.Transient, words: "does it answer there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := notifytest.Mail{TLS: c.offers, User: "keyrota", Password: mailPass}
			l := listen(t)
			address := l.Addr().String()
			if c.implicit {
				l = tls.NewListener(l, trusted)
			}
			defer server.Serve(l)()
			sink, err := notify.NewEmail(notify.EmailOptions{
				Name: "mail", Server: address, TLS: c.tls, From: "keyrota@acme.example", To: []string{"sec@acme.example"},
				User: given("keyrota"), Password: given(c.password), CAFile: c.ca, Instance: "prod", Now: time.Now,
			})
			if err != nil {
				t.Fatal(err)
			}
			sent, err := sink.Send(t.Context(), "sec@acme.example", []notify.Notice{notice(notify.Raised, anItem())})
			if c.words != "" {
				refused(t, c.name, sent, err, c.kind, 0, c.words)
				if n := len(server.Taken()); n != 0 {
					t.Errorf("%d mails arrived", n)
				}
				return
			}
			taken := server.Taken()
			if err != nil || sent != 1 || len(taken) != 1 {
				t.Fatal(sent, err, server.Refused())
			}
			m := taken[0]
			if !m.Secure || m.From != "keyrota@acme.example" || m.To != "sec@acme.example" || m.Header.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("%+v", m)
			}
			if m.Header.Get("Message-Id") != "<n1@acme.example>" || m.Subject != "[keyrota prod] ml/a is unused" {
				t.Errorf("%s: %s", m.Header.Get("Message-Id"), m.Subject)
			}
		})
	}
}

// Each owner is written to of what is theirs, and an address that is refused
// keeps nothing from the others.
func TestEmailToOwners(t *testing.T) {
	at := monday
	w := newWorld(t, func() time.Time { return at })
	defer w.ledger.Close()
	w.mail.Unknown = []string{"gone@acme.example"}
	mine, theirs, nobody := example("unused", finding.Ticket, "a"), example("unused", finding.Ticket, "b"), example("unused", finding.Ticket, "c")
	mine.Owner, theirs.Owner, nobody.Owner = "Ann <Ann@acme.example>", "gone@acme.example", "the platform team"
	w.tell(mine, theirs, nobody)
	err := w.n.Flush(t.Context())
	if err == nil || !strings.Contains(err.Error(), "refused: sending SMTP RCPT TO command 550 5.1.1 (is the address right") {
		t.Errorf("%v", err)
	}
	got := map[string]string{}
	for _, m := range w.mail.Taken() {
		got[m.To] += m.Subject
	}
	if len(got) != 2 || got["sec@acme.example"] != "[keyrota prod] 3 new findings" || got["ann@acme.example"] != "[keyrota prod] unused of a (ml-platform/a)" {
		t.Errorf("%q", got)
	}
	w.mail.Unknown = nil
	at = at.Add(time.Hour)
	w.flush()
	if all := w.mail.Taken(); len(all) != 3 || all[2].To != "gone@acme.example" {
		t.Errorf("%d mails", len(all))
	}
}

// A mail that is refused with its files is written without them.
func TestEmailThatIsTooLarge(t *testing.T) {
	server := notifytest.Mail{Most: 100_000}
	sink, err := notify.NewEmail(notify.EmailOptions{
		Name: "mail", Server: "127.0.0.1:25", TLS: notify.NoTLS, From: "keyrota@acme.example", To: []string{"sec@acme.example"},
		Instance: "prod", Now: time.Now, Dial: server.Dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	large := notice(notify.Raised, anItem())
	large.Files = []notify.File{{Name: "report.html", Type: "text/html", Data: bytes.Repeat([]byte("x"), 200_000)}}
	if sent, err := sink.Send(t.Context(), "sec@acme.example", []notify.Notice{large}); sent != 1 || err != nil {
		t.Fatal(sent, err)
	}
	if taken := server.Taken(); len(taken) != 1 || len(taken[0].Files) != 0 || !strings.Contains(taken[0].Text, "left out: report.html") || !strings.Contains(taken[0].HTML, "left out: report.html") {
		t.Errorf("%+v", taken)
	}
	server.Most = 100
	sent, err := sink.Send(t.Context(), "sec@acme.example", []notify.Notice{large})
	refused(t, "too small", sent, err, providers.Invalid, 0, "552")
}

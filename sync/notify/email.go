package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"net"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	text "text/template"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/export"
)

// How the connection to a mail server is protected.
const (
	StartTLS = "starttls" // RFC 3207; a server that does not offer it is refused
	TLS      = "tls"      // from the first byte (RFC 8314)
	NoTLS    = "off"      // to this machine only
)

// EmailOptions say which mail server is used and who is written to.
type EmailOptions struct {
	Name     string // of the sink, for errors
	Server   string // host:port
	TLS      string // StartTLS, TLS or NoTLS; empty: StartTLS
	From     string
	To       []string
	Owners   bool          // owners are written to as well, of what is theirs
	User     export.Source // nil: no login
	Password export.Source
	CAFile   string // authorities to trust besides the system's; empty: none
	Instance string
	Version  string
	Now      func() time.Time
	// Dial makes the connection; nil: a net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Email writes mails in HTML and in plain text. It is safe for concurrent use.
type Email struct {
	o     EmailOptions
	host  string
	port  int
	tls   *tls.Config
	html  *html.Template
	plain *text.Template
}

//go:embed email.html.tmpl email.txt.tmpl
var emailTemplates embed.FS

// NewEmail makes a sink of a mail server, without a call.
func NewEmail(o EmailOptions) (*Email, error) {
	if o.TLS == "" {
		o.TLS = StartTLS
	}
	host, port, err := net.SplitHostPort(o.Server)
	number, notNumber := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || notNumber != nil || host == "":
		return nil, errors.New("email: the server must be host:port, such as smtp.example.com:587")
	case o.TLS != StartTLS && o.TLS != TLS && o.TLS != NoTLS:
		return nil, fmt.Errorf("email: tls is %q: write %s, %s or %s", o.TLS, StartTLS, TLS, NoTLS)
	case o.TLS == NoTLS && !loopback(host):
		return nil, errors.New("email: without TLS everyone on the way reads along: tls: off is for a server on this machine")
	case (o.User == nil) != (o.Password == nil):
		return nil, errors.New("email: write user and password, or neither")
	case o.TLS == NoTLS && o.User != nil:
		return nil, errors.New("email: a password is not sent without TLS")
	case len(o.To) == 0 && !o.Owners:
		return nil, errors.New("email: nobody is written to: write to:, or owners: true")
	}
	for _, a := range append([]string{o.From}, o.To...) {
		if _, err := netmail.ParseAddress(a); err != nil {
			return nil, fmt.Errorf("email: %q is not a mail address", a)
		}
	}
	trust, err := providers.Transport(o.CAFile)
	if err != nil {
		return nil, err
	}
	e := &Email{o: o, host: host, port: int(number), tls: trust.TLSClientConfig}
	e.tls.ServerName = host
	functions := map[string]any{"clock": clock, "join": strings.Join}
	if e.html, err = html.New("email.html.tmpl").Funcs(functions).ParseFS(emailTemplates, "email.html.tmpl"); err != nil {
		return nil, fmt.Errorf("email: %w", err)
	}
	if e.plain, err = text.New("email.txt.tmpl").Funcs(functions).ParseFS(emailTemplates, "email.txt.tmpl"); err != nil {
		return nil, fmt.Errorf("email: %w", err)
	}
	return e, nil
}

// Lanes: each address is written to by itself, so that one which is refused
// keeps nothing from the others.
func (e *Email) Lanes(i *Item) []string {
	var lanes []string
	for _, to := range e.o.To {
		lanes = append(lanes, mailbox(to))
	}
	if e.o.Owners && i != nil {
		lanes = append(lanes, mailbox(i.Owner))
	}
	lanes = slices.DeleteFunc(lanes, func(to string) bool { return to == "" })
	slices.Sort(lanes)
	return slices.Compact(lanes)
}

// mailbox returns the address alone; empty: it is none.
func mailbox(s string) string {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return ""
	}
	return strings.ToLower(a.Address)
}

// Send writes one mail of all notices; without their files where it is refused
// with them, as one that is too large.
func (e *Email) Send(ctx context.Context, to string, notices []Notice) (int, error) {
	d := fold(notices)
	if d.Silent() {
		return len(notices), nil
	}
	err := e.write(ctx, d, to, nil)
	if len(d.Files) > 0 && providers.KindOf(err) == providers.Invalid {
		files := d.Files
		d.Files = nil
		err = e.write(ctx, d, to, files)
	}
	if err != nil {
		return 0, err
	}
	return len(notices), nil
}

// write makes a mail and delivers it; omitted are the files that it says are left
// out.
func (e *Email) write(ctx context.Context, d digest, to string, omitted []File) error {
	m, err := e.message(d, to, omitted)
	if err != nil {
		return e.fail(providers.Invalid, err, "")
	}
	return e.deliver(ctx, m)
}

// message makes the mail. Its id is that of the notices, so that a mail that is
// sent again is known to be the same.
func (e *Email) message(d digest, to string, omitted []File) (*mail.Msg, error) {
	m := mail.NewMsg()
	if err := m.From(e.o.From); err != nil {
		return nil, err
	}
	if err := m.To(to); err != nil {
		return nil, err
	}
	page := e.page(d)
	for _, f := range omitted {
		page.Omitted = append(page.Omitted, f.Name)
	}
	m.Subject("[keyrota " + e.o.Instance + "] " + clip(page.Title, emailSubject))
	m.SetDateWithValue(e.o.Now())
	m.SetMessageIDWithValue(d.ID() + "@" + e.domain())
	m.SetUserAgent("keyrota/" + e.o.Version)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes in return
	plain, rich, err := e.render(page)
	if err != nil {
		return nil, err
	}
	m.SetBodyString(mail.TypeTextPlain, plain)
	m.AddAlternativeString(mail.TypeTextHTML, rich)
	for _, f := range d.Files {
		if err := m.AttachReader(f.Name, bytes.NewReader(f.Data), mail.WithFileContentType(mail.ContentType(f.Type))); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// emailSubject bounds a subject, in characters.
const emailSubject = 150

func (e *Email) render(p emailPage) (plain, rich string, err error) {
	var a, b bytes.Buffer
	if err := e.plain.Execute(&a, p); err != nil {
		return "", "", err
	}
	err = e.html.Execute(&b, p)
	return a.String(), b.String(), err
}

func (e *Email) domain() string {
	from, err := netmail.ParseAddress(e.o.From)
	if err != nil {
		return "keyrota.invalid" // NewEmail made sure of it
	}
	return from.Address[strings.LastIndexByte(from.Address, '@')+1:]
}

func (e *Email) deliver(ctx context.Context, m *mail.Msg) error {
	options := []mail.Option{
		mail.WithPort(e.port), mail.WithTLSConfig(e.tls.Clone()), mail.WithTimeout(answersWithin), mail.WithoutNoop(), mail.WithoutRset(),
	}
	switch e.o.TLS {
	case StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case TLS:
		options = append(options, mail.WithSSL())
	default:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if e.o.Dial != nil {
		options = append(options, mail.WithDialContextFunc(e.o.Dial))
	}
	if e.o.User != nil {
		user, err := e.o.User(ctx)
		if err != nil {
			return err
		}
		password, err := e.o.Password(ctx)
		if err != nil {
			return err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user.Expose()), mail.WithPassword(password.Expose()))
	}
	client, err := mail.NewClient(e.host, options...)
	if err != nil {
		return e.fail(providers.Denied, errors.New("the mail server cannot be used as it is configured"), "look at server: and tls:")
	}
	err = client.DialAndSendWithContext(ctx, m)
	if m.IsDelivered() {
		return nil // whatever was wrong with the goodbye
	}
	return e.explain(err)
}

// explain tells an error without what was sent: the server's own words only
// where they are about the mail, since they may repeat a password.
func (e *Email) explain(err error) error {
	var sending *mail.SendError
	var said *textproto.Error
	switch {
	case errors.As(err, &sending) && sending.ErrorCode() >= 500:
		return e.fail(providers.Invalid, fmt.Errorf("refused: %s", words(sending)), "is the address right, and may this server be used to write to it?")
	case errors.As(err, &sending) && sending.ErrorCode() >= 400:
		return e.fail(providers.Transient, fmt.Errorf("put off: %s", words(sending)), "")
	case errors.As(err, &said) && said.Code >= 500:
		return e.fail(providers.Denied, fmt.Errorf("the server answers %d to the login", said.Code), "do user and password still work?")
	case errors.As(err, &said):
		return e.fail(providers.Transient, fmt.Errorf("the server answers %d", said.Code), "")
	case err != nil && strings.Contains(err.Error(), "STARTTLS"):
		return e.fail(providers.Denied, errors.New("it does not offer STARTTLS"), "write tls: tls if it speaks TLS from the first byte, as on port 465")
	case err != nil:
		return e.fail(providers.Transient, providers.Unanswered(err), "does it answer there, with the protection that tls: says?")
	}
	return e.fail(providers.Transient, errors.New("nobody knows whether it took the mail"), "")
}

// words are what a server said about a mail.
func words(e *mail.SendError) string {
	parts := []string{e.Reason.String(), strconv.Itoa(e.ErrorCode())}
	if code := e.EnhancedStatusCode(); code != "" {
		parts = append(parts, code)
	}
	return strings.Join(parts, " ")
}

func (e *Email) fail(kind providers.Kind, err error, hint string) error {
	return &providers.Error{Provider: "email", Op: "write by", Name: e.o.Server, Kind: kind, Err: err, Hint: hint}
}

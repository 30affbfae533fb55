package notifytest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is a mail server. It takes mails that keep to RFC 5321 and RFC 5322: lines
// of at most 998 characters that end in CRLF, one From, Date and Message-ID, and
// parts that can be decoded.
type Mail struct {
	Weather
	TLS      *tls.Config // nil: STARTTLS is not offered
	User     string      // empty: no login is asked for, else none is taken before TLS
	Password string
	Unknown  []string // addresses that are refused for good
	Most     int64    // bytes that are taken of a mail; 0: 25 MiB
	mu       sync.Mutex
	taken    []MailMessage
	refused  []string
}

// MailMessage is a mail that was taken.
type MailMessage struct {
	From, To string // of the envelope
	Header   mail.Header
	Subject  string
	Text     string
	HTML     string
	Files    map[string][]byte
	Secure   bool // it came over TLS
}

// Taken returns the mails that were taken, in order.
func (m *Mail) Taken() []MailMessage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.taken)
}

// Refused returns why mails were refused.
func (m *Mail) Refused() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.refused)
}

// Serve answers on a listener until the returned function is called.
func (m *Mail) Serve(l net.Listener) (stop func()) {
	s := m.server()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(l)
	}()
	return func() {
		_ = s.Close()
		<-ended
	}
}

func (m *Mail) server() *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if o := m.now(); o != nil {
			return nil, &smtp.SMTPError{Code: max(o.Status, 421), EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "not now"}
		}
		_, secure := c.TLSConnectionState()
		return &session{m: m, secure: secure, in: m.User == ""}, nil
	}))
	s.Domain, s.TLSConfig, s.MaxMessageBytes, s.ErrorLog = "mail.example", m.TLS, cmp.Or(m.Most, 25<<20), log.New(io.Discard, "", 0)
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	return s
}

// Dial makes connections to the server without a network.
func (m *Mail) Dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	s := m.server()
	go func() { _ = s.Serve(&once{conn: theirs}) }()
	return ours, nil
}

// once is a listener of one connection.
type once struct {
	mu   sync.Mutex
	conn net.Conn
}

func (o *once) Accept() (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn == nil {
		return nil, net.ErrClosed
	}
	c := o.conn
	o.conn = nil
	return c, nil
}

func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

type session struct {
	m      *Mail
	secure bool
	in     bool
	from   string
	to     []string
}

func (s *session) AuthMechanisms() []string {
	if s.m.User == "" || !s.secure {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.m.User || password != s.m.Password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "bad credentials: " + password}
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	switch {
	case s.m.TLS != nil && !s.secure:
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Must issue a STARTTLS command first"}
	case !s.in:
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if slices.Contains(s.m.Unknown, to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	message, err := read(body)
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if err != nil {
		s.m.refused = append(s.m.refused, err.Error())
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	message.From, message.Secure = s.from, s.secure
	for _, to := range s.to {
		message.To = to
		s.m.taken = append(s.m.taken, message)
	}
	return nil
}

func read(body []byte) (MailMessage, error) {
	for n, line := range bytes.SplitAfter(body, []byte("\n")) {
		switch {
		case len(line) > 998+2:
			return MailMessage{}, fmt.Errorf("line %d has %d characters", n, len(line))
		case len(line) > 0 && !bytes.HasSuffix(line, []byte("\r\n")):
			return MailMessage{}, fmt.Errorf("line %d does not end in CRLF", n)
		case bytes.IndexFunc(line, func(r rune) bool { return r > 126 }) >= 0:
			return MailMessage{}, fmt.Errorf("line %d is not encoded", n)
		}
	}
	raw, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		return MailMessage{}, err
	}
	for _, name := range []string{"From", "To", "Date", "Message-Id", "Subject", "Mime-Version"} {
		if len(raw.Header[name]) != 1 {
			return MailMessage{}, fmt.Errorf("%d headers %s", len(raw.Header[name]), name)
		}
	}
	if _, err := raw.Header.Date(); err != nil {
		return MailMessage{}, err
	}
	if _, err := raw.Header.AddressList("To"); err != nil {
		return MailMessage{}, err
	}
	if id := raw.Header.Get("Message-Id"); !strings.HasPrefix(id, "<") || !strings.Contains(id, "@") || !strings.HasSuffix(id, ">") {
		return MailMessage{}, fmt.Errorf("message id %s", id)
	}
	m := MailMessage{Header: raw.Header, Files: map[string][]byte{}}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(raw.Header.Get("Subject")); err != nil {
		return MailMessage{}, err
	}
	return m, m.part(raw.Header.Get, raw.Body)
}

// part reads one part, and those in it.
func (m *MailMessage) part(header func(string) string, body io.Reader) error {
	kind, parameters, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, parameters["boundary"]); ; {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.part(p.Header.Get, p); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(header("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	_, disposition, _ := mime.ParseMediaType(header("Content-Disposition"))
	switch {
	case disposition["filename"] != "":
		m.Files[disposition["filename"]] = text
	case kind == "text/plain":
		m.Text = string(text)
	case kind == "text/html":
		m.HTML = string(text)
	default:
		return fmt.Errorf("a part of type %s that is no file", kind)
	}
	return nil
}

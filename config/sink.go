package config

import (
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sink is one place where people are told things.
type Sink struct {
	Name      string
	Slack     *SlackSink // exactly one of the four is written
	PagerDuty *PagerDutySink
	Email     *EmailSink
	Webhook   *WebhookSink
	Repeat    time.Duration // an unchanged finding is told again after it; 0: never
	Pos       Position
}

// SlackSink is an incoming webhook, or a channel that a bot may post to.
type SlackSink struct {
	Webhook Reference // zero where Token is written
	Token   Reference
	Channel string
}

// PagerDutySink is an integration of the Events API v2.
type PagerDutySink struct {
	RoutingKey Reference
	URL        string // of the service region; empty: https://events.pagerduty.com
	Changes    bool   // routine rotations are sent as change events
}

// EmailSink is a mail server and who is written to.
type EmailSink struct {
	Server   string // host:port
	TLS      string // starttls, tls, or off (loopback only)
	From     string
	To       []string
	Owners   bool      // the owner of each finding is written to as well
	User     Reference // zero: no login
	Password Reference
	CAFile   string
}

// WebhookSink is a server that is posted to, signed by Standard Webhooks.
type WebhookSink struct {
	URL     string
	Bearer  Reference
	Headers map[string]Reference
	Sign    Reference
	CAFile  string
	Events  []string // kinds of events that are posted as they happen, such as key.delivered; the restart hook
}

// writtenSink is a sink as written.
type writtenSink struct {
	// Name of the sink, for routes and metrics.
	Name string `yaml:"name" keyrota:"required"`
	// Slack is an incoming webhook, or a channel that a bot posts to.
	Slack *slackSink `yaml:"slack"`
	// PagerDuty is an integration of the Events API v2.
	PagerDuty *pagerDutySink `yaml:"pagerduty"`
	// Email is a mail server and who is written to.
	Email *emailSink `yaml:"email"`
	// Webhook is a server that is posted to.
	Webhook *webhookSink `yaml:"webhook"`
	// Repeat is after how long an unchanged finding is told again; 7d when left out, 0: never.
	Repeat *time.Duration `yaml:"repeat"`
}

type slackSink struct {
	// Webhook says where the address of the incoming webhook stands: whoever has it can post.
	Webhook *Reference `yaml:"webhook"`
	// Token says where the token of a bot stands, which may post to channel.
	Token *Reference `yaml:"token"`
	// Channel that the bot posts to, by its id, like C0123456789.
	Channel string `yaml:"channel"`
}

type pagerDutySink struct {
	// RoutingKey says where the integration's key stands.
	RoutingKey *Reference `yaml:"routing_key" keyrota:"required"`
	// URL of your service region, like https://events.eu.pagerduty.com; https://events.pagerduty.com when left out.
	URL string `yaml:"url"`
	// Changes says whether routine rotations are sent as change events.
	Changes bool `yaml:"changes"`
}

type emailSink struct {
	// Server is the mail server, as host:port.
	Server string `yaml:"server" keyrota:"required"`
	// TLS is starttls, tls, or off (to this machine alone); starttls when left out.
	TLS *mailTLS `yaml:"tls"`
	// From is the address that messages come from.
	From string `yaml:"from" keyrota:"required"`
	// To are the addresses that are written to, each by a mail of its own.
	To []string `yaml:"to"`
	// Owners says whether the owner of each finding is written to as well, where it is an address.
	Owners bool `yaml:"owners"`
	// User says where the name to log in with stands.
	User *Reference `yaml:"user"`
	// Password says where its password stands.
	Password *Reference `yaml:"password"`
	// CAFile holds certificates of authorities, in PEM, that are trusted besides the system's.
	CAFile string `yaml:"ca_file" keyrota:"path"`
}

// mailTLS is how the way to a mail server is protected.
type mailTLS string

// Values lists all values.
func (mailTLS) Values() []string { return []string{"starttls", "tls", "off"} }

type webhookSink struct {
	// URL that messages are posted to, like https://hooks.example/keyrota.
	URL string `yaml:"url" keyrota:"required"`
	// Bearer says where the token for the header Authorization stands.
	Bearer *Reference `yaml:"bearer"`
	// Headers are further headers of each request: where the value of each stands.
	Headers map[string]Reference `yaml:"headers"`
	// Sign says where the key stands that requests are signed with, by Standard Webhooks.
	Sign *Reference `yaml:"sign"`
	// CAFile holds certificates of authorities, in PEM, that are trusted besides the system's.
	CAFile string `yaml:"ca_file" keyrota:"path"`
	// Events are kinds of events that are posted as they happen, like key.delivered, so that readers can be restarted.
	Events []string `yaml:"events"`
}

// sink settles one sink. It returns false if it cannot be told what it is.
func (r resolver) sink(w *writtenSink, at string, o Options) (Sink, bool) {
	s := Sink{Name: w.Name, Repeat: r.repeat(at, w.Repeat), Pos: r.position(at)}
	kinds := 0
	for _, kind := range []string{"slack", "pagerduty", "email", "webhook"} {
		if r.nodes[at+"."+kind] != nil {
			kinds++
		}
	}
	if kinds != 1 {
		if n := r.nodes[at]; n != nil {
			r.errorAt(at, "none of Slack, PagerDuty, e-mail and webhook, or several of them", "write one of slack:, pagerduty:, email: and webhook: for each sink")
		}
		return s, false
	}
	switch {
	case w.Slack != nil:
		s.Slack = r.slack(w.Slack, at+".slack")
	case w.PagerDuty != nil:
		s.PagerDuty = &PagerDutySink{RoutingKey: valueOr(w.PagerDuty.RoutingKey, Reference{}), URL: w.PagerDuty.URL, Changes: w.PagerDuty.Changes}
		if w.PagerDuty.URL != "" {
			r.checkServer(at+".pagerduty.url", w.PagerDuty.URL, "the routing key", "routing_key:")
		}
	case w.Email != nil:
		s.Email = r.email(w.Email, at+".email")
	case w.Webhook != nil:
		s.Webhook = r.webhook(w.Webhook, at+".webhook", o)
	default:
		return s, false // what is wrong with it was told
	}
	return s, true
}

func (r resolver) checkSinkNames(sinks []Sink) {
	taken := map[string]bool{}
	for _, s := range sinks {
		at := s.Pos.Path + ".name"
		switch {
		case s.Name == "": // told as missing
		case !storeName.MatchString(s.Name) || !speakable(s.Name):
			r.errorAt(at, "not a name for a sink", "write lower case letters, digits, - and _")
		case taken[s.Name]:
			r.errorAt(at, "two sinks have one name", "give each a name of its own")
		}
		taken[s.Name] = true
	}
}

func (r resolver) slack(w *slackSink, at string) *SlackSink {
	webhook, bot := w.Webhook != nil, w.Token != nil
	switch {
	case webhook == bot:
		r.errorAt(at, "neither a webhook nor a bot's token, or both", "write webhook: with where its address stands, or token: and channel:")
	case webhook && w.Channel != "":
		r.errorAt(at+".channel", "a webhook has a channel of its own", "remove the line, or write token: instead of webhook:")
	case bot && !oneLine(w.Channel):
		r.errorAt(at, "channel is missing", "add channel: with the id of the channel, like C0123456789")
	}
	return &SlackSink{Webhook: valueOr(w.Webhook, Reference{}), Token: valueOr(w.Token, Reference{}), Channel: w.Channel}
}

func (r resolver) email(w *emailSink, at string) *EmailSink {
	host, port, err := net.SplitHostPort(w.Server)
	if n, perr := strconv.ParseUint(port, 10, 16); w.Server != "" && (err != nil || perr != nil || n == 0 || host == "" || !printable(host)) {
		r.errorAt(at+".server", "not the address of a mail server", "write host:port, like mail.example:587")
	}
	s := &EmailSink{
		Server: w.Server, TLS: string(valueOr(w.TLS, "starttls")), From: w.From, To: w.To, Owners: w.Owners,
		User: valueOr(w.User, Reference{}), Password: valueOr(w.Password, Reference{}), CAFile: w.CAFile,
	}
	if s.TLS == "off" && !loopback(host) {
		r.errorAt(at+".tls", "without TLS messages and the login would be there to read, so that is for this machine only", "write tls: starttls (port 587) or tls: tls (port 465)")
	}
	if s.TLS == "off" && w.User != nil {
		r.errorAt(at+".tls", "a password is not sent without TLS", "write tls: starttls or tls: tls, or remove user: and password:")
	}
	const hint = "write an address, like keyrota@acme.example or keyrota <keyrota@acme.example>"
	if _, err := mail.ParseAddress(w.From); err != nil && w.From != "" {
		r.errorAt(at+".from", "not an e-mail address", hint)
	}
	for i, to := range w.To {
		if _, err := mail.ParseAddress(to); err != nil {
			r.errorAt(fmt.Sprintf("%s.to[%d]", at, i), "not an e-mail address", hint)
		}
	}
	switch {
	case len(w.To) == 0 && !w.Owners:
		r.errorAt(at, "nobody is written to", "add to: with addresses, or owners: true")
	case (w.User == nil) != (w.Password == nil):
		r.errorAt(at, "a login has a user and a password", "write both of user: and password:, each with where it stands")
	}
	return s
}

func (r resolver) webhook(w *webhookSink, at string, o Options) *WebhookSink {
	if w.URL != "" {
		r.checkServer(at+".url", w.URL, "messages and credentials", "headers: {Authorization: env:NAME}")
	}
	r.checkHeaders(at, w.Headers, w.Bearer != nil)
	for i, kind := range w.Events {
		if o.EventKinds != nil && !slices.Contains(o.EventKinds, kind) {
			r.errorAt(fmt.Sprintf("%s.events[%d]", at, i), "there is no event of this kind", suggest(kind, o.EventKinds))
		}
	}
	return &WebhookSink{
		URL: w.URL, Bearer: valueOr(w.Bearer, Reference{}), Headers: w.Headers, Sign: valueOr(w.Sign, Reference{}), CAFile: w.CAFile, Events: w.Events,
	}
}

// repeat is after how long an unchanged finding is told again.
func (r resolver) repeat(at string, w *time.Duration) time.Duration {
	d := valueOr(w, defaultRepeat)
	if d != 0 && d < leastRepeat {
		r.errorAt(at+".repeat", "too short: people stop reading what is repeated", "write "+FormatDuration(leastRepeat)+" or more, or 0 for never")
	}
	return d
}

const (
	defaultRepeat = 7 * 24 * time.Hour
	leastRepeat   = time.Hour
)

// oneLine says whether text is there and fits one line.
func oneLine(s string) bool { return strings.TrimSpace(s) != "" && printable(s) }

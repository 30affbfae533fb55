package config

import "time"

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

// Route says which findings go to which sinks: all of its conditions must meet.
// An empty condition meets everything.
type Route struct {
	Sinks      []string
	Severities []string // page, ticket, report
	Teams      []string
	Owners     []string
	Codes      []string
	Pos        Position
}

// ReportSchedule is a report that is made by itself.
type ReportSchedule struct {
	Name     string
	Schedule Schedule // a cron expression
	Parts    []string // unused, findings, inventory, rotations; empty: all
	Sinks    []string // who is told, with the report attached or its top and where it is
	Dir      string   // a directory that it is written to; empty: none
	Formats  []string // html, markdown, csv, json
	Link     string   // where people find what is in Dir, as an address; empty: not said
	Pos      Position
}

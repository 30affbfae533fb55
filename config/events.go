package config

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// EventTarget is one place that events go to: a file, or a webhook.
type EventTarget struct {
	Name      string
	File      string // empty for a webhook
	Webhook   string // empty for a file
	Format    EventFormat
	Bearer    Reference            // zero: none
	Headers   map[string]Reference // whole values
	Sign      Reference            // zero: requests are not signed
	CAFile    string
	Batch     int
	Heartbeat time.Duration
	Pos       Position
}

// EventFormat is how events are written.
type EventFormat string

// The formats.
const (
	EventsECS         EventFormat = "ecs"
	EventsCloudEvents EventFormat = "cloudevents"
)

// Values lists all values.
func (EventFormat) Values() []string { return []string{string(EventsECS), string(EventsCloudEvents)} }

// eventTarget is one place that events go to, as written.
type eventTarget struct {
	// Name of the place, for metrics and for how far it has come: under another name it is sent everything again. file or webhook when left out.
	Name string `yaml:"name"`
	// File that events are appended to, a line each; it may be rotated at any time.
	File string `yaml:"file" keyrota:"path"`
	// Webhook is the address that events are posted to, like https://siem.example/in.
	Webhook string `yaml:"webhook"`
	// Format is ecs (documents of the Elastic Common Schema) or cloudevents (the same in an envelope of CloudEvents 1.0); ecs when left out.
	Format *EventFormat `yaml:"format"`
	// Bearer says where the token for the header Authorization stands.
	Bearer *Reference `yaml:"bearer"`
	// Headers are further headers of each request: where the value of each stands.
	Headers map[string]Reference `yaml:"headers"`
	// Sign says where the key stands that requests are signed with, by Standard Webhooks.
	Sign *Reference `yaml:"sign"`
	// CAFile holds certificates of authorities, in PEM, that are trusted besides the system's.
	CAFile string `yaml:"ca_file" keyrota:"path"`
	// Batch is how many events are sent at once at most; 100 when left out, and 1 of cloudevents to a webhook.
	Batch *int `yaml:"batch"`
	// Heartbeat is how often a line says where the ledger ends, so that silence is noticed; 1h when left out.
	Heartbeat *time.Duration `yaml:"heartbeat"`
}

const (
	defaultEventBatch = 100
	maxEventBatch     = 1000
	defaultHeartbeat  = time.Hour
	leastHeartbeat    = time.Minute
)

// headerName is a token (RFC 9110, section 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ownHeaders are those that a webhook is sent anyway.
func ownHeaders() []string {
	return []string{
		"content-type", "content-length", "content-encoding", "transfer-encoding", "host", "connection", "user-agent",
		"webhook-id", "webhook-timestamp", "webhook-signature",
	}
}

// events settles where events go.
func (r resolver) events() []EventTarget {
	var all []EventTarget
	taken := map[string]bool{}
	for i := range r.doc.Events {
		w := &r.doc.Events[i]
		at := fmt.Sprintf("events[%d]", i)
		if (w.File == "") == (w.Webhook == "") {
			if r.nodes[at] != nil && !r.nodes[at].bad {
				r.errorAt(at, "neither a file nor a webhook, or both", "write one of file: and webhook: for each place")
			}
			continue
		}
		t := r.eventTarget(w, at)
		switch {
		case taken[t.Name]:
			r.errorAt(at, "two places for events have one name", "give each a name:")
		case !storeName.MatchString(t.Name) || !speakable(t.Name):
			r.errorAt(at+".name", "not a name for a place", "write lower case letters, digits, - and _")
		}
		taken[t.Name] = true
		all = append(all, t)
	}
	return all
}

func (r resolver) eventTarget(w *eventTarget, at string) EventTarget {
	t := EventTarget{
		Name: cmp.Or(w.Name, "file"), File: w.File, Webhook: w.Webhook, Format: valueOr(w.Format, EventsECS),
		Bearer: valueOr(w.Bearer, Reference{}), Headers: w.Headers, Sign: valueOr(w.Sign, Reference{}), CAFile: w.CAFile,
		Batch:     valueOr(w.Batch, defaultEventBatch),
		Heartbeat: r.atLeast(at+".heartbeat", w.Heartbeat, defaultHeartbeat, leastHeartbeat), Pos: r.position(at),
	}
	if t.Batch < 1 || t.Batch > maxEventBatch {
		r.errorAt(at+".batch", "not a possible number of events", fmt.Sprintf("write a number from 1 to %d", maxEventBatch))
	}
	if w.Webhook == "" {
		r.checkEventFile(w, at)
		return t
	}
	t.Name = cmp.Or(w.Name, "webhook")
	if w.Batch == nil && t.Format == EventsCloudEvents {
		t.Batch = 1
	}
	r.checkWebhook(w, at)
	return t
}

func (r resolver) checkEventFile(w *eventTarget, at string) {
	if !printable(w.File) {
		r.errorAt(at+".file", "not the path of a file", "write file: /var/log/keyrota/events.jsonl")
	}
	for _, f := range []struct {
		name    string
		written bool
	}{{"bearer", w.Bearer != nil}, {"headers", w.Headers != nil}, {"sign", w.Sign != nil}, {"ca_file", w.CAFile != ""}} {
		if f.written {
			r.errorAt(at+"."+f.name, "a file takes no credentials", "remove it, or write webhook: instead of file:")
		}
	}
}

func (r resolver) checkWebhook(w *eventTarget, at string) {
	r.checkServer(at+".webhook", w.Webhook, "events and credentials", "headers: {Authorization: env:NAME}")
	r.checkHeaders(at, w.Headers, w.Bearer != nil)
}

// checkHeaders checks the further headers of requests to a webhook.
func (r resolver) checkHeaders(at string, headers map[string]Reference, bearer bool) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		lower := strings.ToLower(name)
		switch path := join(at+".headers", name); {
		case !headerName.MatchString(name):
			r.errorAt(at+".headers", "not the name of a header", "write letters, digits and -")
		case slices.Contains(ownHeaders(), lower):
			r.errorAt(path, "this header is keyrota's own", "remove it")
		case lower == "authorization" && bearer:
			r.errorAt(path, "bearer: says the same header", "keep one of them")
		}
	}
}

package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/finding"
)

// PagerDutyOptions say which integration of PagerDuty is told.
type PagerDutyOptions struct {
	Name       string        // of the sink, for errors
	RoutingKey export.Source // of an integration of the Events API v2
	URL        string        // of the service region; empty: https://events.pagerduty.com
	Instance   string
	Version    string
	Now        func() time.Time
	// Transport carries the requests; nil: TLS 1.2 or newer, through the proxies
	// of the environment.
	Transport http.RoundTripper
}

// PagerDuty opens and resolves an alert for each finding (Events API v2), and
// tells of events as changes. It is safe for concurrent use.
type PagerDuty struct {
	o PagerDutyOptions
	p poster
}

// NewPagerDuty makes a sink of PagerDuty, without a call.
func NewPagerDuty(o PagerDutyOptions) (*PagerDuty, error) {
	if o.URL == "" {
		o.URL = "https://events.pagerduty.com"
	}
	o.URL = strings.TrimRight(o.URL, "/")
	if _, ok := address(o.URL); !ok {
		return nil, errors.New("pagerduty: the address must be https")
	}
	p, err := newPoster("pagerduty", o.Name, o.Version, o.Transport, o.Now)
	return &PagerDuty{o, p}, err
}

// Lanes: each finding goes in its own, since each has its own alert.
func (p *PagerDuty) Lanes(i *Item) []string {
	if i == nil {
		return []string{""}
	}
	return []string{i.ID}
}

// Send makes one event of the notices of a finding, and a change event of each
// event. Reports are not told.
func (p *PagerDuty) Send(ctx context.Context, lane string, notices []Notice) (int, error) {
	if lane != "" {
		if err := p.alert(ctx, fold(notices)); err != nil {
			return 0, err
		}
		return len(notices), nil
	}
	for n, notice := range notices {
		if notice.Event == nil {
			continue
		}
		if err := p.change(ctx, p.happened(*notice.Event)); err != nil {
			return n, err
		}
	}
	return len(notices), nil
}

// alert tells what became of one finding.
func (p *PagerDuty) alert(ctx context.Context, d digest) error {
	for _, i := range d.Alerts() {
		return p.enqueue(ctx, p.trigger(i.Item, d.Sample))
	}
	for _, over := range [][]Item{d.Healed, d.Acknowledged, d.Withdrawn} {
		for _, i := range over {
			return p.enqueue(ctx, pagerEvent{Action: "resolve", DedupKey: p.dedup(i.ID)})
		}
	}
	if len(d.Passed) > 0 { // nobody need get up for it
		passed := d.Passed[0]
		// It may be open: where the answer to its trigger was lost.
		if err := p.enqueue(ctx, pagerEvent{Action: "resolve", DedupKey: p.dedup(passed.Item.ID)}); err != nil {
			return err
		}
		return p.change(ctx, p.passed(passed))
	}
	return nil
}

// What PagerDuty takes, as developer.pagerduty.com says under "Send an Alert
// Event" and "Send a Change Event": 1024 characters of a summary, 255 of a
// deduplication key, 512 KB in all.
const (
	pagerSummary = 1024
	pagerDedup   = 255
	pagerText    = 4000
)

// pagerEvent is a request to /v2/enqueue, or to /v2/change/enqueue, where action
// and deduplication key are empty.
type pagerEvent struct {
	RoutingKey string        `json:"routing_key"`
	Action     string        `json:"event_action,omitempty"`
	DedupKey   string        `json:"dedup_key,omitempty"`
	Payload    *pagerPayload `json:"payload,omitempty"`
	Links      []pagerLink   `json:"links,omitempty"`
	Client     string        `json:"client,omitempty"`
}

type pagerPayload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity,omitempty"`
	Timestamp time.Time         `json:"timestamp,omitzero"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

type pagerLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

func (p *PagerDuty) trigger(i Item, sample bool) pagerEvent {
	title := i.full()
	if sample {
		title = "Test: " + title
	}
	details := map[string]string{"code": string(i.Code), "broken_now": i.brokenNow(), "runbook": i.Runbook}
	for name, text := range map[string]string{
		"safe_until": i.safeUntil(clock), "do": i.Do, "command": i.Command, "owner": i.Owner, "team": i.Team, "account": i.Account,
		"subject": i.Subject, "evidence": strings.Join(i.Evidence, "\n"), "change": i.Change,
	} {
		if text != "" {
			details[name] = clip(text, pagerText)
		}
	}
	e := pagerEvent{
		Action: "trigger", DedupKey: p.dedup(i.ID), Client: "keyrota",
		Payload: &pagerPayload{
			Summary: clip(title, pagerSummary), Source: "keyrota/" + p.o.Instance, Severity: pagerSeverity(i), Timestamp: i.Since,
			Component: i.Account, Group: i.Team, Class: string(i.Code), Details: details,
		},
	}
	if openable(i.Runbook) {
		e.Links = []pagerLink{{i.Runbook, "Runbook: " + string(i.Code)}}
	}
	return e
}

// pagerSeverity is critical for what is broken now, and less for what will be.
func pagerSeverity(i Item) string {
	switch {
	case i.Severity == finding.Page && i.Broken != "":
		return "critical"
	case i.Severity == finding.Page:
		return "error"
	case i.Severity == finding.Ticket:
		return "warning"
	}
	return "info"
}

// dedup is stable for a finding of an instance, however long its name is.
func (p *PagerDuty) dedup(id string) string {
	key := "keyrota/" + p.o.Instance + "/" + id
	if len(key) <= pagerDedup {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "keyrota/" + hex.EncodeToString(sum[:])
}

func (p *PagerDuty) happened(e Event) pagerEvent {
	return pagerEvent{Payload: &pagerPayload{
		Summary: clip(e.sentence(), pagerSummary), Source: "keyrota/" + p.o.Instance, Timestamp: e.Time,
		Details: map[string]string{"event": e.Kind, "account": e.Account, "id": e.ID},
	}}
}

func (p *PagerDuty) passed(over passed) pagerEvent {
	return pagerEvent{Payload: &pagerPayload{
		Summary: clip("came and went while PagerDuty could not be told: "+over.words(clock), pagerSummary),
		Source:  "keyrota/" + p.o.Instance, Timestamp: over.Until,
		Details: map[string]string{"code": string(over.Item.Code), "account": over.Item.Account, "runbook": over.Item.Runbook},
	}}
}

func (p *PagerDuty) enqueue(ctx context.Context, e pagerEvent) error {
	return p.post(ctx, p.o.URL+"/v2/enqueue", e)
}

func (p *PagerDuty) change(ctx context.Context, e pagerEvent) error {
	return p.post(ctx, p.o.URL+"/v2/change/enqueue", e)
}

func (p *PagerDuty) post(ctx context.Context, to string, e pagerEvent) error {
	key, err := p.o.RoutingKey(ctx)
	if err != nil {
		return err
	}
	e.RoutingKey = key.Expose()
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return p.p.fail(providers.Invalid, 0, errors.New("the event cannot be written"), "")
	}
	a, err := p.p.post(ctx, to, body.Bytes(), "")
	if err != nil {
		return err
	}
	if a.status >= 200 && a.status < 300 {
		return nil
	}
	if err := p.p.general(a); err != nil {
		return err
	}
	err = fmt.Errorf("status %d %s", a.status, http.StatusText(a.status))
	if a.status != http.StatusBadRequest {
		return p.p.fail(providers.Denied, 0, err, "is the address that of your service region?")
	}
	if len(key.Expose()) != routingKeyLength {
		return p.p.fail(providers.Denied, 0, err, fmt.Sprintf("the routing key has %d characters, and those of PagerDuty have %d", len(key.Expose()), routingKeyLength))
	}
	return p.p.fail(providers.Invalid, 0, err, "")
}

// routingKeyLength is that of every integration key.
const routingKeyLength = 32

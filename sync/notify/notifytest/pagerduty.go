package notifytest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// PagerDuty takes events at /v2/enqueue and /v2/change/enqueue. The rules are
// those of developer.pagerduty.com: "Events API v2 Overview", "Send an Alert
// Event" and "Send a Change Event".
type PagerDuty struct {
	Weather
	RoutingKey string
	mu         sync.Mutex
	alerts     []PagerEvent
	changes    []PagerEvent
	open       map[string]PagerEvent
	refused    []string
}

// PagerEvent is an event that was taken.
type PagerEvent struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Client     string `json:"client"`
	Payload    struct {
		Summary   string            `json:"summary"`
		Source    string            `json:"source"`
		Severity  string            `json:"severity"`
		Timestamp time.Time         `json:"timestamp"`
		Component string            `json:"component"`
		Group     string            `json:"group"`
		Class     string            `json:"class"`
		Details   map[string]string `json:"custom_details"`
	} `json:"payload"`
	Links []struct {
		Href string `json:"href"`
		Text string `json:"text"`
	} `json:"links"`
}

// Alerts returns the events of alerts, in order.
func (p *PagerDuty) Alerts() []PagerEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.alerts)
}

// Changes returns the change events, in order.
func (p *PagerDuty) Changes() []PagerEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.changes)
}

// Open returns the alerts that are open, by deduplication key.
func (p *PagerDuty) Open() map[string]PagerEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := map[string]PagerEvent{}
	for k, e := range p.open {
		open[k] = e
	}
	return open
}

// Refused returns why events were refused.
func (p *PagerDuty) Refused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.refused)
}

// ServeHTTP takes one event.
func (p *PagerDuty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.fails(w) {
		return
	}
	e, wrong := p.read(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if wrong != "" {
		p.refused = append(p.refused, wrong)
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": []string{wrong}})
		return
	}
	if p.open == nil {
		p.open = map[string]PagerEvent{}
	}
	switch {
	case r.URL.Path == "/v2/change/enqueue":
		p.changes = append(p.changes, e)
	case e.Action == "resolve":
		p.alerts = append(p.alerts, e)
		delete(p.open, e.DedupKey)
	default:
		p.alerts = append(p.alerts, e)
		p.open[e.DedupKey] = e
	}
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "message": "Event processed", "dedup_key": e.DedupKey})
}

func (p *PagerDuty) read(r *http.Request) (PagerEvent, string) {
	body, err := io.ReadAll(r.Body)
	var e PagerEvent
	change := r.URL.Path == "/v2/change/enqueue"
	switch {
	case err != nil || json.Unmarshal(body, &e) != nil:
		return e, "not JSON"
	case r.Method != http.MethodPost || !change && r.URL.Path != "/v2/enqueue":
		return e, "no such endpoint: " + r.Method + " " + r.URL.Path
	case len(body) > 512<<10:
		return e, "more than 512 KB"
	case len(e.RoutingKey) != 32:
		return e, "Length of 'routing_key' is incorrect (should be 32 characters)"
	case e.RoutingKey != p.RoutingKey:
		return e, "unknown routing key"
	case change && (e.Action != "" || e.DedupKey != "" || e.Payload.Severity != ""):
		return e, "a change has no action, deduplication key or severity"
	case !change && !slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action):
		return e, "'event_action' is invalid"
	case len(e.DedupKey) > 255:
		return e, "Length of 'dedup_key' is incorrect (should be at most 255 characters)"
	case !change && e.Action != "trigger" && e.DedupKey == "":
		return e, "'dedup_key' is missing or blank"
	}
	if !change && e.Action != "trigger" {
		return e, ""
	}
	switch n := utf8.RuneCountInString(e.Payload.Summary); {
	case n == 0 || n > 1024:
		return e, fmt.Sprintf("'payload.summary' has %d characters", n)
	case !change && e.Payload.Source == "":
		return e, "'payload.source' is missing or blank"
	case !change && !slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity):
		return e, "'payload.severity' is invalid"
	}
	for _, l := range e.Links {
		if l.Href == "" {
			return e, "a link needs 'href'"
		}
	}
	return e, ""
}

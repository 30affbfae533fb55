package notifytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Webhook takes CloudEvents 1.0, one or a batch, signed as Standard Webhooks 1.0
// says (symmetric, v1).
type Webhook struct {
	Weather
	Key     string // that signatures are made with
	Now     func() time.Time
	Most    int // events that are taken at once; 0: any number
	mu      sync.Mutex
	taken   []CloudEvent
	refused []string
}

// CloudEvent is an event that was taken.
type CloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject"`
	Time        time.Time       `json:"time"`
	Data        json.RawMessage `json:"data"`
}

// Taken returns the events that were taken, in order.
func (h *Webhook) Taken() []CloudEvent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.taken)
}

// Refused returns why events were refused.
func (h *Webhook) Refused() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.refused)
}

// ServeHTTP takes the events of one request.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.fails(w) {
		return
	}
	events, wrong := h.read(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Most > 0 && len(events) > h.Most {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if wrong != "" {
		h.refused = append(h.refused, wrong)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.taken = append(h.taken, events...)
	w.WriteHeader(http.StatusNoContent)
}

// late is how old a request may be (Standard Webhooks leaves it to the receiver).
const late = 5 * time.Minute

func (h *Webhook) read(r *http.Request) ([]CloudEvent, string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, "no whole body"
	}
	var events []CloudEvent
	switch r.Header.Get("Content-Type") {
	case "application/cloudevents+json":
		events = make([]CloudEvent, 1)
		err = json.Unmarshal(body, &events[0])
	case "application/cloudevents-batch+json":
		err = json.Unmarshal(body, &events)
	default:
		return nil, "not CloudEvents"
	}
	if err != nil {
		return nil, "not JSON"
	}
	for _, e := range events {
		if e.SpecVersion != "1.0" || e.ID == "" || e.Source == "" || e.Type == "" {
			return nil, "a CloudEvent without what it needs"
		}
	}
	id, at := r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if age := h.Now().Sub(time.Unix(seconds, 0)); err != nil || age < -late || age > late {
		return nil, "not of now"
	}
	mac := hmac.New(sha256.New, []byte(h.Key))
	_, _ = io.WriteString(mac, id+"."+at+"."+string(body))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if id == "" || !hmac.Equal([]byte(want), []byte(r.Header.Get("Webhook-Signature"))) {
		return nil, "the signature is not right"
	}
	return events, ""
}

package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Format is how an event is written.
type Format string

// The formats.
const (
	ECS         Format = "ecs"         // a document of the Elastic Common Schema
	CloudEvents Format = "cloudevents" // such a document in an envelope of CloudEvents 1.0
)

// ecsVersion is the version of the Elastic Common Schema that is written.
const ecsVersion = "8.17.0"

// Encoder writes the events of one ledger.
type Encoder struct {
	Ledger       string // its id
	Instance     string
	Organization string // of W&B; empty if it is not known
	Version      string // of this program
	// Describe tells an event to a person; nil: only its words are told.
	Describe func(rotation.Event) string
}

// Item is one event or head as a target is sent it.
type Item struct {
	ID   string // the same however often it is sent
	Body []byte // JSON, on one line, without its end
}

// document is one event in the names of the Elastic Common Schema. All labels
// are text, as the schema asks for.
type document struct {
	Timestamp time.Time  `json:"@timestamp"`
	Message   string     `json:"message"`
	ECS       versioned  `json:"ecs"`
	Event     eventField `json:"event"`
	User      *user      `json:"user,omitempty"`
	Host      *named     `json:"host,omitempty"`
	Service   service    `json:"service"`
	Org       *named     `json:"organization,omitempty"`
	Related   *related   `json:"related,omitempty"`
	Labels    labels     `json:"labels"`
}

type (
	versioned struct {
		Version string `json:"version"`
	}
	named struct {
		Name string `json:"name"`
	}
	eventField struct {
		Kind     string   `json:"kind"`
		Category []string `json:"category"`
		Type     []string `json:"type"`
		Action   string   `json:"action"`
		Outcome  string   `json:"outcome,omitempty"`
		Provider string   `json:"provider"`
		Dataset  string   `json:"dataset"`
		ID       string   `json:"id"`
		Sequence int64    `json:"sequence"`
		Hash     string   `json:"hash"`
		Reason   string   `json:"reason,omitempty"`
	}
	user struct {
		Name   string  `json:"name,omitempty"`
		Target *target `json:"target,omitempty"`
	}
	target struct {
		Name  string `json:"name"`
		Group *named `json:"group,omitempty"`
	}
	service struct {
		Name        string `json:"name"`
		Type        string `json:"type"`
		Version     string `json:"version,omitempty"`
		Environment string `json:"environment"`
	}
	related struct {
		User  []string `json:"user,omitempty"`
		Hosts []string `json:"hosts,omitempty"`
	}
	labels struct {
		Ledger      string `json:"ledger"`
		Instance    string `json:"instance"`
		Account     string `json:"account,omitempty"`
		Key         string `json:"key,omitempty"`
		KeyLabel    string `json:"key_label,omitempty"`
		Edition     string `json:"edition,omitempty"`
		Store       string `json:"store,omitempty"`
		Destination string `json:"destination,omitempty"`
		Config      string `json:"config,omitempty"`
		HeadTime    string `json:"head_time,omitempty"`
	}
)

const product = "keyrota"

// Event writes one event.
func (e Encoder) Event(s ledger.StoredEvent, f Format) (Item, error) {
	d := e.document(classOf(s.Event.Kind), s.Time, ledger.Head{Seq: s.Seq, Hash: s.Hash})
	d.Event.Action, d.Event.Dataset, d.Event.Reason = string(s.Event.Kind), product+".events", s.Event.Words
	d.Event.ID = e.Ledger + "-" + strconv.FormatInt(s.Seq, 10)
	d.Message = s.Event.Words
	if e.Describe != nil {
		d.Message = e.Describe(s.Event)
	}
	name, host := actor(s.By)
	d.User = &user{Name: name}
	d.Related = &related{User: present(name), Hosts: present(host)}
	if host != "" {
		d.Host = &named{host}
	}
	if s.Ref != "" {
		d.User.Target = accountOf(s.Ref)
		d.Related.User = append(d.Related.User, d.User.Target.Name)
		d.Labels.Account = string(s.Ref)
	}
	d.Labels.Config = s.Config
	d.Labels.Key, d.Labels.KeyLabel = string(s.Event.Key), string(s.Event.Label)
	if s.Event.Edition != 0 {
		d.Labels.Edition = strconv.FormatUint(uint64(s.Event.Edition), 10)
	}
	if to := s.Event.Destination; to != (rotation.Destination{}) {
		d.Labels.Store, d.Labels.Destination = to.Store, to.String()
	}
	return e.item(d, string(s.Ref), f)
}

// Head writes where the chain of events ends, for a receiver that has been sent
// everything up to there. last is the time of the last event; zero if there is
// none.
func (e Encoder) Head(h ledger.Head, last, now time.Time, f Format) (Item, error) {
	d := e.document(class{kindState, categoryConfiguration, []string{"info"}, ""}, now, h)
	d.Event.Action, d.Event.Dataset = "ledger.head", product+".head"
	d.Event.ID = fmt.Sprintf("%s-%d-head-%d", e.Ledger, h.Seq, now.UnixMilli())
	d.Message = fmt.Sprintf("the ledger ends at event %d", h.Seq)
	if !last.IsZero() {
		d.Labels.HeadTime = last.UTC().Format(time.RFC3339Nano)
	}
	return e.item(d, "", f)
}

func (e Encoder) document(c class, at time.Time, h ledger.Head) document {
	d := document{
		Timestamp: at.UTC(), ECS: versioned{ecsVersion},
		Event: eventField{
			Kind: c.kind, Category: []string{c.category}, Type: c.types, Outcome: c.outcome, Provider: product,
			Sequence: h.Seq, Hash: h.Hash.String(),
		},
		Service: service{Name: product, Type: product, Version: e.Version, Environment: e.Instance},
		Labels:  labels{Ledger: e.Ledger, Instance: e.Instance},
	}
	if e.Organization != "" {
		d.Org = &named{e.Organization}
	}
	return d
}

// envelope is a CloudEvent 1.0 in structured mode, with the extension
// "sequence", which must sort as text.
type envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Sequence        string          `json:"sequence,omitempty"`
	Data            json.RawMessage `json:"data"`
}

func (e Encoder) source() string { return "/" + product + "/" + e.Instance + "/" + e.Ledger }

// Message writes a CloudEvent of something that is no event of the ledger, such
// as a finding. kind is its type without the prefix that all types have.
func (e Encoder) Message(id, kind, subject string, at time.Time, data any) (Item, error) {
	body, err := line(data)
	if err == nil {
		body, err = line(envelope{
			SpecVersion: "1.0", ID: id, Source: e.source(), Type: typePrefix + kind, Subject: subject, Time: at.UTC(),
			DataContentType: "application/json", Data: body,
		})
	}
	if err != nil {
		return Item{}, fmt.Errorf("writing %s: %w", kind, err)
	}
	return Item{ID: id, Body: body}, nil
}

// typePrefix makes the types of CloudEvents unique, as its specification asks.
const typePrefix = "com.github." + product + "."

func (e Encoder) item(d document, subject string, f Format) (Item, error) {
	body, err := line(d)
	if err == nil && f == CloudEvents {
		body, err = line(envelope{
			SpecVersion: "1.0", ID: d.Event.ID, Source: e.source(),
			Type: typePrefix + d.Event.Action, Subject: subject, Time: d.Timestamp,
			DataContentType: "application/json", Sequence: fmt.Sprintf("%019d", d.Event.Sequence), Data: body,
		})
	}
	if err != nil {
		return Item{}, fmt.Errorf("writing event %d: %w", d.Event.Sequence, err)
	}
	return Item{ID: d.Event.ID, Body: body}, nil
}

// line writes JSON as people expect to read it, on one line.
func line(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// actor takes "NAME on HOST" apart. Both are claimed, not proven.
func actor(by string) (name, host string) {
	const on = " on "
	if i := strings.LastIndex(by, on); i >= 0 {
		return by[:i], by[i+len(on):]
	}
	return by, ""
}

// accountOf takes "team/name" and "organization//name" apart.
func accountOf(ref rotation.Ref) *target {
	if name, ok := strings.CutPrefix(string(ref), "organization//"); ok {
		return &target{Name: name}
	}
	if team, name, ok := strings.Cut(string(ref), "/"); ok {
		return &target{Name: name, Group: &named{team}}
	}
	return &target{Name: string(ref)}
}

func present(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

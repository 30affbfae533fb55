package survey

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Ledger is what a survey needs of a ledger; *ledger.Ledger has it.
type Ledger interface {
	State(ctx context.Context, name string) ([]byte, error)
	SetState(ctx context.Context, name string, state []byte) error
	Events(ctx context.Context, after int64, limit int, ref rotation.Ref) ([]ledger.StoredEvent, error)
}

// The documents that are kept.
const (
	timesName  = "survey/times"
	checksName = "survey/checks"
)

// times is since when things are so, as far as was seen. What a sweep cannot see
// again is forgotten once it is over.
type times struct {
	Found    map[string]time.Time `json:"found,omitempty"`    // findings, by ID
	Failing  map[string]time.Time `json:"failing,omitempty"`  // stores, destinations and the platform
	Accounts map[string]since     `json:"accounts,omitempty"` // by ref
	Seen     map[string]time.Time `json:"seen,omitempty"`     // accounts without events: their first survey, by ref
	Seq      int64                `json:"seq,omitempty"`      // how far the events were followed
}

// since is what the events tell of one account.
type since struct {
	Known     time.Time            `json:"known,omitzero"`     // its first event
	Watched   time.Time            `json:"watched,omitzero"`   // its keys are on record since then
	Delivered time.Time            `json:"delivered,omitzero"` // the first delivery of a key
	To        map[string]time.Time `json:"to,omitempty"`       // the first delivery to each destination
	Failed    string               `json:"failed,omitempty"`   // why the last creation failed, empty: it did not
}

func read(ctx context.Context, l Ledger, name string, into any) error {
	text, err := l.State(ctx, name)
	if err != nil || len(text) == 0 {
		return err
	}
	_ = json.Unmarshal(text, into) // what cannot be read is made anew
	return nil
}

func write(ctx context.Context, l Ledger, name string, from any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return l.SetState(ctx, name, text)
}

// eventsAtOnce bounds how many events are read at a time.
const eventsAtOnce = 5000

// follow brings what the events tell up to date.
func (t *times) follow(ctx context.Context, l Ledger) error {
	if t.Accounts == nil {
		t.Accounts = map[string]since{}
	}
	for {
		events, err := l.Events(ctx, t.Seq, eventsAtOnce, "")
		if err != nil {
			return err
		}
		for _, e := range events {
			t.Seq = e.Seq
			if e.Ref != "" {
				t.take(e)
			}
		}
		if len(events) < eventsAtOnce {
			return nil
		}
	}
}

func (t *times) take(e ledger.StoredEvent) {
	s := t.Accounts[string(e.Ref)]
	if s.Known.IsZero() {
		s.Known = e.Time
	}
	switch e.Event.Kind {
	case rotation.EventAdopted, rotation.EventOffered, rotation.EventRolledBack, rotation.EventWithdrawn:
		if s.Watched.IsZero() {
			s.Watched = e.Time
		}
		s.Failed = ""
	case rotation.EventDelivered, rotation.EventHealed:
		if s.Delivered.IsZero() {
			s.Delivered = e.Time
		}
		if to := e.Event.Destination.String(); s.To[to].IsZero() {
			s.To = maps.Clone(s.To)
			if s.To == nil {
				s.To = map[string]time.Time{}
			}
			s.To[to] = e.Time
		}
	case rotation.EventIssueFailed:
		s.Failed = e.Event.Words
	case rotation.EventForgotten:
		delete(t.Accounts, string(e.Ref))
		return
	}
	t.Accounts[string(e.Ref)] = s
}

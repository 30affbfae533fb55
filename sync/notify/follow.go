package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/ledger"
)

// followed is how far a sink has come with the events of the ledger, as the
// ledger keeps it.
type followed struct {
	Version int   `json:"v"`
	Seq     int64 `json:"seq"`
}

// follower puts the events that one target waits for into the outbox.
type follower struct {
	*Notifier
	to    Target
	known bool  // where it is, is known
	seq   int64 // the last event that was looked at
}

const (
	// eventsAtOnce bounds how many events are read at a time.
	eventsAtOnce = 500
)

// step looks at the next events. more says that there may be more right now.
func (f *follower) step(ctx context.Context) (more bool, err error) {
	name := "notify/" + f.to.Name + "/events"
	head, err := f.Ledger.Head(ctx)
	if err != nil || f.known && head.Seq <= f.seq {
		return false, err
	}
	was, err := f.Ledger.State(ctx, name)
	if err != nil {
		return false, err
	}
	if was == nil { // who is new is not told of what was
		f.known, f.seq = true, head.Seq
		return false, f.save(ctx, name, nil, nil)
	}
	var at followed
	if err := json.Unmarshal(was, &at); err != nil {
		return false, fmt.Errorf("reading how far %s has come with events: %w", f.to.Name, err)
	}
	f.known, f.seq = true, max(f.seq, at.Seq)
	events, err := f.Ledger.Events(ctx, f.seq, eventsAtOnce, "")
	if err != nil {
		return false, err
	}
	var messages []ledger.Message
	for _, e := range events {
		f.seq = e.Seq
		if !slices.Contains(f.to.Events, e.Event.Kind) {
			continue
		}
		more, err := f.messages(e)
		if err != nil {
			return false, err
		}
		messages = append(messages, more...)
	}
	if len(messages) == 0 && f.seq-at.Seq < eventsAtOnce {
		return len(events) == eventsAtOnce, nil // it is enough to have it on record now and then
	}
	return len(events) == eventsAtOnce, f.save(ctx, name, was, messages)
}

func (f *follower) save(ctx context.Context, name string, was []byte, messages []ledger.Message) error {
	document, err := json.Marshal(followed{Version: 1, Seq: f.seq})
	if err != nil {
		return fmt.Errorf("following events for %s: %w", f.to.Name, err)
	}
	err = f.Ledger.Queue(ctx, name, was, document, messages)
	if err != nil {
		f.known, f.seq = false, 0 // from where the ledger says that it is
	}
	if errors.Is(err, ledger.ErrConflict) {
		return nil // another process did it
	}
	return err
}

func (f *follower) messages(e ledger.StoredEvent) ([]ledger.Message, error) {
	item, err := f.Encoder.Event(e, export.CloudEvents)
	if err != nil {
		return nil, err
	}
	text := e.Event.Words
	if f.Encoder.Describe != nil {
		text = f.Encoder.Describe(e.Event)
	}
	var all []ledger.Message
	for _, lane := range f.to.Sink.Lanes(nil) {
		notice := Notice{At: e.Time.Truncate(time.Second), Event: &Event{
			ID: item.ID, Time: e.Time.UTC(), Kind: string(e.Event.Kind), Account: string(e.Ref), Text: text, Document: item.Body,
		}}
		body, err := notice.encode(f.to.Name, lane)
		if err != nil {
			return nil, err
		}
		all = append(all, ledger.Message{Sink: f.to.Name, Key: lane, Body: body})
	}
	return all, nil
}

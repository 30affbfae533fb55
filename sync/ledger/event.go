package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// eventVersion is the newest form of stored events. An event is stored in the
// oldest form that can hold it, and one of a newer form than this program knows
// is read as far as it is known: nobody saves it again, so nothing is lost.
const eventVersion = 2

// StoredEvent is an event as the ledger keeps it.
type StoredEvent struct {
	Seq      int64        // counts the events of the ledger from 1, without gaps
	Time     time.Time    // when it was saved, by the clock of whoever saved it; UTC
	Ref      rotation.Ref // the account
	Revision Revision     // of the record that was saved together with it
	By       string       // who claimed to act
	Config   string       // digest of the configuration acted by; empty: not known
	Event    rotation.Event
	Hash     Hash // of this event and all before it
}

// storedEvent is the body of an event. It is stored, exported and hashed as
// the same bytes, so that the chain never depends on how a later program would
// encode it. The names never change.
type storedEvent struct {
	Version     int               `json:"v"`
	Seq         int64             `json:"seq"`
	Time        time.Time         `json:"time"`
	Ref         string            `json:"ref"`
	Revision    int64             `json:"revision"`
	By          string            `json:"by,omitempty"`
	Config      string            `json:"config,omitempty"` // form 2
	Kind        string            `json:"kind"`
	Key         string            `json:"key,omitempty"`
	Label       string            `json:"label,omitempty"`
	Edition     uint64            `json:"edition,omitempty"`
	Destination storedDestination `json:"destination,omitzero"`
	Words       string            `json:"words,omitempty"`
}

func encodeEvent(e StoredEvent) ([]byte, error) {
	s := storedEvent{
		Version: 1, Seq: e.Seq, Time: instant(e.Time), Ref: string(e.Ref), Revision: int64(e.Revision), By: words(e.By), Config: e.Config,
		Kind: string(e.Event.Kind), Key: string(e.Event.Key), Label: string(e.Event.Label), Edition: uint64(e.Event.Edition),
		Destination: storeDestination(e.Event.Destination), Words: words(e.Event.Words),
	}
	if s.Config != "" {
		s.Version = 2
	}
	body, err := canonical(s)
	if err != nil {
		return nil, err
	}
	var back storedEvent
	if err := strict(body, &back); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(s, back) {
		return nil, errUnreadable
	}
	return body, nil
}

func decodeEvent(body []byte, hash Hash) (StoredEvent, error) {
	read := strict
	switch err := known(body, eventVersion); {
	case errors.Is(err, ErrNewer):
		read = json.Unmarshal
	case err != nil:
		return StoredEvent{}, err
	}
	var s storedEvent
	if err := read(body, &s); err != nil {
		return StoredEvent{}, err
	}
	return StoredEvent{
		Seq: s.Seq, Time: s.Time, Ref: rotation.Ref(s.Ref), Revision: Revision(s.Revision), By: s.By, Config: s.Config, Hash: hash,
		Event: rotation.Event{
			Kind: rotation.EventKind(s.Kind), Key: rotation.KeyID(s.Key), Label: rotation.Label(s.Label),
			Edition: rotation.Edition(s.Edition), Destination: s.Destination.destination(), Words: s.Words,
		},
	}, nil
}

// appendEvents adds events to the chain, within the transaction that saves what
// they tell of, and returns the chain's head after each. first is what they
// have in common.
func appendEvents(ctx context.Context, s session, first StoredEvent, events ...rotation.Event) ([]Head, error) {
	if len(events) == 0 {
		return nil, nil
	}
	head, err := readHead(ctx, s)
	if err != nil {
		return nil, err
	}
	heads := make([]Head, 0, len(events))
	for i, what := range events {
		e := first
		e.Seq, e.Event = head.Seq+1, what
		body, err := encodeEvent(e)
		if err != nil {
			return nil, fmt.Errorf("event %d of %d (%s): %w", i+1, len(events), what.Kind, err)
		}
		head = Head{Seq: e.Seq, Hash: head.Hash.next(body)}
		if _, err := s.exec(ctx, `INSERT INTO ledger_event (seq, ref, body, hash) VALUES (?, ?, ?, ?)`,
			e.Seq, string(e.Ref), string(body), head.Hash[:]); err != nil {
			return nil, err
		}
		heads = append(heads, head)
	}
	_, err = s.exec(ctx, `UPDATE ledger_meta SET head_seq = ?, head_hash = ?`, head.Seq, head.Hash[:])
	return heads, err
}

// happened is what the events that l saves now have in common.
func (l *Ledger) happened(ref rotation.Ref, rev Revision) StoredEvent {
	return StoredEvent{Time: l.now().UTC(), Ref: ref, Revision: rev, By: l.by, Config: l.config}
}

// Events returns events in the order in which they were saved: those after
// the sequence number after (0: from the first), at most limit of them (0: all),
// of one account or, with an empty ref, of all. To follow the ledger, call it
// again with the Seq of the last.
func (l *Ledger) Events(ctx context.Context, after int64, limit int, ref rotation.Ref) ([]StoredEvent, error) {
	if limit <= 0 {
		limit = math.MaxInt32
	}
	query, args := `SELECT seq, body, hash FROM ledger_event WHERE seq > ? ORDER BY seq LIMIT ?`, []any{after, limit}
	if ref != "" {
		query = `SELECT seq, body, hash FROM ledger_event WHERE ref = ? AND seq > ? ORDER BY seq LIMIT ?`
		args = []any{string(ref), after, limit}
	}
	var all []StoredEvent
	err := l.read(ctx, "read the events", func(ctx context.Context, s session) error {
		return s.each(ctx, func(scan func(...any) error) error {
			var seq int64
			var body, sum []byte
			if err := scan(&seq, &body, &sum); err != nil {
				return err
			}
			var hash Hash
			copy(hash[:], sum)
			e, err := decodeEvent(body, hash)
			if err != nil {
				return fmt.Errorf("event %d: %w", seq, err)
			}
			all = append(all, e)
			return nil
		}, query, args...)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

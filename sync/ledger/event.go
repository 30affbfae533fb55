package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// eventVersion is the form of stored events that this program writes.
const eventVersion = 1

// StoredEvent is an event as the ledger keeps it.
type StoredEvent struct {
	Seq      int64        // counts the events of the ledger from 1, without gaps
	Time     time.Time    // when it was saved, by the clock of whoever saved it; UTC
	Ref      rotation.Ref // the account
	Revision Revision     // of the record that was saved together with it
	By       string       // who claimed to act
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
	Kind        string            `json:"kind"`
	Key         string            `json:"key,omitempty"`
	Label       string            `json:"label,omitempty"`
	Edition     uint64            `json:"edition,omitempty"`
	Destination storedDestination `json:"destination,omitzero"`
	Words       string            `json:"words,omitempty"`
}

func encodeEvent(e StoredEvent) ([]byte, error) {
	s := storedEvent{
		Version: eventVersion, Seq: e.Seq, Time: instant(e.Time), Ref: string(e.Ref), Revision: int64(e.Revision), By: words(e.By),
		Kind: string(e.Event.Kind), Key: string(e.Event.Key), Label: string(e.Event.Label), Edition: uint64(e.Event.Edition),
		Destination: storeDestination(e.Event.Destination), Words: words(e.Event.Words),
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
	if err := known(body, eventVersion); err != nil {
		return StoredEvent{}, err
	}
	var s storedEvent
	if err := strict(body, &s); err != nil {
		return StoredEvent{}, err
	}
	return StoredEvent{
		Seq: s.Seq, Time: s.Time, Ref: rotation.Ref(s.Ref), Revision: Revision(s.Revision), By: s.By, Hash: hash,
		Event: rotation.Event{
			Kind: rotation.EventKind(s.Kind), Key: rotation.KeyID(s.Key), Label: rotation.Label(s.Label),
			Edition: rotation.Edition(s.Edition), Destination: s.Destination.destination(), Words: s.Words,
		},
	}, nil
}

// appendEvents adds events to the chain, within the transaction that saves
// their record.
func appendEvents(ctx context.Context, tx *sql.Tx, first StoredEvent, events []rotation.Event) error {
	if len(events) == 0 {
		return nil
	}
	head, err := readHead(ctx, tx)
	if err != nil {
		return err
	}
	for i, what := range events {
		e := first
		e.Seq, e.Event = head.Seq+1, what
		body, err := encodeEvent(e)
		if err != nil {
			return fmt.Errorf("event %d of %d (%s): %w", i+1, len(events), what.Kind, err)
		}
		head = Head{Seq: e.Seq, Hash: head.Hash.next(body)}
		if _, err := tx.ExecContext(ctx, `INSERT INTO ledger_event (seq, ref, body, hash) VALUES (?, ?, ?, ?)`,
			e.Seq, string(e.Ref), string(body), head.Hash[:]); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE ledger_meta SET head_seq = ?, head_hash = ?`, head.Seq, head.Hash[:])
	return err
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
	rows, err := l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(l.path, "read the events", err)
	}
	defer rows.Close()
	var all []StoredEvent
	for rows.Next() {
		var seq int64
		var body, sum []byte
		if err := rows.Scan(&seq, &body, &sum); err != nil {
			return nil, explain(l.path, "read the events", err)
		}
		var hash Hash
		copy(hash[:], sum)
		e, err := decodeEvent(body, hash)
		if err != nil {
			return nil, fmt.Errorf("ledger %s: event %d: %w", l.path, seq, err)
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, explain(l.path, "read the events", err)
	}
	return all, nil
}

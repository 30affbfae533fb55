package ledger

import (
	"context"
	"time"
)

// Message is one thing to be sent to people. It stays in the ledger until it is
// sent, however long that takes.
type Message struct {
	ID   int64 // counts the messages of the ledger; Queue gives it
	Sink string
	Key  string // the sink's own: what the message is about
	Body []byte
	// What became of it so far. Queue begins them.
	Queued    time.Time
	NotBefore time.Time // zero: at once
	Tries     int
	Words     string // why the last try failed
}

// lastMessage is the cursor that gives messages their ids.
const lastMessage = "outbox"

// Queue puts messages into the outbox, in order, and notes under a name the
// state that they follow from, in one transaction: neither is there without the
// other. ErrConflict: what is noted is no longer was (empty: nothing), and
// nothing is saved; read it and decide again.
func (l *Ledger) Queue(ctx context.Context, name string, was, state []byte, messages []Message) error {
	return l.write(ctx, "queue messages", func(ctx context.Context, s session) error {
		if err := sameState(ctx, s, name, was); err != nil {
			return err
		}
		if err := saveState(ctx, s, name, state); err != nil {
			return err
		}
		if len(messages) == 0 {
			return nil
		}
		var last int64
		err := s.row(ctx, `INSERT INTO ledger_cursor (name, seq) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET seq = ledger_cursor.seq + excluded.seq RETURNING seq`,
			lastMessage, len(messages)).Scan(&last)
		if err != nil {
			return err
		}
		for i, m := range messages {
			m.ID, m.Queued, m.NotBefore, m.Tries, m.Words = last-int64(len(messages)-1-i), l.now(), time.Time{}, 0, ""
			if err := saveMessage(ctx, s, m); err != nil {
				return err
			}
		}
		return nil
	})
}

func saveMessage(ctx context.Context, s session, m Message) error {
	if m.Body == nil {
		m.Body = []byte{}
	}
	_, err := s.exec(ctx, `INSERT INTO ledger_message (id, sink, key, body, queued, not_before, tries, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		m.ID, m.Sink, m.Key, m.Body, micros(m.Queued), micros(m.NotBefore), m.Tries, plain(m.Words))
	return err
}

// Messages returns the oldest messages for a sink in the order in which they
// were queued, those that are to wait among them; at most limit.
func (l *Ledger) Messages(ctx context.Context, sink string, limit int) ([]Message, error) {
	return l.messages(ctx, sink, `sink = ?`, sink, limit)
}

// MessagesOf returns the oldest messages for a sink that have one key, in the
// order in which they were queued; at most limit.
func (l *Ledger) MessagesOf(ctx context.Context, sink, key string, limit int) ([]Message, error) {
	return l.messages(ctx, sink, `sink = ? AND key = ?`, sink, key, limit)
}

func (l *Ledger) messages(ctx context.Context, sink, where string, args ...any) ([]Message, error) {
	var all []Message
	err := l.read(ctx, "read the messages for "+sink, func(ctx context.Context, s session) error {
		return s.each(ctx, func(scan func(...any) error) error {
			m, err := readMessage(scan)
			all = append(all, m)
			return err
		}, `SELECT id, sink, key, body, queued, not_before, tries, words FROM ledger_message WHERE `+where+` ORDER BY id LIMIT ?`, args...)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Lane is what waits for a sink under one key.
type Lane struct {
	First    Message // the oldest, without its body
	Messages int
}

// Lanes returns what waits for a sink by keys, in the order of their oldest
// messages. It reads no bodies, which may be large.
func (l *Ledger) Lanes(ctx context.Context, sink string) ([]Lane, error) {
	var all []Lane
	err := l.read(ctx, "look at the messages for "+sink, func(ctx context.Context, s session) error {
		return s.each(ctx, func(scan func(...any) error) error {
			lane := Lane{First: Message{Sink: sink}}
			m := &lane.First
			var queued, notBefore int64
			err := scan(&m.ID, &m.Key, &queued, &notBefore, &m.Tries, &m.Words, &lane.Messages)
			m.Queued, m.NotBefore = ofMicros(queued), ofMicros(notBefore)
			all = append(all, lane)
			return err
		}, `SELECT m.id, m.key, m.queued, m.not_before, m.tries, m.words, lane.messages
			FROM (SELECT min(id) AS first, count(*) AS messages FROM ledger_message WHERE sink = ? GROUP BY key) lane
			JOIN ledger_message m ON m.id = lane.first ORDER BY m.id`, sink)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func readMessage(scan func(...any) error) (Message, error) {
	var m Message
	var queued, notBefore int64
	err := scan(&m.ID, &m.Sink, &m.Key, &m.Body, &queued, &notBefore, &m.Tries, &m.Words)
	m.Queued, m.NotBefore = ofMicros(queued), ofMicros(notBefore)
	if len(m.Body) == 0 {
		m.Body = nil // of an empty one each database returns another
	}
	return m, err
}

// Sent takes messages out of the outbox. One that is not there is no error.
func (l *Ledger) Sent(ctx context.Context, ids ...int64) error {
	return l.write(ctx, "note what was sent", func(ctx context.Context, s session) error {
		for _, id := range ids {
			if _, err := s.exec(ctx, `DELETE FROM ledger_message WHERE id = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Delay notes that messages could not be sent, why, and until when they wait.
func (l *Ledger) Delay(ctx context.Context, until time.Time, words string, ids ...int64) error {
	return l.write(ctx, "note what could not be sent", func(ctx context.Context, s session) error {
		for _, id := range ids {
			if _, err := s.exec(ctx, `UPDATE ledger_message SET not_before = ?, tries = tries + 1, words = ? WHERE id = ?`,
				micros(until), plain(words), id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Backlog is what waits in the outbox for one sink.
type Backlog struct {
	Sink     string
	Messages int
	Oldest   time.Time // when it was queued
	Tries    int       // of the one that was tried most often
}

// Backlogs returns what waits for each sink, by name: also for one that is no
// longer in the configuration.
func (l *Ledger) Backlogs(ctx context.Context) ([]Backlog, error) {
	var all []Backlog
	err := l.read(ctx, "count the messages", func(ctx context.Context, s session) error {
		return s.each(ctx, func(scan func(...any) error) error {
			var b Backlog
			var oldest int64
			err := scan(&b.Sink, &b.Messages, &oldest, &b.Tries)
			b.Oldest = ofMicros(oldest)
			all = append(all, b)
			return err
		}, `SELECT sink, count(*), min(queued), max(tries) FROM ledger_message GROUP BY sink ORDER BY sink`)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// micros counts microseconds since 1970; 0: no time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func ofMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

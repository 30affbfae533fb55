package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrBroken: the chain of events does not hold: an event was changed, removed,
// added or moved after it was saved.
var ErrBroken = errors.New("the chain of events is broken")

// Hash is SHA-256 over the hash of the event before, then the stored bytes of
// this one. Before the first event stands the SHA-256 of the ledger's id.
type Hash [sha256.Size]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes what String returns.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

func (h Hash) next(body []byte) Hash {
	return sha256.Sum256(append(h[:], body...))
}

// Head is where the chain ends. Whoever notes it elsewhere can tell later that
// nothing up to it was changed.
type Head struct {
	Seq  int64 // of the last event; 0: there is none yet
	Hash Hash
}

// Head returns where the chain of events ends.
func (l *Ledger) Head(ctx context.Context) (Head, error) {
	h, err := readHead(ctx, l.db)
	return h, explain(l.path, "read the head of its events", err)
}

func readHead(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (Head, error) {
	var h Head
	var sum []byte
	if err := q.QueryRowContext(ctx, `SELECT head_seq, head_hash FROM ledger_meta`).Scan(&h.Seq, &sum); err != nil {
		return Head{}, err
	}
	copy(h.Hash[:], sum)
	return h, nil
}

// link is one event as the chain sees it.
type link struct {
	seq       int64
	ref       string
	body, sum []byte
}

// linksAtOnce keeps every look at the database short, so that the log can be
// written back meanwhile.
const linksAtOnce = 1000

// Verify walks the chain from its beginning and returns the head that it
// proved. The error wraps ErrBroken and names the first event that does not
// fit. Someone who can write the file can also write a chain that holds:
// compare the head with one noted elsewhere.
func (l *Ledger) Verify(ctx context.Context) (Head, error) {
	noted, err := l.Head(ctx) // events saved from now on come after it
	if err != nil {
		return Head{}, err
	}
	at := Head{Hash: genesis(l.id)}
	for more := true; more; {
		links, err := l.links(ctx, at.Seq)
		if err != nil {
			return Head{}, explain(l.path, "read the events", err)
		}
		for _, k := range links {
			next := Head{Seq: at.Seq + 1, Hash: at.Hash.next(k.body)}
			if why := k.broken(next); why != "" {
				return at, l.broken(next.Seq, why)
			}
			if next.Seq == noted.Seq && next.Hash != noted.Hash {
				return at, l.broken(next.Seq, "its hash is not the one noted as the head")
			}
			at = next
		}
		more = len(links) == linksAtOnce
	}
	if at.Seq < noted.Seq {
		return at, l.broken(at.Seq+1, fmt.Sprintf("it is missing, as is everything up to event %d", noted.Seq))
	}
	return at, nil
}

func (l *Ledger) broken(seq int64, why string) error {
	return fmt.Errorf("ledger %s: %w at event %d: %s: compare with a copy or an export from before; what came earlier holds",
		l.path, ErrBroken, seq, why)
}

// broken says why an event does not stand where it should.
func (k link) broken(want Head) string {
	var says struct {
		Seq int64  `json:"seq"`
		Ref string `json:"ref"`
	}
	err := json.Unmarshal(k.body, &says)
	switch {
	case k.seq != want.Seq:
		return fmt.Sprintf("it is missing, the next is event %d", k.seq)
	case err != nil:
		return "it cannot be read: " + err.Error()
	case says.Seq != k.seq:
		return fmt.Sprintf("it says of itself that it is event %d", says.Seq)
	case says.Ref != k.ref:
		return fmt.Sprintf("it is filed under account %q but speaks of %q", k.ref, says.Ref)
	case !bytes.Equal(k.sum, want.Hash[:]):
		return "it, or its hash, was changed"
	}
	return ""
}

func (l *Ledger) links(ctx context.Context, after int64) ([]link, error) {
	rows, err := l.db.QueryContext(ctx,
		`SELECT seq, ref, body, hash FROM ledger_event WHERE seq > ? ORDER BY seq LIMIT ?`, after, linksAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var links []link
	for rows.Next() {
		var k link
		if err := rows.Scan(&k.seq, &k.ref, &k.body, &k.sum); err != nil {
			return nil, err
		}
		links = append(links, k)
	}
	return links, rows.Err()
}

package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
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

// ParseHead reads what people noted of a head: "SEQ:HASH".
func ParseHead(s string) (Head, error) {
	number, sum, _ := strings.Cut(s, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	hash, ok := parseHash(sum)
	if err != nil || seq < 0 || !ok {
		return Head{}, errors.New("not a head: write SEQ:HASH, as history --verify prints it")
	}
	return Head{Seq: seq, Hash: hash}, nil
}

func parseHash(s string) (Hash, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(Hash{}) {
		return Hash{}, false
	}
	return Hash(b), true
}

func (h Hash) next(body []byte) Hash {
	return sha256.Sum256(append(h[:], body...))
}

// Head is where the chain ends. Whoever notes it elsewhere can tell later that
// nothing up to it was changed.
type Head struct {
	Seq  int64 // of the last event; 0: there is none yet
	Hash Hash
}

// String returns "SEQ:HASH".
func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + h.Hash.String() }

// Head returns where the chain of events ends.
func (l *Ledger) Head(ctx context.Context) (Head, error) {
	var h Head
	err := l.read(ctx, "read the head of its events", func(ctx context.Context, s session) (err error) {
		h, err = readHead(ctx, s)
		return err
	})
	return h, err
}

func readHead(ctx context.Context, s session) (Head, error) {
	var h Head
	var sum []byte
	if err := s.row(ctx, `SELECT head_seq, head_hash FROM ledger_meta`).Scan(&h.Seq, &sum); err != nil {
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
// fit. Someone who can write the file can also write a chain that holds: so it
// is also proven that heads noted elsewhere, earlier, are part of it.
func (l *Ledger) Verify(ctx context.Context, elsewhere ...Head) (Head, error) {
	noted, err := l.Head(ctx) // events saved from now on come after it
	if err != nil {
		return Head{}, err
	}
	proof := proof{head: Head{Hash: genesis(l.id)}, noted: noted, elsewhere: elsewhere}
	if err := proof.known(); err != nil {
		return proof.head, fmt.Errorf("ledger %s: %w", l.back.name(), err)
	}
	for more := true; more; {
		var links []link
		err := l.read(ctx, "read the events", func(ctx context.Context, s session) (err error) {
			links, err = readLinks(ctx, s, proof.head.Seq)
			return err
		})
		if err != nil {
			return Head{}, err
		}
		for _, k := range links {
			if err := proof.next(k); err != nil {
				return proof.head, fmt.Errorf("ledger %s: %w", l.back.name(), err)
			}
		}
		more = len(links) == linksAtOnce
	}
	if err := proof.end(); err != nil {
		return proof.head, fmt.Errorf("ledger %s: %w", l.back.name(), err)
	}
	return proof.head, nil
}

// proof walks a chain, event by event.
type proof struct {
	head  Head // what is proven so far
	noted Head // where the chain is said to end; events may have come since
	// elsewhere are heads that were noted elsewhere, earlier.
	elsewhere []Head
}

// next takes the next event of the chain, or says why it cannot be.
func (p *proof) next(k link) error {
	next := Head{Seq: p.head.Seq + 1, Hash: p.head.Hash.next(k.body)}
	if why := k.broken(next); why != "" {
		return broken(next.Seq, why)
	}
	if next.Seq == p.noted.Seq && next.Hash != p.noted.Hash {
		return broken(next.Seq, "its hash is not the one noted as the head")
	}
	p.head = next
	return p.known()
}

// known compares what is proven with what was noted elsewhere.
func (p *proof) known() error {
	for _, h := range p.elsewhere {
		switch {
		case h.Seq != p.head.Seq || h.Hash == p.head.Hash:
		case h.Seq == 0:
			return fmt.Errorf("%w: the head noted elsewhere is the beginning of another ledger", ErrBroken)
		default:
			return fmt.Errorf("%w: the head noted elsewhere, %s, is not part of it: here event %d has the hash %s, "+
				"so this is another ledger, or an event up to there was changed and all hashes after it made anew: "+
				"compare with a copy or an export from before", ErrBroken, h, h.Seq, p.head.Hash)
		}
	}
	return nil
}

// end says what is missing when no further event comes.
func (p *proof) end() error {
	if p.head.Seq < p.noted.Seq {
		return broken(p.head.Seq+1, fmt.Sprintf("it is missing, as is everything up to event %d", p.noted.Seq))
	}
	for _, h := range p.elsewhere {
		if h.Seq > p.head.Seq {
			return broken(p.head.Seq+1, fmt.Sprintf("it is missing, as is everything up to event %d, the head noted elsewhere: "+
				"events were cut off, or an older copy was put in place", h.Seq))
		}
	}
	return nil
}

func broken(seq int64, why string) error {
	return fmt.Errorf("%w at event %d: %s: compare with a copy or an export from before; what came earlier holds",
		ErrBroken, seq, why)
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

// readLinks returns the events after one, at most linksAtOnce.
func readLinks(ctx context.Context, s session, after int64) ([]link, error) {
	var links []link
	err := s.each(ctx, func(scan func(...any) error) error {
		var k link
		err := scan(&k.seq, &k.ref, &k.body, &k.sum)
		links = append(links, k)
		return err
	}, `SELECT seq, ref, body, hash FROM ledger_event WHERE seq > ? ORDER BY seq LIMIT ?`, after, linksAtOnce)
	return links, err
}

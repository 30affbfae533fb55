package ledger_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/sync/ledger"
)

// forge changes an event and makes every hash anew: a chain that holds.
func forge(t *testing.T, l *ledger.Ledger, old, new string) {
	t.Helper()
	sum := sha256.Sum256([]byte(l.ID()))
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := int64(1); seq <= head.Seq; seq++ {
		var body string
		if err := l.DB().QueryRowContext(t.Context(), `SELECT body FROM ledger_event WHERE seq = ?`, seq).Scan(&body); err != nil {
			t.Fatal(err)
		}
		body = strings.Replace(body, old, new, 1)
		sum = sha256.Sum256(append(sum[:], body...))
		if _, err := l.DB().ExecContext(t.Context(), `UPDATE ledger_event SET body = ?, hash = ? WHERE seq = ?`, body, sum[:], seq); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.DB().ExecContext(t.Context(), `UPDATE ledger_meta SET head_hash = ?`, sum[:]); err != nil {
		t.Fatal(err)
	}
}

func headAt(t *testing.T, l *ledger.Ledger, seq int64) ledger.Head {
	t.Helper()
	events, err := l.Events(t.Context(), seq-1, 1, "")
	if err != nil || len(events) != 1 {
		t.Fatal(events, err)
	}
	return ledger.Head{Seq: seq, Hash: events[0].Hash}
}

func TestAHeadNotedElsewhere(t *testing.T) {
	l := chained(t, newPath(t), 7)
	begun := ledger.Head{Hash: ledger.Hash(sha256.Sum256([]byte(l.ID())))}
	third, last := headAt(t, l, 3), headAt(t, l, 7)
	if head, err := l.Verify(t.Context(), begun, third, last); err != nil || head != last {
		t.Fatalf("head %v, %v", head, err)
	}
	_, err := l.Verify(t.Context(), ledger.Head{Seq: 3, Hash: last.Hash})
	refused(t, err, ledger.ErrBroken, "the head noted elsewhere, 3:"+last.Hash.String(), "event 3 has the hash "+third.Hash.String())
	_, err = l.Verify(t.Context(), ledger.Head{Seq: 9, Hash: last.Hash})
	refused(t, err, ledger.ErrBroken, "broken at event 8", "up to event 9, the head noted elsewhere")
	_, err = chained(t, newPath(t), 7).Verify(t.Context(), begun)
	refused(t, err, ledger.ErrBroken, "the beginning of another ledger")

	forge(t, l, "event 5", "event five")
	if _, err := l.Verify(t.Context(), third); err != nil {
		t.Fatalf("what came before is not affected: %v", err)
	}
	_, err = l.Verify(t.Context(), last)
	refused(t, err, ledger.ErrBroken, "is not part of it", "event 7 has the hash")
}

func TestParseHead(t *testing.T) {
	h := headAt(t, chained(t, newPath(t), 2), 2)
	if got, err := ledger.ParseHead(h.String()); err != nil || got != h {
		t.Errorf("%s is read as %s, %v", h, got, err)
	}
	for _, s := range []string{"", "2", "2:", ":" + h.Hash.String(), "-1:" + h.Hash.String(), "2:" + h.Hash.String()[:10], "2:" + h.Hash.String() + "00", "x:" + h.Hash.String()} {
		if got, err := ledger.ParseHead(s); err == nil {
			t.Errorf("%q is read as %s", s, got)
		}
	}
}

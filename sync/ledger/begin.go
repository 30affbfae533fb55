package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"time"
)

// begin gives a ledger without one its id and the beginning of its chain.
func begin(ctx context.Context, s session, id, instance string, now time.Time) error {
	start := genesis(id)
	_, err := s.exec(ctx, `INSERT INTO ledger_meta (only_row, id, instance, created, head_seq, head_hash) VALUES (1, ?, ?, ?, 0, ?)`,
		id, instance, stamp(now), start[:])
	return err
}

// newID returns 80 random bits as 16 lower-case letters and digits: short
// enough for a mark, and never met twice.
func newID(random io.Reader) (string, error) {
	var b [10]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:])), nil
}

// genesis is the hash before the first event. It binds the chain to its ledger.
func genesis(id string) Hash { return sha256.Sum256([]byte(id)) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

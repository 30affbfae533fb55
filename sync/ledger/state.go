package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// State returns what a part of keyrota noted for itself under a name; empty: it
// never did.
func (l *Ledger) State(ctx context.Context, name string) ([]byte, error) {
	var body []byte
	err := l.read(ctx, "read what is noted under "+name, func(ctx context.Context, s session) (err error) {
		body, err = readState(ctx, s, name)
		return err
	})
	return body, err
}

// SetState notes it; empty: nothing any more. Of several who do so the last one
// stands: Queue is for those who must not overwrite each other.
func (l *Ledger) SetState(ctx context.Context, name string, body []byte) error {
	return l.write(ctx, "note something under "+name, func(ctx context.Context, s session) error {
		return saveState(ctx, s, name, body)
	})
}

func readState(ctx context.Context, s session, name string) ([]byte, error) {
	var body []byte
	err := s.row(ctx, `SELECT body FROM ledger_state WHERE name = ?`, name).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return body, err
}

func saveState(ctx context.Context, s session, name string, body []byte) error {
	if len(body) == 0 {
		_, err := s.exec(ctx, `DELETE FROM ledger_state WHERE name = ?`, name)
		return err
	}
	_, err := s.exec(ctx, `INSERT INTO ledger_state (name, body) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET body = excluded.body`, name, body)
	return err
}

// sameState refuses with ErrConflict where what is noted is no longer was.
func sameState(ctx context.Context, s session, name string, was []byte) error {
	is, err := readState(ctx, s, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(is, was) {
		return fmt.Errorf("%w: what is noted under %s is another's by now", ErrConflict, name)
	}
	return nil
}

package ledger

import (
	"context"
	"database/sql"
	"errors"
)

// Cursor returns how far whoever follows the events under a name has come; 0:
// not yet begun.
func (l *Ledger) Cursor(ctx context.Context, name string) (int64, error) {
	var seq int64
	err := l.read(ctx, "read the cursor "+name, func(ctx context.Context, s session) error {
		err := s.row(ctx, `SELECT seq FROM ledger_cursor WHERE name = ?`, name).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return seq, err
}

// SetCursor puts on record how far it has come. It never goes back.
func (l *Ledger) SetCursor(ctx context.Context, name string, seq int64) error {
	return l.write(ctx, "save the cursor "+name, func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, `INSERT INTO ledger_cursor (name, seq) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET seq = excluded.seq WHERE ledger_cursor.seq < excluded.seq`, name, seq)
		return err
	})
}

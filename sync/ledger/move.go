package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/rotation"
)

var (
	// ErrTaken: the name that a record is to go on under has one already.
	ErrTaken = errors.New("there is a record under that name already")
	// ErrNoRecord: there is no record of that name.
	ErrNoRecord = errors.New("there is no record under that name")
)

// Move has a record go on under another name, with its freezes and what it has
// to prove, and an event under both names. It refuses with ErrNoRecord and
// ErrTaken. Whoever works on the old name meanwhile gets ErrConflict.
func (l *Ledger) Move(ctx context.Context, from, to rotation.Ref) error {
	return l.write(ctx, fmt.Sprintf("move the record of %s to %s", from, to), func(ctx context.Context, s session) error {
		rec, rev, err := readRecord(ctx, s, from)
		switch {
		case err != nil:
			return err
		case rev == 0:
			return fmt.Errorf("%w: %s", ErrNoRecord, from)
		}
		body, err := encodeRecord(rec)
		if err != nil {
			return err
		}
		last, err := lastRevision(ctx, s, to)
		if err != nil {
			return err
		}
		next := max(rev, last) + 1
		moved, err := s.exec(ctx, `INSERT INTO ledger_record (ref, revision, updated, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			string(to), int64(next), stamp(l.now()), string(body))
		if err != nil {
			return err
		}
		if moved != 1 {
			return fmt.Errorf("%w: %s", ErrTaken, to)
		}
		if _, err := s.exec(ctx, `DELETE FROM ledger_record WHERE ref = ?`, string(from)); err != nil {
			return err
		}
		for _, rename := range []struct {
			query string
			args  []any
		}{
			{`DELETE FROM ledger_routine WHERE ref = ?`, []any{string(to)}},
			{`UPDATE ledger_routine SET ref = ? WHERE ref = ?`, []any{string(to), string(from)}},
			{`UPDATE ledger_lane SET canary = ? WHERE canary = ?`, []any{string(to), string(from)}},
			{`UPDATE ledger_freeze SET ref = ? WHERE ref = ?`, []any{string(to), string(from)}},
		} {
			if _, err := s.exec(ctx, rename.query, rename.args...); err != nil {
				return err
			}
		}
		if _, err := appendEvents(ctx, s, l.happened(from, next), rotation.Event{
			Kind: rotation.EventMoved, Words: "goes on as " + string(to),
		}); err != nil {
			return err
		}
		_, err = appendEvents(ctx, s, l.happened(to, next), rotation.Event{
			Kind: rotation.EventMoved, Words: "was " + string(from),
		})
		return err
	})
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keyrota/keyrota/rotation"
)

var (
	// ErrTaken: the name that a record is to go on under has one already.
	ErrTaken = errors.New("there is a record under that name already")
	// ErrNoRecord: there is no record of that name.
	ErrNoRecord = errors.New("there is no record under that name")
)

// Move has a record go on under another name, with its freezes, what it has to
// prove, what is known of its use and what is acknowledged of it, and an event
// under both names. It refuses with ErrNoRecord and
// ErrTaken. Whoever works on the old name meanwhile gets ErrConflict.
func (l *Ledger) Move(ctx context.Context, from, to rotation.Ref) error {
	return l.move(ctx, from, to, false)
}

// MoveBeside is Move while others may work by the old name: there they find a
// parked record that says where it went, and leave the account alone.
func (l *Ledger) MoveBeside(ctx context.Context, from, to rotation.Ref) error {
	return l.move(ctx, from, to, true)
}

// wentTo begins what a record says that stays where another went.
const wentTo = "its record goes on as "

// Went reports whether a record only says where the account's went.
func Went(r rotation.Record) bool { return strings.HasPrefix(r.Parked, wentTo) }

func (l *Ledger) move(ctx context.Context, from, to rotation.Ref, beside bool) error {
	return l.write(ctx, fmt.Sprintf("move the record of %s to %s", from, to), func(ctx context.Context, s session) error {
		rec, rev, err := readRecord(ctx, s, from)
		switch {
		case err != nil:
			return err
		case rev == 0 || Went(rec):
			return fmt.Errorf("%w: %s", ErrNoRecord, from)
		}
		if old, rev, err := readRecord(ctx, s, to); err == nil && rev > 0 && Went(old) {
			if _, err := s.exec(ctx, `DELETE FROM ledger_record WHERE ref = ?`, string(to)); err != nil {
				return err
			}
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
		if beside {
			stays, err := encodeRecord(rotation.Record{
				Account: rec.Account, Seq: rec.Seq, Left: instant(l.now()),
				Parked: wentTo + string(to) + ": once no daemon has the old configuration, run: keyrota forget " + string(from),
			})
			if err != nil {
				return err
			}
			if _, err := s.exec(ctx, `INSERT INTO ledger_record (ref, revision, updated, body) VALUES (?, ?, ?, ?)`,
				string(from), int64(next), stamp(l.now()), string(stays)); err != nil {
				return err
			}
		}
		for _, rename := range []struct {
			query string
			args  []any
		}{
			{`DELETE FROM ledger_routine WHERE ref = ?`, []any{string(to)}},
			{`UPDATE ledger_routine SET ref = ? WHERE ref = ?`, []any{string(to), string(from)}},
			{`UPDATE ledger_lane SET canary = ? WHERE canary = ?`, []any{string(to), string(from)}},
			{`UPDATE ledger_freeze SET ref = ? WHERE ref = ?`, []any{string(to), string(from)}},
			{`UPDATE ledger_acknowledgement SET ref = ? WHERE ref = ?`, []any{string(to), string(from)}},
		} {
			if _, err := s.exec(ctx, rename.query, rename.args...); err != nil {
				return err
			}
		}
		if err := l.moveUse(ctx, s, from, to); err != nil {
			return err
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

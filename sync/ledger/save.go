package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Revision counts the saves of one record. 0: never saved.
type Revision int64

// Entry is one record as the ledger holds it.
type Entry struct {
	Ref      rotation.Ref
	Record   rotation.Record
	Revision Revision
	Updated  time.Time // when it was last saved, by the clock of whoever saved it; UTC
}

// Load returns the record of an account and its revision: the zero record and
// revision 0 for an account that was never saved. Times are in UTC.
func (l *Ledger) Load(ctx context.Context, ref rotation.Ref) (rotation.Record, Revision, error) {
	var rev Revision
	var body []byte
	err := l.db.QueryRowContext(ctx, `SELECT revision, body FROM ledger_record WHERE ref = ?`, string(ref)).Scan(&rev, &body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return rotation.Record{}, 0, nil
	case err != nil:
		return rotation.Record{}, 0, explain(l.path, "load the record of "+string(ref), err)
	}
	rec, err := decodeRecord(body)
	if err != nil {
		return rotation.Record{}, 0, fmt.Errorf("ledger %s: the record of %s: %w", l.path, ref, err)
	}
	return rec, rev, nil
}

// Save stores the record and its events together, on condition that the
// record's revision still is prev, and returns the new revision. When it
// returns without an error everything is on the disk; with one, nothing is.
// ErrConflict: the revision moved.
//
// A ctx that ends stops it. Whoever must save after an effect passes one that
// does not end (context.WithoutCancel).
func (l *Ledger) Save(ctx context.Context, ref rotation.Ref, rec rotation.Record, prev Revision, events ...rotation.Event) (Revision, error) {
	doing := "save the record of " + string(ref)
	if l.mode != readWrite {
		return 0, fmt.Errorf("ledger %s: %s: %w", l.path, doing, ErrReadOnly)
	}
	body, err := encodeRecord(rec)
	if err != nil {
		return 0, explain(l.path, doing, err)
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return 0, explain(l.path, doing, ctx.Err())
	}
	next, err := l.save(ctx, ref, body, prev, events)
	if err != nil {
		return 0, explain(l.path, doing, err)
	}
	return next, nil
}

func (l *Ledger) save(ctx context.Context, ref rotation.Ref, body []byte, prev Revision, events []rotation.Event) (Revision, error) {
	tx, err := l.db.BeginTx(ctx, nil) // immediate: the write lock is ours from here on
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	next, at := prev+1, l.now().UTC()
	var result sql.Result
	if prev == 0 {
		result, err = tx.ExecContext(ctx,
			`INSERT INTO ledger_record (ref, revision, updated, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			string(ref), int64(next), stamp(at), string(body))
	} else {
		result, err = tx.ExecContext(ctx,
			`UPDATE ledger_record SET revision = ?, updated = ?, body = ? WHERE ref = ? AND revision = ?`,
			int64(next), stamp(at), string(body), string(ref), int64(prev))
	}
	if err != nil {
		return 0, err
	}
	if n, err := result.RowsAffected(); err != nil {
		return 0, err
	} else if n != 1 {
		return 0, fmt.Errorf("%w: it is no longer at revision %d", ErrConflict, prev)
	}
	if err := appendEvents(ctx, tx, StoredEvent{Time: at, Ref: ref, Revision: next, By: l.by}, events); err != nil {
		return 0, err
	}
	return next, tx.Commit()
}

// Update changes a record, whoever else saves it meanwhile: change is given
// the record as it is, and again whenever it was saved by another in between,
// so it must not act. A record that comes back as it was, without events, is
// not saved. The error of change is returned as it is.
func (l *Ledger) Update(ctx context.Context, ref rotation.Ref, change func(rotation.Record) (rotation.Record, []rotation.Event, error)) error {
	for {
		rec, rev, err := l.Load(ctx, ref)
		if err != nil {
			return err
		}
		changed, events, err := change(rec.Clone())
		if err != nil {
			return err
		}
		if len(events) == 0 && same(rec, changed) {
			return nil
		}
		if _, err = l.Save(ctx, ref, changed, rev, events...); !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// same reports whether two records would be stored alike. One that cannot be
// stored is like none, so that saving it says why.
func same(a, b rotation.Record) bool {
	x, errX := encodeRecord(a)
	y, errY := encodeRecord(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// List returns all records, by ref, as of one moment. Where some cannot be
// read it returns the others, and an error that names each that is missing.
func (l *Ledger) List(ctx context.Context) ([]Entry, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT ref, revision, updated, body FROM ledger_record ORDER BY ref`)
	if err != nil {
		return nil, explain(l.path, "list the records", err)
	}
	defer rows.Close()
	var all []Entry
	var unread []error
	for rows.Next() {
		var e Entry
		var updated string
		var body []byte
		if err := rows.Scan(&e.Ref, &e.Revision, &updated, &body); err != nil {
			return nil, explain(l.path, "list the records", err)
		}
		if e.Record, err = decodeRecord(body); err == nil {
			e.Updated, err = time.Parse(time.RFC3339Nano, updated)
		}
		if err != nil {
			unread = append(unread, fmt.Errorf("ledger %s: the record of %s: %w", l.path, e.Ref, err))
			continue
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, explain(l.path, "list the records", err)
	}
	return all, errors.Join(unread...)
}

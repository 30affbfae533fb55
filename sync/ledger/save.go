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
	var rec rotation.Record
	var rev Revision
	err := l.read(ctx, "load the record of "+string(ref), func(ctx context.Context, s session) (err error) {
		rec, rev, err = readRecord(ctx, s, ref)
		return err
	})
	return rec, rev, err
}

func readRecord(ctx context.Context, s session, ref rotation.Ref) (rotation.Record, Revision, error) {
	var rev Revision
	var body []byte
	err := s.row(ctx, `SELECT revision, body FROM ledger_record WHERE ref = ?`, string(ref)).Scan(&rev, &body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return rotation.Record{}, 0, nil
	case err != nil:
		return rotation.Record{}, 0, err
	}
	rec, err := decodeRecord(body)
	if err != nil {
		return rotation.Record{}, 0, err
	}
	return rec, rev, nil
}

// Save stores the record and its events together, on condition that the
// record's revision still is prev, and returns the new revision. When it
// returns without an error everything is on the disk; with one, nothing is.
// ErrConflict: the revision moved. ErrUnclear alone leaves open whether it is
// saved: the database took it, did not answer, and could not be asked again
// for a minute.
//
// A ctx that ends stops it. Whoever must save after an effect passes one that
// does not end (context.WithoutCancel); a database that cannot be reached is
// then tried for a minute.
func (l *Ledger) Save(ctx context.Context, ref rotation.Ref, rec rotation.Record, prev Revision, events ...rotation.Event) (Revision, error) {
	doing := "save the record of " + string(ref)
	body, err := encodeRecord(rec)
	if err != nil {
		return 0, explain(l.back, doing, err)
	}
	nonce, err := newID(l.rand)
	if err != nil {
		return 0, explain(l.back, doing, err)
	}
	s := saving{ref: ref, body: body, prev: prev, events: events, nonce: nonce}
	until := time.NewTimer(persistence)
	defer until.Stop()
	for {
		err := l.write(ctx, doing, func(ctx context.Context, in session) error { return s.save(ctx, in, l.happened(ref, 0)) })
		if unclear, ok := errors.AsType[*unclearError](err); ok {
			err = l.settle(ctx, &s, unclear)
		}
		if err == nil {
			return s.rev, nil
		}
		if errors.Is(err, ErrUnclear) || !l.back.passing(err) {
			return 0, err
		}
		select {
		case <-time.After(persistencePause):
		case <-until.C:
			return 0, err
		case <-ctx.Done():
			return 0, errors.Join(ctx.Err(), err)
		}
	}
}

const (
	// persistence is how long a save goes on while the database cannot be
	// reached: longer than a standby takes to replace its primary.
	persistence      = time.Minute
	persistencePause = 500 * time.Millisecond
)

// saving is one save on its way.
type saving struct {
	ref    rotation.Ref
	body   []byte
	prev   Revision
	events []rotation.Event
	nonce  string // nobody else saves with it

	rev   Revision // what it becomes
	heads []Head   // after each of its events
}

func (v *saving) save(ctx context.Context, s session, first StoredEvent) (err error) {
	v.rev = v.prev + 1
	var saved int64
	if v.prev == 0 {
		// A name whose record went elsewhere begins where that left off, so
		// that nobody who still has the old one saves over the new.
		last, err := lastRevision(ctx, s, v.ref)
		if err != nil {
			return err
		}
		v.rev = last + 1
		saved, err = s.exec(ctx,
			`INSERT INTO ledger_record (ref, revision, updated, body, nonce) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			string(v.ref), int64(v.rev), stamp(first.Time), string(v.body), v.nonce)
		if err != nil {
			return err
		}
	} else if saved, err = s.exec(ctx,
		`UPDATE ledger_record SET revision = ?, updated = ?, body = ?, nonce = ? WHERE ref = ? AND revision = ?`,
		int64(v.rev), stamp(first.Time), string(v.body), v.nonce, string(v.ref), int64(v.prev)); err != nil {
		return err
	}
	if saved != 1 {
		return fmt.Errorf("%w: it is no longer at revision %d", ErrConflict, v.prev)
	}
	first.Revision = v.rev
	v.heads, err = appendEvents(ctx, s, first, v.events...)
	return err
}

// lastRevision returns the revision that the last event of a name speaks of.
func lastRevision(ctx context.Context, s session, ref rotation.Ref) (Revision, error) {
	var body []byte
	err := s.row(ctx, `SELECT body FROM ledger_event WHERE ref = ? ORDER BY seq DESC LIMIT 1`, string(ref)).Scan(&body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, err
	}
	e, err := decodeEvent(body, Hash{})
	return e.Revision, err
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
	var all []Entry
	var unread []error
	err := l.read(ctx, "list the records", func(ctx context.Context, s session) error {
		return s.each(ctx, func(scan func(...any) error) error {
			var e Entry
			var updated string
			var body []byte
			err := scan(&e.Ref, &e.Revision, &updated, &body)
			if err != nil {
				return err
			}
			if e.Record, err = decodeRecord(body); err == nil {
				e.Updated, err = time.Parse(time.RFC3339Nano, updated)
			}
			if err != nil {
				unread = append(unread, fmt.Errorf("ledger %s: the record of %s: %w", l.Name(), e.Ref, err))
				return nil
			}
			all = append(all, e)
			return nil
		}, `SELECT ref, revision, updated, body FROM ledger_record ORDER BY ref`)
	})
	if err != nil {
		return nil, err
	}
	return all, errors.Join(unread...)
}

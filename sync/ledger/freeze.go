package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Freeze is a stretch in which a person lets no key be issued or deleted.
type Freeze struct {
	ID     int64        // the Seq of the event that tells of it
	Team   string       // of a team
	Ref    rotation.Ref // of one account; both empty: of all
	From   time.Time    // zero: from when it was saved
	Until  time.Time    // zero: until a person lifts it
	Reason string
	By     string
}

// ErrNoFreeze: there is no such freeze, or it is over.
var ErrNoFreeze = errors.New("there is no such freeze")

// whom says for whom a freeze is.
func (f Freeze) whom() string {
	switch {
	case f.Ref != "":
		return "account " + string(f.Ref)
	case f.Team != "":
		return "team " + f.Team
	}
	return "all accounts"
}

// told is what the event of its beginning says.
func (f Freeze) told() string {
	words := fmt.Sprintf("freeze %d of %s from %s", f.ID, f.whom(), f.From.UTC().Format(time.RFC3339))
	if !f.Until.IsZero() {
		words += " until " + f.Until.UTC().Format(time.RFC3339)
	}
	return because(words, f.Reason)
}

func because(words, reason string) string {
	if reason == "" {
		return words
	}
	return words + ": " + reason
}

// Freeze puts a freeze on record, with its event, and returns it with its id.
// An empty By becomes that of the Options.
func (l *Ledger) Freeze(ctx context.Context, f Freeze) (Freeze, error) {
	if f.From.IsZero() {
		f.From = l.now()
	}
	if f.By == "" {
		f.By = l.by
	}
	f.From, f.Until = instant(f.From), instant(f.Until)
	f.Reason, f.By = words(f.Reason), words(f.By)
	err := l.write(ctx, "freeze "+f.whom(), func(ctx context.Context, s session) error {
		head, err := readHead(ctx, s)
		if err != nil {
			return err
		}
		f.ID = head.Seq + 1
		if err := saveFreeze(ctx, s, f); err != nil {
			return err
		}
		_, err = appendEvents(ctx, s, l.happened(f.Ref, 0), rotation.Event{Kind: rotation.EventFrozen, Words: f.told()})
		return err
	})
	return f, err
}

func saveFreeze(ctx context.Context, s session, f Freeze) error {
	until := ""
	if !f.Until.IsZero() {
		until = stamp(f.Until)
	}
	_, err := s.exec(ctx, `INSERT INTO ledger_freeze (id, team, ref, begins, until, reason, by) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		f.ID, f.Team, string(f.Ref), stamp(f.From), until, f.Reason, f.By)
	return err
}

// Unfreeze lifts a freeze, with an event. ErrNoFreeze: it is over, or never was.
func (l *Ledger) Unfreeze(ctx context.Context, id int64, reason string) error {
	return l.write(ctx, fmt.Sprintf("lift freeze %d", id), func(ctx context.Context, s session) error {
		all, err := readFreezes(ctx, s)
		if err != nil {
			return err
		}
		for _, f := range all {
			if f.ID != id || f.over(l.now()) {
				continue
			}
			if _, err := s.exec(ctx, `DELETE FROM ledger_freeze WHERE id = ?`, id); err != nil {
				return err
			}
			_, err := appendEvents(ctx, s, l.happened(f.Ref, 0), rotation.Event{
				Kind: rotation.EventUnfrozen, Words: because(fmt.Sprintf("freeze %d of %s", f.ID, f.whom()), reason),
			})
			return err
		}
		return fmt.Errorf("%w: freeze %d", ErrNoFreeze, id)
	})
}

func (f Freeze) over(now time.Time) bool { return !f.Until.IsZero() && !now.Before(f.Until) }

// Freezes returns the freezes that are not over, those that have yet to begin
// among them, in the order in which they were made.
func (l *Ledger) Freezes(ctx context.Context) ([]Freeze, error) {
	var standing []Freeze
	err := l.read(ctx, "list the freezes", func(ctx context.Context, s session) error {
		all, err := readFreezes(ctx, s)
		for _, f := range all {
			if !f.over(l.now()) {
				standing = append(standing, f)
			}
		}
		return err
	})
	return standing, err
}

func readFreezes(ctx context.Context, s session) ([]Freeze, error) {
	var all []Freeze
	err := s.each(ctx, func(scan func(...any) error) error {
		var f Freeze
		var from, until string
		err := scan(&f.ID, &f.Team, &f.Ref, &from, &until, &f.Reason, &f.By)
		if err != nil {
			return err
		}
		if f.From, err = time.Parse(time.RFC3339Nano, from); err != nil {
			return fmt.Errorf("freeze %d: %w", f.ID, err)
		}
		if until != "" {
			if f.Until, err = time.Parse(time.RFC3339Nano, until); err != nil {
				return fmt.Errorf("freeze %d: %w", f.ID, err)
			}
		}
		all = append(all, f)
		return nil
	}, `SELECT id, team, ref, begins, until, reason, by FROM ledger_freeze ORDER BY id`)
	return all, err
}

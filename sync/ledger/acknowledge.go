package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Acknowledgement is a person's word that a finding is known, until a time.
type Acknowledgement struct {
	ID      int64        // the Seq of the event that tells of it
	Code    string       // of the finding
	Ref     rotation.Ref // empty: a finding about no account
	Subject string       // empty: every subject
	From    time.Time    // zero: from when it was saved
	Until   time.Time
	Reason  string
	By      string
}

var (
	// ErrNoAcknowledgement: there is no such acknowledgement, or it is over.
	ErrNoAcknowledgement = errors.New("there is no such acknowledgement")
	// ErrUnfounded: it lacks a reason, or an end that is yet to come.
	ErrUnfounded = errors.New("an acknowledgement needs a reason and an end: say why it is as it should be, and until when")
)

// of says what is acknowledged.
func (a Acknowledgement) of() string {
	what := a.Code
	if a.Ref != "" {
		what += " of " + string(a.Ref)
	}
	if a.Subject != "" {
		what += " (" + a.Subject + ")"
	}
	return what
}

func (a Acknowledgement) over(now time.Time) bool { return !now.Before(a.Until) }

// Acknowledge puts an acknowledgement on record, with its event, and returns it
// with its id. An empty By becomes that of the Options. It refuses with
// ErrUnfounded.
func (l *Ledger) Acknowledge(ctx context.Context, a Acknowledgement) (Acknowledgement, error) {
	if a.From.IsZero() {
		a.From = l.now()
	}
	if a.By == "" {
		a.By = l.by
	}
	a.From, a.Until = instant(a.From), instant(a.Until)
	a.Subject, a.Reason, a.By = plain(a.Subject), plain(a.Reason), plain(a.By)
	doing := "acknowledge " + a.of()
	if a.Code == "" || strings.TrimSpace(a.Reason) == "" || a.over(l.now()) || !a.Until.After(a.From) {
		return a, fmt.Errorf("%s: %w", doing, ErrUnfounded)
	}
	err := l.write(ctx, doing, func(ctx context.Context, s session) error {
		head, err := readHead(ctx, s)
		if err != nil {
			return err
		}
		a.ID = head.Seq + 1
		if err := saveAcknowledgement(ctx, s, a); err != nil {
			return err
		}
		_, err = appendEvents(ctx, s, l.happened(a.Ref, 0), rotation.Event{
			Kind: rotation.EventAcknowledged, Words: fmt.Sprintf("%s until %s: %s", a.of(), a.Until.Format(time.RFC3339), a.Reason),
		})
		return err
	})
	return a, err
}

func saveAcknowledgement(ctx context.Context, s session, a Acknowledgement) error {
	_, err := s.exec(ctx, `INSERT INTO ledger_acknowledgement (id, code, ref, subject, begins, until, reason, by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.Code, string(a.Ref), a.Subject, stamp(a.From), stamp(a.Until), a.Reason, a.By)
	return err
}

// Unacknowledge takes one back, with an event. ErrNoAcknowledgement: it is over,
// or never was.
func (l *Ledger) Unacknowledge(ctx context.Context, id int64, reason string) error {
	return l.write(ctx, fmt.Sprintf("take back acknowledgement %d", id), func(ctx context.Context, s session) error {
		all, err := readAcknowledgements(ctx, s)
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.ID != id || a.over(l.now()) {
				continue
			}
			if _, err := s.exec(ctx, `DELETE FROM ledger_acknowledgement WHERE id = ?`, id); err != nil {
				return err
			}
			_, err := appendEvents(ctx, s, l.happened(a.Ref, 0), rotation.Event{
				Kind: rotation.EventUnacknowledged, Words: because(fmt.Sprintf("acknowledgement %d of %s", a.ID, a.of()), plain(reason)),
			})
			return err
		}
		return fmt.Errorf("%w: acknowledgement %d", ErrNoAcknowledgement, id)
	})
}

// Acknowledgements returns those that are not over, those that have yet to begin
// among them, in the order in which they were made.
func (l *Ledger) Acknowledgements(ctx context.Context) ([]Acknowledgement, error) {
	var standing []Acknowledgement
	err := l.read(ctx, "list the acknowledgements", func(ctx context.Context, s session) error {
		all, err := readAcknowledgements(ctx, s)
		for _, a := range all {
			if !a.over(l.now()) {
				standing = append(standing, a)
			}
		}
		return err
	})
	return standing, err
}

func readAcknowledgements(ctx context.Context, s session) ([]Acknowledgement, error) {
	var all []Acknowledgement
	err := s.each(ctx, func(scan func(...any) error) error {
		var a Acknowledgement
		var from, until string
		err := scan(&a.ID, &a.Code, &a.Ref, &a.Subject, &from, &until, &a.Reason, &a.By)
		if err != nil {
			return err
		}
		for _, at := range []struct {
			to   *time.Time
			from string
		}{{&a.From, from}, {&a.Until, until}} {
			if *at.to, err = time.Parse(time.RFC3339Nano, at.from); err != nil {
				return fmt.Errorf("acknowledgement %d: %w", a.ID, err)
			}
		}
		all = append(all, a)
		return nil
	}, `SELECT id, code, ref, subject, begins, until, reason, by FROM ledger_acknowledgement ORDER BY id`)
	return all, err
}

// plain is words that stand in a column of their own, where a server takes no
// zero byte.
func plain(s string) string { return strings.ReplaceAll(words(s), "\x00", "\uFFFD") }

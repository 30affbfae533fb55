package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// settle finds out what became of a save whose commit was not answered, and
// returns nil if it is saved, an error without ErrUnclear if it is not. It
// waits for the transaction to end: that one holds the head of the chain until
// then, and so the answer is final.
func (l *Ledger) settle(ctx context.Context, v *saving, unanswered *unclearError) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), persistence)
	defer cancel()
	for {
		var saved bool
		err := l.write(ctx, "ask what became of it", func(ctx context.Context, s session) (err error) {
			if saved, err = v.saved(ctx, s); err != nil {
				return err
			}
			return errNothing
		})
		switch {
		case errors.Is(err, errNothing) && saved:
			return nil
		case errors.Is(err, errNothing):
			return explain(l.back, "save the record of "+string(v.ref), unanswered.err)
		case errors.Is(err, errOvertaken):
			return unanswered
		}
		select {
		case <-time.After(persistencePause):
		case <-ctx.Done():
			return unanswered
		}
	}
}

// unclearError is what became of a commit that was not answered.
type unclearError struct{ err error }

// Error says what is not known, and why.
func (e *unclearError) Error() string {
	return ErrUnclear.Error() + " (" + e.err.Error() + "): look before doing it again"
}

// Is makes it an ErrUnclear. It wraps no other: callers must not take it for a
// failure that left nothing behind.
func (e *unclearError) Is(target error) bool { return target == ErrUnclear }

// errOvertaken: others saved since, and nothing tells what was there before.
var errOvertaken = errors.New("the record was saved again since")

// saved reports whether the ledger holds what v saved.
func (v *saving) saved(ctx context.Context, s session) (bool, error) {
	var rev Revision
	var nonce sql.NullString
	err := s.row(ctx, `SELECT revision, nonce FROM ledger_record WHERE ref = ?`, string(v.ref)).Scan(&rev, &nonce)
	gone := errors.Is(err, sql.ErrNoRows)
	switch {
	case err != nil && !gone:
		return false, err
	case rev == v.rev:
		return nonce.String == v.nonce, nil
	case rev < v.rev && (!gone || v.prev == 0):
		return false, nil
	case len(v.heads) == 0:
		return false, errOvertaken
	}
	return holds(ctx, s, v.heads[0])
}

// holds reports whether an event is in the chain.
func holds(ctx context.Context, s session, h Head) (bool, error) {
	var sum []byte
	switch err := s.row(ctx, `SELECT hash FROM ledger_event WHERE seq = ?`, h.Seq).Scan(&sum); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return string(sum) == string(h.Hash[:]), nil
}

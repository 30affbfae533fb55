package ledger

import (
	"context"
	"fmt"
)

// read runs f on the database, within the time that an answer may take.
func (l *Ledger) read(ctx context.Context, doing string, f func(context.Context, session) error) error {
	ctx, cancel := l.back.within(ctx)
	defer cancel()
	return explain(l.back, doing, f(ctx, session{l.db, l.back}))
}

// write runs f in one transaction, alone among all who write. With an error
// nothing of it is done, unless that wraps ErrUnclear.
func (l *Ledger) write(ctx context.Context, doing string, f func(context.Context, session) error) error {
	if l.mode != readWrite {
		return fmt.Errorf("ledger %s: %s: %w", l.back.name(), doing, ErrReadOnly)
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return explain(l.back, doing, ctx.Err())
	}
	return explain(l.back, doing, l.transact(ctx, f))
}

func (l *Ledger) transact(ctx context.Context, f func(context.Context, session) error) error {
	// What ends with ctx is the work; a commit that has begun is waited for.
	during, cancel := l.back.within(context.WithoutCancel(ctx))
	defer cancel()
	unlink := context.AfterFunc(ctx, cancel)
	defer unlink()
	stopped := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	tx, err := l.db.BeginTx(during, nil)
	if err != nil {
		return stopped(err)
	}
	defer tx.Rollback()
	if lock := l.back.lockHead(); lock != "" {
		if _, err := tx.ExecContext(during, lock); err != nil {
			return stopped(err)
		}
	}
	if err := f(during, session{tx, l.back}); err != nil {
		return stopped(err)
	}
	if !unlink() {
		return ctx.Err()
	}
	if err := tx.Commit(); err != nil {
		return &unclearError{err}
	}
	return nil
}

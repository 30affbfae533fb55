package ledger

import (
	"context"
	"fmt"
	"time"
)

// Lease takes a lease, or renews it: nobody else is granted it for ttl by the
// clock that all who use the ledger share. A lease spares work that is done
// twice, it guards nothing: whoever slept through its end does not know.
func (l *Ledger) Lease(ctx context.Context, name, holder string, ttl time.Duration) (granted bool, err error) {
	doing := "lease " + name
	if l.mode != readWrite {
		return false, fmt.Errorf("ledger %s: %s: %w", l.Name(), doing, ErrReadOnly)
	}
	err = l.read(ctx, doing, func(ctx context.Context, s session) error {
		now := s.back.clock(l.now)
		n, err := s.exec(ctx, `INSERT INTO ledger_lease (name, holder, until) VALUES (?, ?, `+now+` + ?)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE ledger_lease.holder = excluded.holder OR ledger_lease.until <= `+now,
			name, holder, ttl.Microseconds())
		granted = n == 1
		return err
	})
	return granted, err
}

// Unlease gives a lease back; one that another holds stays theirs.
func (l *Ledger) Unlease(ctx context.Context, name, holder string) error {
	doing := "give back the lease " + name
	if l.mode != readWrite {
		return fmt.Errorf("ledger %s: %s: %w", l.Name(), doing, ErrReadOnly)
	}
	return l.read(ctx, doing, func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, `DELETE FROM ledger_lease WHERE name = ? AND holder = ?`, name, holder)
		return err
	})
}

// Expired returns the names of the leases that were not given back in time.
func (l *Ledger) Expired(ctx context.Context) ([]string, error) {
	var names []string
	err := l.read(ctx, "look for leases that ran out", func(ctx context.Context, s session) error {
		return s.each(ctx, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			names = append(names, name)
			return err
		}, `SELECT name FROM ledger_lease WHERE until <= `+s.back.clock(l.now)+` ORDER BY name`)
	})
	return names, err
}

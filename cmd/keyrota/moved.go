package main

import (
	"context"
	"fmt"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// move has records go on under the names that accounts have now (formerly:),
// before anything is decided. engine says that this process is the daemon. A
// process that only looks takes the record from where it is.
func (s *system) move(ctx context.Context, entries []ledger.Entry, mode ledgerMode, engine bool) error {
	records := map[rotation.Ref]rotation.Record{}
	for _, e := range entries {
		records[e.Ref] = e.Record
	}
	s.former = map[rotation.Ref]rotation.Ref{}
	for _, account := range s.inventory.Accounts {
		from, to := rotation.Ref(account.Config.Formerly), account.Ref()
		old, there := records[from]
		if from == "" || !there || ledger.Went(old) {
			continue
		}
		if now, taken := records[to]; taken && !ledger.Went(now) {
			s.warn("warning: %s: formerly: %s has a record of its own, and so has %s: nothing is moved, and the old record stands still. "+
				"Remove formerly:, or have one of the two forgotten: keyrota forget ACCOUNT", account.Config.Pos, from, to)
			continue
		}
		if mode == ledgerRead {
			s.former[to] = from
			continue
		}
		if err := s.moveOne(ctx, from, to, engine); err != nil {
			return err
		}
	}
	return nil
}

// movesFrom tells of a record that is still under the former name.
func movesFrom(from rotation.Ref) string {
	return "the record of " + string(from) + " goes on here (formerly:)"
}

func (s *system) moveOne(ctx context.Context, from, to rotation.Ref, engine bool) error {
	engines, err := s.engines(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(engines) > 0 && !engine && !s.ledger.Shared():
		return fmt.Errorf("%s was %s, and a daemon (%s) works by the old name: have it load its configuration again (SIGHUP), then it moves the record", to, from, named(engines))
	case len(engines) > 0:
		err = s.ledger.MoveBeside(ctx, from, to)
	default:
		err = s.ledger.Move(ctx, from, to)
	}
	if err != nil {
		return err
	}
	s.warn("%s goes on as %s", from, to)
	return nil
}

package ledger

import (
	"context"
	"sync"
	"time"
)

const (
	// An engine says that it runs every so often, and counts as running until
	// it has not said so for a while.
	engineSays = 10 * time.Second
	engineSeen = 30 * time.Second
	// engineKept is how long one that ended without a word stays on record.
	engineKept = 24 * time.Hour
)

func (v *server) engage(ctx context.Context, l *Ledger, id, name, version string) (release func() error, err error) {
	now := v.clock(nil)
	say := func(ctx context.Context) error {
		return l.read(ctx, "say that an engine runs", func(ctx context.Context, s session) error {
			_, err := s.exec(ctx, `INSERT INTO ledger_engine (id, name, version, since, seen) VALUES (?, ?, ?, `+now+`, `+now+`)
				ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`, id, name, version)
			return err
		})
	}
	if err := say(ctx); err != nil {
		return nil, err
	}
	err = l.read(ctx, "forget engines that ended", func(ctx context.Context, s session) error {
		_, err := s.exec(ctx, `DELETE FROM ledger_engine WHERE seen < `+now+` - ?`, engineKept.Microseconds())
		return err
	})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var saying sync.WaitGroup
	saying.Go(func() {
		ticks := time.NewTicker(engineSays)
		defer ticks.Stop()
		for {
			select {
			case <-running.Done():
				return
			case <-ticks.C:
				_ = say(running) // what cannot be said now is said the next time
			}
		}
	})
	return sync.OnceValue(func() error {
		stop()
		saying.Wait()
		return l.read(context.WithoutCancel(ctx), "say that an engine has ended", func(ctx context.Context, s session) error {
			_, err := s.exec(ctx, `DELETE FROM ledger_engine WHERE id = ?`, id)
			return err
		})
	}), nil
}

func (v *server) engines(ctx context.Context, l *Ledger) ([]Engine, error) {
	var all []Engine
	err := l.read(ctx, "ask which engines run", func(ctx context.Context, s session) error {
		return s.each(ctx, func(scan func(...any) error) error {
			var e Engine
			var since, seen int64
			err := scan(&e.Name, &e.Version, &since, &seen)
			e.Since, e.Seen = time.UnixMicro(since).UTC(), time.UnixMicro(seen).UTC()
			all = append(all, e)
			return err
		}, `SELECT name, version, since, seen FROM ledger_engine WHERE seen > `+v.clock(nil)+` - ? ORDER BY name, since`, engineSeen.Microseconds())
	})
	return all, err
}

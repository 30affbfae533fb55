package daemon_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
)

// with has an engine's state changed before it is used.
func with(o daemon.Options, change func(*daemon.State)) daemon.Options {
	load := o.Load
	o.Load = func(ctx context.Context) (*daemon.State, error) {
		s, err := load(ctx)
		if err == nil {
			change(s)
		}
		return s, err
	}
	return o
}

func every(d time.Duration) func(time.Time) time.Time {
	return func(last time.Time) time.Time { return last.Add(d) }
}

func TestChoresAreDoneBesideThePasses(t *testing.T) {
	w := newWorld(t, twoAccounts)
	l := w.open()
	var did, failed atomic.Int64
	hangs := make(chan struct{})
	o := with(w.options(), func(s *daemon.State) {
		s.Chores = []daemon.Chore{
			{Name: "sweep the floor", Due: every(time.Hour), Do: func(context.Context) error { did.Add(1); return nil }},
			{Name: "fail", Due: every(time.Hour), Do: func(context.Context) error { failed.Add(1); return errors.New("it is broken") }},
			{Name: "panic", Due: every(time.Hour), Do: func(context.Context) error { panic("CANARY") }},
			{Name: "hang", Due: every(time.Hour), Do: func(ctx context.Context) error {
				close(hangs)
				<-ctx.Done()
				return ctx.Err()
			}},
			{Name: "never", Due: func(time.Time) time.Time { return time.Time{} }, Do: func(context.Context) error { t.Error("it is never due"); return nil }},
		}
	})
	e := w.start(o)
	w.receive("the chore that hangs", hangs)
	w.until("delivered beside chores that fail and hang", func() bool { return w.trained(l) && w.evaluated(l) })
	w.until("the chores are done", func() bool { return did.Load() == 1 && failed.Load() == 1 })
	w.until("the failures are said", func() bool {
		return strings.Contains(w.log.String(), "fail: it is broken") && strings.Contains(w.log.String(), "panic: ")
	})
	if strings.Contains(w.log.String(), "CANARY") {
		t.Error("the words of a panic are told")
	}
	if err := e.stop(); err != nil {
		t.Error(err)
	}

	// The next engine knows what was done, and what was not.
	again := make(chan struct{})
	o = with(w.options(), func(s *daemon.State) {
		s.Chores = []daemon.Chore{
			{Name: "sweep the floor", Due: every(time.Hour), Do: func(context.Context) error { did.Add(1); return nil }},
			{Name: "fail", Due: every(time.Hour), Do: func(context.Context) error { close(again); return nil }},
		}
	})
	w.start(o)
	w.receive("what failed is tried again", again)
	if n := did.Load(); n != 1 {
		t.Errorf("done %d times within the hour", n)
	}
}

func TestWhatASweepSawIsTold(t *testing.T) {
	w := newWorld(t, twoAccounts)
	type told struct {
		swept   []plan.Account
		entries []ledger.Entry
	}
	all := make(chan told, 100)
	e := w.start(with(w.options(), func(s *daemon.State) {
		s.Swept = func(_ context.Context, swept []plan.Account, entries []ledger.Entry) error {
			all <- told{swept, entries}
			if len(entries) == 0 {
				panic("a fault of the survey")
			}
			return nil
		}
	}))
	first := <-all
	if len(first.swept) != 2 || first.swept[0].Spec.Account.Ref != train {
		t.Errorf("%+v", first.swept)
	}
	l := w.open()
	w.until("delivered although the survey has a fault", func() bool { return w.trained(l) && w.evaluated(l) })
	w.until("its fault is said", func() bool { return strings.Contains(w.log.String(), "what people are told of") })
	e.Sweep()
	w.until("a later sweep tells of the records", func() bool {
		select {
		case later := <-all:
			return len(later.entries) == 2
		default:
			return false
		}
	})
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// Chore is something that is done now and then beside the passes, which never
// wait for it: by one replica, and once at a time.
type Chore struct {
	// Name is stable: when the chore was last done is on record under it.
	Name string
	// Due returns when it is to be done again after it was last done, the zero
	// time if never; last is zero where it was not done yet.
	Due func(last time.Time) time.Time
	Do  func(context.Context) error
}

// Notes is where it is kept when chores were done; *ledger.Ledger has it.
type Notes interface {
	State(ctx context.Context, name string) ([]byte, error)
	SetState(ctx context.Context, name string, state []byte) error
}

// Last returns when a chore was last done, and the zero time if it never was.
func (c Chore) Last(ctx context.Context, n Notes) (time.Time, error) {
	text, err := n.State(ctx, c.record())
	if err != nil || len(text) == 0 {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return time.Time{}, nil // what cannot be read is done again
	}
	return at, nil
}

// DoIfDue does a chore if it is due, has that on record, and returns when it is
// due next. A fault of this program in it is an error.
func (c Chore) DoIfDue(ctx context.Context, n Notes, now time.Time) (next time.Time, err error) {
	defer func() {
		if fault := providers.Recovered(recover()); fault != nil {
			err = fault
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", c.Name, err)
		}
	}()
	last, err := c.Last(ctx, n)
	if err != nil {
		return time.Time{}, err
	}
	if next = c.Due(last); next.IsZero() || next.After(now) {
		return next, nil
	}
	if err := c.Do(ctx); err != nil {
		return c.Due(last), err
	}
	return c.Due(now), n.SetState(ctx, c.record(), []byte(now.UTC().Format(time.RFC3339Nano)))
}

func (c Chore) record() string { return "chore/" + c.Name }

const (
	// A chore that fails is tried again after firstAgain, then twice as long each
	// time, up to mostAgain.
	firstAgain = time.Minute
	mostAgain  = time.Hour
)

// chores is which chores are under way, and when the others are due.
type chores struct {
	lock    sync.Mutex
	running map[string]bool
	next    map[string]time.Time
	wait    map[string]time.Duration // after failures
	all     sync.WaitGroup
}

func newChores() *chores {
	return &chores{running: map[string]bool{}, next: map[string]time.Time{}, wait: map[string]time.Duration{}}
}

// minding does chores until ctx ends, and returns when all have ended.
func (d *Daemon) minding(ctx context.Context) {
	defer d.chores.all.Wait()
	ticks := time.NewTicker(tend)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		leading := d.leading(ctx)
		if leading == nil {
			d.chores.forget() // another replica does them, and has on record when
			continue
		}
		for _, c := range d.state.Load().Chores {
			if d.chores.take(c.Name, d.now()) {
				d.chores.all.Go(func() { d.chore(leading, c) })
			}
		}
	}
}

func (d *Daemon) chore(ctx context.Context, c Chore) {
	next, err := c.DoIfDue(ctx, d.o.Ledger, d.now())
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err, next = nil, time.Time{} // it was to stop
	} else {
		d.notices.about(c.Name, err)
	}
	d.chores.leave(c.Name, next, err, d.now())
}

// take reports whether a chore may be due, and then is under way.
func (c *chores) take(name string, now time.Time) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	if next, known := c.next[name]; c.running[name] || known && (next.IsZero() || next.After(now)) {
		return false
	}
	c.running[name] = true
	return true
}

// leave takes down how a chore ended. A clock that is set back, or a schedule
// that was changed, is noticed within an hour.
func (c *chores) leave(name string, next time.Time, err error, now time.Time) {
	c.lock.Lock()
	defer c.lock.Unlock()
	delete(c.running, name)
	soonest := now.Add(mostAgain)
	if err != nil {
		c.wait[name] = min(max(2*c.wait[name], firstAgain), mostAgain)
		soonest = now.Add(c.wait[name])
	} else {
		delete(c.wait, name)
	}
	if next.Before(soonest) && (err == nil && !next.IsZero() || next.After(now)) {
		soonest = next
	}
	c.next[name] = soonest
}

// forget has the record asked anew when each is due.
func (c *chores) forget() {
	c.lock.Lock()
	defer c.lock.Unlock()
	clear(c.next)
	clear(c.wait)
}

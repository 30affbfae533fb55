// Package pace holds the calls to a service to the rate that the service
// allows: at once up to its published quota, less while it answers that there
// are too many calls, and more again once it does not.
//
// A provider asks Wait before each call, and tells Limited when the service
// refuses one, or Pause when it asks to be left alone. The providers that share
// a quota share a Pace: Paces gives the same one for the same name. The package
// knows no provider.
package pace

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Quota is what a service allows.
type Quota struct {
	PerSecond float64 // calls a second, sustained; 0: not known
	Burst     int     // calls at once; at least 1
}

const (
	// share is how much of a published quota is used: the rest is for others
	// who share it, and for clocks that disagree.
	share = 0.97
	// unknown is where a rate begins, in calls a second, when a service of
	// unknown quota says that there are too many.
	unknown = 100.0
	// slowest is the least rate, in calls a second.
	slowest = 0.5
	// cut is by how much a rate shrinks when a service says that there are too
	// many calls, at most once in recovery's interval.
	cut = 0.5
	// recovery is how often the rate grows again, by growth.
	recovery = time.Second
	growth   = 1.15
)

// Pace holds one kind of call to a rate. The zero Pace lets everything
// through until it is told of a limit. It is safe for concurrent use.
type Pace struct {
	mu      sync.Mutex
	quota   Quota
	limiter *rate.Limiter // nil: nothing is held
	now     float64       // the rate in force
	changed time.Time     // from when on it may grow
	cutAt   time.Time     // when it was last cut
	until   time.Time     // nothing is sent before
}

// New returns a Pace for a quota.
func New(q Quota) *Pace {
	p := &Pace{quota: q}
	if q.PerSecond > 0 {
		p.set(q.PerSecond*share, time.Now())
	}
	return p
}

func (p *Pace) set(perSecond float64, now time.Time) {
	p.now, p.changed = perSecond, now
	if p.limiter == nil {
		p.limiter = rate.NewLimiter(rate.Limit(perSecond), max(1, p.quota.Burst))
		return
	}
	p.limiter.SetLimitAt(now, rate.Limit(perSecond))
}

// Wait returns when the next call may be sent, or ctx's error. Where ctx would
// end before, it returns a *Held at once.
func (p *Pace) Wait(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		at, turn, err := p.next(ctx)
		if err != nil {
			return err
		}
		if err := sleep(ctx, time.Until(at)); err != nil {
			if turn != nil {
				turn.Cancel()
			}
			return err
		}
		if p.clear(turn) {
			return nil
		}
	}
}

// next returns until when to wait, and the turn that comes then. It is nil
// where turns are not taken: during a pause, or where nothing is held.
func (p *Pace) next(ctx context.Context) (time.Time, *rate.Reservation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.recover(now)
	deadline, ends := ctx.Deadline()
	switch {
	case p.until.After(now) && ends && deadline.Before(p.until):
		return now, nil, &Held{Until: p.until, Asked: true}
	case p.until.After(now):
		return p.until, nil, nil
	case p.limiter == nil:
		return now, nil, nil
	}
	turn := p.limiter.ReserveN(now, 1)
	at := now.Add(turn.DelayFrom(now))
	if ends && deadline.Before(at) {
		turn.CancelAt(now)
		return now, nil, &Held{Until: at}
	}
	return at, turn, nil
}

// clear reports whether a call may be sent now: what changed while it waited
// counts for it too.
func (p *Pace) clear(turn *rate.Reservation) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.until.After(time.Now()) && (turn != nil || p.limiter == nil)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recover lets the rate grow back to the quota. Where there is none, it is
// forgotten once it is well above where it began.
func (p *Pace) recover(now time.Time) {
	if p.limiter == nil {
		return
	}
	most := p.quota.PerSecond * share
	for p.limiter != nil && p.now != most && now.Sub(p.changed) >= recovery {
		next := p.now * growth
		switch {
		case most > 0 && next >= most:
			p.set(most, now)
		case most == 0 && next >= 2*unknown:
			p.limiter = nil
		default:
			p.set(next, p.changed.Add(recovery))
		}
	}
}

// Limited tells that the service answered that there are too many calls, and
// for how long it asked to be left alone; zero if it did not say.
func (p *Pace) Limited(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.limiter == nil:
		p.cutAt = now
		p.set(unknown*cut, now)
	case now.Sub(p.cutAt) >= recovery:
		p.cutAt = now
		p.set(max(slowest, p.now*cut), now)
	}
	p.pause(after, now)
}

// Pause has nothing sent for a while, as a service asks that says how many
// calls are left and that there are none.
func (p *Pace) Pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause(d, time.Now())
}

func (p *Pace) pause(d time.Duration, now time.Time) {
	if until := now.Add(d); d > 0 && until.After(p.until) {
		p.until = until
		p.changed = until // a time in which nothing is sent teaches nothing
	}
}

// idle reports whether a new Pace would do as well.
func (p *Pace) idle(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recover(now)
	return p.quota.PerSecond == 0 && p.limiter == nil && !p.until.After(now)
}

// Rate returns the calls a second that are let through now; 0: as many as come.
func (p *Pace) Rate() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recover(time.Now())
	if p.limiter == nil {
		return 0
	}
	return p.now
}

// Paces are Paces by name. The zero Paces is ready, a nil one gives every
// caller a Pace of its own. One of unknown quota that holds nothing back may be
// forgotten, as when keys have names and are replaced: ask for it with each call.
// It is safe for concurrent use.
type Paces struct {
	// Unlimited forgets published quotas: for filling a server of one's own.
	Unlimited bool

	mu    sync.Mutex
	named map[string]*Pace
	tidy  int // how many there may be before the idle ones are forgotten
}

// few is how many idle Paces are no burden.
const few = 1000

// Get returns the Pace of a name, made with a quota when it is first asked for.
func (ps *Paces) Get(name string, q Quota) *Pace {
	if ps == nil {
		return New(q)
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.Unlimited {
		q = Quota{}
	}
	p, ok := ps.named[name]
	if !ok {
		p = New(q)
		if ps.named == nil {
			ps.named = map[string]*Pace{}
		}
		if len(ps.named) >= max(few, ps.tidy) {
			now := time.Now()
			maps.DeleteFunc(ps.named, func(_ string, p *Pace) bool { return p.idle(now) })
			ps.tidy = 2 * len(ps.named)
		}
		ps.named[name] = p
	}
	return p
}

// Package attempt is the one way in which keyrota calls a provider: with a
// timeout for each attempt, retries where the kind of error allows them, and a
// count of what came of it. Providers themselves neither retry nor wait.
package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// Caller makes calls. The zero Caller makes one attempt with no timeout of its
// own. It may be used from several goroutines.
type Caller struct {
	Timeout  time.Duration // of each attempt; 0: none
	Attempts int           // of a call that may be repeated, at most; 0: one
	Pause    time.Duration // before the second attempt; doubled before each further one
	MaxPause time.Duration // a service that asks for a longer one is not called again
	// Calling is told that an attempt begins; what it returns, that it ended,
	// and whether the service said anything. Nil: nobody is.
	Calling func(service string) (ended func(answered bool))
	// Observed is told of each attempt; nil: nobody is.
	Observed func(service, op string, err error, took time.Duration)
	Now      func() time.Time // for measuring; nil: time.Now
}

// Default returns a Caller with the bounds that keyrota runs with.
func Default() Caller {
	return Caller{Timeout: 30 * time.Second, Attempts: 3, Pause: 250 * time.Millisecond, MaxPause: 5 * time.Second}
}

// Read calls f, which changes nothing, again while it fails in a way that may
// heal by itself. A service that did not answer within the timeout is not asked
// again at once.
func (c Caller) Read(ctx context.Context, service, op string, f func(context.Context) error) error {
	pause := c.Pause
	for n := 1; ; n++ {
		answered, err := c.once(ctx, service, op, f)
		kind := providers.KindOf(err)
		if err == nil || !answered || n >= c.Attempts || kind != providers.Transient && kind != providers.Limited {
			return err
		}
		wait := max(pause, providers.RetryAfterOf(err))
		if wait > c.MaxPause || !sleep(ctx, wait) {
			return err
		}
		pause *= 2
	}
}

// Once calls f, which may change something, exactly once. A panic of f is a
// *providers.Fault.
func (c Caller) Once(ctx context.Context, service, op string, f func(context.Context) error) error {
	_, err := c.once(ctx, service, op, f)
	return err
}

func (c Caller) once(ctx context.Context, service, op string, f func(context.Context) error) (answered bool, err error) {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("no answer within %s", c.Timeout))
		defer cancel()
	}
	now := c.Now
	if now == nil {
		now = time.Now
	}
	begun := now()
	ended := func(bool) {}
	if c.Calling != nil {
		ended = c.Calling(service)
	}
	err = guarded(ctx, f)
	answered = err == nil || ctx.Err() == nil
	ended(answered)
	if cause := context.Cause(ctx); err != nil && cause != nil && errors.Is(err, ctx.Err()) && !errors.Is(cause, ctx.Err()) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if c.Observed != nil {
		c.Observed(service, op, err, now().Sub(begun))
	}
	return answered, err
}

func guarded(ctx context.Context, f func(context.Context) error) (err error) {
	defer providers.Guard(&err)
	return f(ctx)
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package pace_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers/pace"
)

// service allows so many calls in each second of its own.
type service struct {
	mu      sync.Mutex
	most    int
	second  time.Time
	used    int
	calls   int
	refused int
}

func (s *service) call() (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if now := time.Now().Truncate(time.Second); now != s.second {
		s.second, s.used = now, 0
	}
	s.used++
	if s.used > s.most {
		s.refused++
	}
	return s.used <= s.most
}

// work sends calls from several goroutines for so long, and returns how many
// were done.
func work(t *testing.T, p *pace.Pace, s *service, d time.Duration) (done int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for p.Wait(ctx) == nil {
				if !s.call() {
					p.Limited(0)
					continue
				}
				time.Sleep(10 * time.Millisecond)
				mu.Lock()
				done++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return done
}

func TestKnownQuotaIsUsedAndNeverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{most: 50}
		done := work(t, pace.New(pace.Quota{PerSecond: 50, Burst: 2}), s, time.Minute)
		if s.refused > 0 {
			t.Errorf("%d calls were refused", s.refused)
		}
		if done < 50*60*9/10 {
			t.Errorf("%d calls in a minute, of 3000 allowed", done)
		}
	})
}

func TestUnknownQuotaIsFoundAndFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := &service{most: 20}, pace.New(pace.Quota{})
		done := work(t, p, s, 2*time.Minute)
		if done < 20*120*6/10 {
			t.Errorf("%d calls in two minutes, of 2400 allowed", done)
		}
		if s.refused > s.calls/5 {
			t.Errorf("%d of %d calls were refused", s.refused, s.calls)
		}
		s.most = 1_000_000
		time.Sleep(30 * time.Second)
		if r := p.Rate(); r != 0 {
			t.Errorf("still held to %v calls a second half a minute after the last refusal", r)
		}
	})
}

func TestShrinksAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Quota{PerSecond: 50})
		for range 30 {
			p.Limited(0) // as answers to calls that were under way together
		}
		if r := p.Rate(); r < 20 || r > 25 {
			t.Errorf("%v calls a second after one round of refusals, want about half of 50", r)
		}
		time.Sleep(10 * time.Second)
		if r := p.Rate(); r < 45 {
			t.Errorf("%v calls a second ten seconds later", r)
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Quota{})
		p.Pause(5 * time.Second)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if err := p.Wait(short); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 0 {
			t.Errorf("a caller without the time was kept %s, and told %v", time.Since(begun), err)
		}
		if err := p.Wait(t.Context()); err != nil || time.Since(begun) < 5*time.Second {
			t.Errorf("sent %s after the service asked for 5s: %v", time.Since(begun), err)
		}
	})
}

func TestOneNameIsOnePace(t *testing.T) {
	var ps pace.Paces
	q := pace.Quota{PerSecond: 1}
	if first := ps.Get("a", q); ps.Get("a", q) != first || ps.Get("b", q) == first {
		t.Error("a name has not a Pace of its own")
	}
	if (*pace.Paces)(nil).Get("a", q) == nil {
		t.Error("without Paces there is none")
	}
}

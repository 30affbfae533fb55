package pace_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers/pace"
)

// TestPauseIsKeptByThoseWhoWait: what a service asks for while calls wait,
// for the end of an earlier pause or for their turn, holds those too.
func TestPauseIsKeptByThoseWhoWait(t *testing.T) {
	for name, begin := range map[string]func(p *pace.Pace){
		"for the end of a pause": func(p *pace.Pace) { p.Pause(5 * time.Second) },
		"for their turn": func(p *pace.Pace) {
			for range 20 {
				p.Limited(0)
				time.Sleep(time.Second)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := pace.New(pace.Quota{})
			begin(p)
			var mu sync.Mutex
			var sent []time.Time
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if err := p.Wait(t.Context()); err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					sent = append(sent, time.Now())
				})
			}
			time.Sleep(4 * time.Second)
			asked := time.Now()
			const pause = 10 * time.Second
			p.Limited(pause)
			all.Wait()
			after := 0
			for _, at := range sent {
				switch {
				case at.Before(asked):
				case at.Before(asked.Add(pause)):
					t.Errorf("%s: one was sent %s after the service asked for %s", name, at.Sub(asked), pause)
				default:
					after++
				}
			}
			if after == 0 {
				t.Errorf("%s: nobody waited", name)
			}
		})
	}
}

// TestPauseIsNoRecovery: a service that says for how long it wants to be left
// alone is not met with everything at once after that.
func TestPauseIsNoRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Quota{})
		p.Limited(time.Minute)
		time.Sleep(time.Minute)
		if r := p.Rate(); r == 0 || r > 60 {
			t.Errorf("%v calls a second after a minute in which none was sent (0: any number)", r)
		}
	})
}

// TestHeldBackSaysUntilWhen: who has no time to wait is told until when it is
// held back, and by whom.
func TestHeldBackSaysUntilWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, slow := pace.New(pace.Quota{}), pace.New(pace.Quota{PerSecond: 0.1})
		asked.Pause(90 * time.Second)
		if err := slow.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			p    *pace.Pace
			wait time.Duration
			says string
		}{
			{asked, 90 * time.Second, "held back until 00:01:30 UTC, as the service asked"},
			{slow, 10309 * time.Millisecond, "held back for longer than there is time, so as not to exceed what the service allows"},
		} {
			short, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := c.p.Wait(short)
			var held *pace.Held
			if !errors.As(err, &held) || time.Until(held.Until).Truncate(time.Millisecond) != c.wait || held.Error() != c.says {
				t.Errorf("%v, want %q and %s", err, c.says, c.wait)
				continue
			}
			if again := c.p.Wait(short); again == nil || again.Error() != err.Error() {
				t.Errorf("asked again: %v: who was turned away keeps others waiting", again)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := asked.Wait(ended); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "held") {
			t.Errorf("a caller that is gone: %v", err)
		}
	})
}

// TestPacesDoNotPileUp: a name for each key there ever was does not cost
// memory for good, and what holds calls back is not forgotten.
func TestPacesDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ps pace.Paces
		kept := ps.Get("paused", pace.Quota{})
		kept.Pause(time.Hour)
		known := ps.Get("known", pace.Quota{PerSecond: 10})
		for i := range 100_000 {
			ps.Get(strings.Repeat("x", i%300)+string(rune('a'+i%26))+time.Duration(i).String(), pace.Quota{})
		}
		if n := ps.Len(); n > 10_000 {
			t.Errorf("%d paces are kept", n)
		}
		if ps.Get("paused", pace.Quota{}) != kept || ps.Get("known", pace.Quota{PerSecond: 10}) != known {
			t.Error("one that holds calls back was forgotten")
		}
	})
}

package daemon

import (
	"errors"
	"testing"
	"time"
)

// TestWhenASweepIsDue: also after a machine slept, and after its clock was set.
func TestWhenASweepIsDue(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	last := rhythm{monotonic: start, wall: start}
	for story, c := range map[string]struct {
		ran, clock time.Duration // what passed by either clock
		due        bool
	}{
		"too soon":               {time.Minute, time.Minute, false},
		"the interval is over":   {5 * time.Minute, 5 * time.Minute, true},
		"the machine slept":      {time.Second, time.Hour, true},
		"the clock was set back": {5 * time.Minute, -time.Hour, true},
		"set back, too soon":     {time.Minute, -time.Hour, false},
	} {
		if got := last.due(5*time.Minute, start.Add(c.ran), start.Add(c.clock)); got != c.due {
			t.Errorf("%s: due %v", story, got)
		}
	}
	if !(rhythm{}).due(time.Hour, start, start) {
		t.Error("the first sweep is not due at once")
	}
}

// TestWhenTheEngineIsHung: what the watchdog and /healthz go by.
func TestWhenTheEngineIsHung(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for story, c := range map[string]struct {
		every, swept, now, stuck time.Duration // swept: 0 for never
		hung                     bool
	}{
		"just started":                     {every: time.Minute, now: time.Second},
		"the first sweep takes its time":   {every: time.Minute, now: 4 * time.Minute},
		"the first sweep never ends":       {every: time.Minute, now: 6 * time.Minute, hung: true},
		"sweeps end":                       {every: time.Minute, swept: time.Hour, now: time.Hour + 4*time.Minute},
		"sweeps ended":                     {every: time.Minute, swept: time.Hour, now: time.Hour + 6*time.Minute, hung: true},
		"a long interval":                  {every: time.Hour, swept: time.Hour, now: 3 * time.Hour},
		"a long interval, missed thrice":   {every: time.Hour, swept: time.Hour, now: 5 * time.Hour, hung: true},
		"a pass that takes its time":       {every: time.Minute, swept: time.Hour, now: time.Hour, stuck: jobTimeout},
		"no worker takes up what is there": {every: time.Minute, swept: time.Hour, now: time.Hour, stuck: time.Hour, hung: true},
	} {
		h := newHealth(start)
		if c.swept > 0 {
			h.swept(start.Add(c.swept))
		}
		if err := h.hung(start.Add(c.now), c.every, c.stuck); (err != nil) != c.hung {
			t.Errorf("%s: %v", story, err)
		}
		h.stopping()
		if err := h.hung(start.Add(c.now), c.every, c.stuck); err != nil {
			t.Errorf("%s, but stopping: %v", story, err)
		}
	}
}

// TestWhenPassesDoNotSucceed: what one account is in for is not the engine's
// trouble; a ledger that cannot be saved to is.
func TestWhenPassesDoNotSucceed(t *testing.T) {
	h := newHealth(time.Now())
	h.swept(time.Now())
	fault := errors.New("the disk is full")
	for range faultsTold - 1 {
		h.passed(fault)
	}
	h.passed(nil)
	for range faultsTold - 1 {
		h.passed(fault)
	}
	if err := h.unready(); err != nil {
		t.Errorf("not ready, though a pass in between was made: %v", err)
	}
	h.passed(fault)
	if err := h.unready(); err == nil {
		t.Error("ready, though no pass can be made")
	}
}

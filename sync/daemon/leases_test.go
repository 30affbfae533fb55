package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// shelf is leases as a database keeps them, by a clock of its own.
type shelf struct {
	now   time.Time
	held  map[string]string // by name: the holder
	until map[string]time.Time
	asked []string // what was asked, and answered
	down  error
}

func (s *shelf) Lease(_ context.Context, name, holder string, ttl time.Duration) (bool, error) {
	if s.down != nil {
		return false, s.down
	}
	granted := s.held[name] == "" || s.held[name] == holder || !s.until[name].After(s.now)
	if granted {
		s.held[name], s.until[name] = holder, s.now.Add(ttl)
	}
	s.asked = append(s.asked, holder+" "+name)
	return granted, nil
}

func (s *shelf) Unlease(_ context.Context, name, holder string) error {
	if s.held[name] == holder {
		delete(s.held, name)
	}
	return s.down
}

// clocks are those of one machine.
type clocks struct{ monotonic, wall time.Time }

func (c *clocks) show() rhythm { return rhythm{c.monotonic, c.wall} }

// TestALeaseAfterAPause: whoever was away for long, by either clock, asks before
// anything rests on the lease, and does not take back what is another's.
func TestALeaseAfterAPause(t *testing.T) {
	const lasts = time.Minute
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for story, c := range map[string]struct {
		monotonic, wall time.Duration // that passed here
		passed          time.Duration // that passed for the database
		taken           bool          // by another, then
		asks, holds     bool
		lapsed          bool
	}{
		"no time":                             {holds: true},
		"well within":                         {30 * time.Second, 30 * time.Second, 30 * time.Second, false, false, true, false},
		"stopped, and nobody came, it seems":  {time.Hour, time.Hour, time.Hour, false, true, false, true},
		"stopped, and another came":           {time.Hour, time.Hour, time.Hour, true, true, false, false},
		"suspended, and another came":         {time.Second, time.Hour, time.Hour, true, true, false, false},
		"the clock was set forward":           {time.Second, time.Hour, time.Second, true, true, false, true},
		"the clock was set back":              {time.Second, -time.Hour, time.Second, true, false, true, false},
		"set back in a pause, another came":   {time.Hour, -time.Hour, time.Hour, true, true, false, false},
		"the clock of the database jumped":    {50 * time.Second, 50 * time.Second, time.Hour, true, true, false, false},
		"it jumped, and is not asked by then": {time.Second, time.Second, time.Hour, true, false, true, false}, // the record's revision is what keeps them apart
	} {
		s := &shelf{now: start, held: map[string]string{}, until: map[string]time.Time{}}
		here := &clocks{start, start}
		mine := newLeases(s, lasts, here.show)
		var lost error
		k, err := mine.take(t.Context(), "x", "me", func(why error) { lost = why })
		if err != nil || k == nil {
			t.Fatal(k, err)
		}
		here.monotonic, here.wall, s.now = start.Add(c.monotonic), start.Add(c.wall), start.Add(c.passed)
		if c.taken {
			if ok, err := s.Lease(t.Context(), "x", "another", lasts); err != nil || ok != (c.passed >= lasts) {
				t.Fatalf("%s: another is granted: %v, %v", story, ok, err)
			}
		}
		before := len(s.asked)
		err = mine.still(t.Context(), "x", "me")
		if (err == nil) != c.holds || errors.Is(err, errLapsed) != c.lapsed || !errors.Is(lost, err) {
			t.Errorf("%s: %v, told %v", story, err, lost)
		}
		if asks := len(s.asked) > before; asks != c.asks {
			t.Errorf("%s: asks %v", story, asks)
		}
		if err := mine.renewAll(t.Context()); err != nil {
			t.Error(err)
		}
		if c.taken && c.passed >= lasts && s.held["x"] != "another" {
			t.Errorf("%s: taken back from another", story)
		}
	}
}

// TestALeaseIsForOneUseHere too, and one that is kept can be used again.
func TestALeaseIsForOneUseHere(t *testing.T) {
	s := &shelf{held: map[string]string{}, until: map[string]time.Time{}}
	here := &clocks{}
	mine := newLeases(s, time.Minute, here.show)
	take := func() *lease {
		t.Helper()
		k, err := mine.take(t.Context(), "x", "me", nil)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := take()
	if first == nil || take() != nil {
		t.Fatal("two uses at once")
	}
	if !mine.rest(first) {
		t.Error("not kept")
	}
	if again := take(); again != first {
		t.Error("what is kept cannot be used")
	}
	if err := mine.giveBack(t.Context(), first); err != nil || s.held["x"] != "" {
		t.Errorf("not given back: %v", err)
	}
	if err := mine.renewAll(t.Context()); err != nil || s.held["x"] != "" {
		t.Errorf("renewed after it was given back: %v", err)
	}
	if err := mine.renew(t.Context(), first); !errors.Is(err, errTaken) || s.held["x"] != "" {
		t.Errorf("renewed by somebody who had begun to: %v", err)
	}
	s.down = errors.New("no answer")
	if k, err := mine.take(t.Context(), "y", "me", nil); k != nil || !errors.Is(err, s.down) {
		t.Errorf("%v, %v", k, err)
	}
	if mine.has("y") || len(slices.Concat(mine.all(true), mine.all(false))) > 0 {
		t.Error("held, though nobody granted it")
	}
}

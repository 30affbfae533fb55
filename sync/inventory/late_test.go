package inventory

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// TestASweepGoesOnWithoutAStore: what comes later is used by the next sweep;
// what fails later, by nobody.
func TestASweepGoesOnWithoutAStore(t *testing.T) {
	t.Parallel()
	type holdings = map[rotation.Destination]rotation.Holding
	at := rotation.Destination{Store: "a", Path: "x"}
	synctest.Test(t, func(t *testing.T) {
		var arrived, begun atomic.Int64
		late := &Late{Patience: 30 * time.Second, Arrived: func() { arrived.Add(1) }}
		taking := func(how time.Duration, err error) func() (holdings, error) {
			return func() (holdings, error) {
				begun.Add(1)
				time.Sleep(how)
				return holdings{at: {State: rotation.StateBare}}, err
			}
		}
		for _, c := range []struct {
			name    string
			takes   time.Duration
			fails   error
			seen    int
			after   time.Duration // until the next sweep
			begun   int64
			arrived int64
		}{
			{"in time", time.Second, nil, 1, time.Minute, 1, 0},
			{"too late", time.Minute, nil, 0, 10 * time.Second, 2, 0},
			{"still under way, then there", time.Minute, nil, 1, time.Minute, 2, 0},
			{"too late again", time.Minute, nil, 0, time.Minute, 3, 1},
			{"there already", time.Minute, nil, 1, time.Minute, 3, 1},
			{"never", 5 * time.Minute, errors.New("no answer"), 0, 10 * time.Minute, 4, 1},
			{"begun anew", time.Second, nil, 1, time.Minute, 5, 1},
		} {
			seen, err := late.observe("a", taking(c.takes, c.fails))
			if len(seen) != c.seen || (err == nil) != (c.seen > 0) || begun.Load() != c.begun {
				t.Errorf("%s: saw %v, %v after %d observations", c.name, seen, err, begun.Load())
			}
			time.Sleep(c.after)
			if arrived.Load() != c.arrived {
				t.Errorf("%s: told %d times, want %d", c.name, arrived.Load(), c.arrived)
			}
		}
	})
}

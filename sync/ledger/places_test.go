package ledger_test

import (
	"sync"
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/ledger"
)

// everywhere runs a test on each database that a ledger can live in, at a place
// where there is none yet.
func everywhere(t *testing.T, f func(t *testing.T, at string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, newPath(t)) })
}

func openWith(t testing.TB, at string, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), at, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, l) })
	return l
}

// clock is a time that passes when told.
type clock struct {
	lock sync.Mutex
	now  time.Time
}

func newClock() *clock { return &clock{now: noon} }

func (c *clock) pass(d time.Duration) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) options() ledger.Options {
	o := options()
	o.Now = func() time.Time {
		c.lock.Lock()
		defer c.lock.Unlock()
		return c.now
	}
	return o
}

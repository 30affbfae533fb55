package ledger_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/ledger"
)

// everywhere runs a test on each database that a ledger can live in, at a place
// where there is none yet.
func everywhere(t *testing.T, f func(t *testing.T, at string)) {
	t.Helper()
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) { f(t, p.fresh(t)) })
	}
}

// place is a kind of database that a ledger can live in.
type place struct {
	name  string
	fresh func(testing.TB) string
}

func places() []place {
	return []place{{"sqlite", newPath}, {"postgres", onServer}}
}

// onServer returns the URL of an empty schema.
func onServer(t testing.TB) string {
	t.Helper()
	return ledger.SharedServer(t).FreshSchema(t)
}

// TestMain ends the server that the tests shared.
func TestMain(m *testing.M) {
	if role, at, ok := strings.Cut(os.Getenv(childEnv), "|"); ok {
		if err := children[role](context.Background(), at); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if err := ledger.RemoveSharedServer(); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
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

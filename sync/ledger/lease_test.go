package ledger_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/ledger"
)

func TestALeaseIsHeldByOne(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		handles := []*ledger.Ledger{openAt(t, at), openAt(t, at)}
		for round := range 5 {
			var granted atomic.Int32
			var winner atomic.Value
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					holder := string(rune('a' + i))
					ok, err := handles[i%2].Lease(t.Context(), "account", holder, time.Hour)
					if err != nil {
						t.Error(err)
					}
					if ok {
						granted.Add(1)
						winner.Store(holder)
					}
				})
			}
			wg.Wait()
			if granted.Load() != 1 {
				t.Fatalf("round %d: granted to %d", round, granted.Load())
			}
			holder, _ := winner.Load().(string)
			if ok, err := handles[0].Lease(t.Context(), "account", holder, time.Hour); err != nil || !ok {
				t.Errorf("renewed %v, %v", ok, err)
			}
			if err := handles[1].Unlease(t.Context(), "account", "somebody else"); err != nil {
				t.Error(err)
			}
			if ok, err := handles[1].Lease(t.Context(), "account", "somebody else", time.Hour); err != nil || ok {
				t.Errorf("given back by another: granted %v, %v", ok, err)
			}
			if err := handles[0].Unlease(t.Context(), "account", holder); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestALeaseThatRanOutIsSeenAndTakenOver(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		for name, ttl := range map[string]time.Duration{"dead": -time.Second, "alive": time.Hour} {
			if ok, err := l.Lease(t.Context(), name, "first", ttl); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		if names, err := l.Expired(t.Context()); err != nil || !slices.Equal(names, []string{"dead"}) {
			t.Errorf("%v, %v", names, err)
		}
		for name, want := range map[string]bool{"dead": true, "alive": false} {
			if ok, err := l.Lease(t.Context(), name, "second", time.Hour); err != nil || ok != want {
				t.Errorf("%s: granted %v, %v", name, ok, err)
			}
		}
		if names, err := l.Expired(t.Context()); err != nil || len(names) != 0 {
			t.Errorf("%v, %v", names, err)
		}
	})
}

func TestACursorNeverGoesBack(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		for _, c := range []struct{ set, want int64 }{{0, 0}, {7, 7}, {3, 7}, {8, 8}} {
			if err := l.SetCursor(t.Context(), "siem", c.set); err != nil {
				t.Fatal(err)
			}
			if got, err := l.Cursor(t.Context(), "siem"); err != nil || got != c.want {
				t.Errorf("set to %d: %d, %v", c.set, got, err)
			}
		}
		if got, err := l.Cursor(t.Context(), "never set"); err != nil || got != 0 {
			t.Errorf("%d, %v", got, err)
		}
	})
}

func TestEnginesSayThatTheyRun(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		running := func(n int) []ledger.Engine {
			t.Helper()
			engines, err := l.Engines(t.Context())
			if err != nil || len(engines) != n {
				t.Fatalf("%v run, %v; want %d", engines, err, n)
			}
			return engines
		}
		running(0)
		first, err := l.Engage(t.Context(), "keyrota-0", "v1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		if e := running(1)[0]; e.Name != "keyrota-0" || e.Version != "v1.2.3" || e.String() != "keyrota-0, keyrota v1.2.3" {
			t.Errorf("%+v", e)
		}
		second, err := l.Engage(t.Context(), "keyrota-0", "v1.2.3")
		if l.Shared() {
			if err != nil {
				t.Fatal(err)
			}
			running(2)
			if first.ID() == second.ID() {
				t.Error("two engines of one id")
			}
			if err := second.Release(); err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, ledger.ErrLocked) {
			t.Errorf("a second engine: %v", err)
		}
		running(1)
		if err := first.Release(); err != nil {
			t.Error(err)
		}
		running(0)
	})
}

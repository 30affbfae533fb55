package daemon

import (
	"sync"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// agenda is when accounts want a pass by themselves: the end of an overlap,
// the opening of a window, a rotation that falls due.
type agenda struct {
	lock sync.Mutex
	at   map[rotation.Ref]time.Time
}

func newAgenda() *agenda { return &agenda{at: map[rotation.Ref]time.Time{}} }

// note takes down when an account is next due; zero: not by itself. One that
// came to be due on the way here is due at once.
func (a *agenda) note(ref rotation.Ref, at time.Time) {
	a.lock.Lock()
	defer a.lock.Unlock()
	if at.IsZero() {
		delete(a.at, ref)
	} else {
		a.at[ref] = at
	}
}

// ahead is a time if it is in the future. Another says nothing: whatever is in
// the way, the next sweep looks again.
func ahead(at, now time.Time) time.Time {
	if at.After(now) {
		return at
	}
	return time.Time{}
}

// due returns, and strikes, the accounts whose time has come.
func (a *agenda) due(now time.Time) []rotation.Ref {
	a.lock.Lock()
	defer a.lock.Unlock()
	var refs []rotation.Ref
	for ref, at := range a.at {
		if !at.After(now) {
			refs = append(refs, ref)
			delete(a.at, ref)
		}
	}
	return refs
}

// clear strikes everything.
func (a *agenda) clear() {
	a.lock.Lock()
	defer a.lock.Unlock()
	clear(a.at)
}

// rhythm says when the next sweep is due. Both clocks count: the monotonic one
// stands still while the machine sleeps, and the wall clock may be set back.
type rhythm struct {
	monotonic, wall time.Time // when the last sweep began, by either clock; zero: none was made
}

func (r rhythm) due(every time.Duration, monotonic, wall time.Time) bool {
	return monotonic.Sub(r.monotonic) >= every || wall.Sub(r.wall) >= every
}

package inventory

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// Late keeps sweeps from waiting for a store that does not answer, and all
// accounts with them: what a store has not shown in time is unknown to that
// sweep, and used by the next one if it has come by then. It may be shared by
// Observers, one after the other.
type Late struct {
	Patience time.Duration // how long a sweep waits for a store
	Arrived  func()        // told when something comes that was not waited for; nil: nobody is

	lock  sync.Mutex
	under map[string]*observation // by store
}

var errNoAnswer = errors.New("no answer")

// observation is what is seen of one store, once done is closed.
type observation struct {
	done chan struct{}
	left bool // a sweep went on without it; of Late.lock
	seen map[rotation.Destination]rotation.Holding
	err  error
}

// observe waits for the observation of a store that is under way, or for one
// that it begins. Nil, and it waits for as long as that takes.
func (l *Late) observe(store string, begin func() (map[rotation.Destination]rotation.Holding, error)) (map[rotation.Destination]rotation.Holding, error) {
	if l == nil {
		return begin()
	}
	l.lock.Lock()
	at := l.under[store]
	if at == nil {
		at = &observation{done: make(chan struct{})}
		if l.under == nil {
			l.under = map[string]*observation{}
		}
		l.under[store] = at
		go l.run(store, at, begin)
	}
	at.left = false
	l.lock.Unlock()
	t := time.NewTimer(l.Patience)
	defer t.Stop()
	select {
	case <-at.done:
	case <-t.C:
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	select {
	case <-at.done:
		delete(l.under, store)
		return at.seen, at.err
	default:
		at.left = true
		return map[rotation.Destination]rotation.Holding{}, fmt.Errorf("store %s: %w within %s", store, errNoAnswer, l.Patience)
	}
}

func (l *Late) run(store string, at *observation, begin func() (map[rotation.Destination]rotation.Holding, error)) {
	at.seen, at.err = begin()
	l.lock.Lock()
	close(at.done)
	left := at.left
	if left && at.err != nil { // of no use to anybody
		delete(l.under, store)
	}
	l.lock.Unlock()
	if left && at.err == nil && l.Arrived != nil {
		l.Arrived()
	}
}

package daemon

import (
	"slices"
	"sync"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// silence knows which stores take requests and answer none. Passes that wait
// for such a store would keep every worker from the accounts of all others: so
// one at a time finds out whether it answers again.
type silence struct {
	lock   sync.Mutex
	stores map[string]*ear
}

// ear is what was heard of one store.
type ear struct {
	asked  []time.Time // when the calls under way began, the oldest first
	heard  time.Time   // when the last answer came
	failed bool        // the last calls ended without one
	passes int         // under way, of accounts that are delivered to it
}

// unheard is how long a store may be silent before it counts as such: well above
// what a call takes, well below what one may take.
const unheard = 5 * time.Second

func newSilence() *silence { return &silence{stores: map[string]*ear{}} }

func (s *silence) ear(store string) *ear {
	e := s.stores[store]
	if e == nil {
		e = &ear{}
		s.stores[store] = e
	}
	return e
}

// calling notes that a store is asked something. What it returns is to be
// called at the end, with whether there was an answer.
func (s *silence) calling(store string) (ended func(answered bool)) {
	s.lock.Lock()
	defer s.lock.Unlock()
	begun := time.Now()
	s.ear(store).asked = append(s.ear(store).asked, begun)
	return func(answered bool) {
		s.lock.Lock()
		defer s.lock.Unlock()
		e := s.ear(store)
		if i := slices.Index(e.asked, begun); i >= 0 {
			e.asked = slices.Delete(e.asked, i, i+1)
		}
		switch {
		case answered:
			e.heard, e.failed = time.Now(), false
		case begun.After(e.heard):
			e.failed = true
		}
	}
}

// silent reports whether nothing is heard of a store.
func (e *ear) silent(now time.Time) bool {
	return e.failed || slices.ContainsFunc(e.asked, func(begun time.Time) bool {
		return begun.After(e.heard) && now.Sub(begun) > unheard
	})
}

// enter says whether a pass over an account may begin, and notes it if so. What
// it returns then is to be called when the pass has ended.
func (s *silence) enter(a inventory.Account) (leave func(), may bool) {
	var stores []string
	for _, d := range a.Destinations(rotation.Record{}) {
		if !slices.Contains(stores, d.Store) {
			stores = append(stores, d.Store)
		}
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	now := time.Now()
	for _, store := range stores {
		if e := s.ear(store); e.passes > 0 && e.silent(now) {
			return nil, false
		}
	}
	for _, store := range stores {
		s.ear(store).passes++
	}
	return func() {
		s.lock.Lock()
		defer s.lock.Unlock()
		for _, store := range stores {
			s.ear(store).passes--
		}
	}, true
}

package main

import (
	"net/http"
	"sync"
	"time"
)

// meter is the road to the services: every call of a run takes a round trip on
// it. It counts them, and knows when the first set out and when the last answer
// arrived.
type meter struct {
	mu          sync.Mutex
	first, last time.Time
	rtt         time.Duration
	calls       int
}

func (m *meter) reset(rtt time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first, m.last, m.rtt, m.calls = time.Time{}, time.Time{}, rtt, 0
}

// passed is how many calls there were.
func (m *meter) passed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// took is the time from the first call to the last answer.
func (m *meter) took() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last.Sub(m.first)
}

func (m *meter) begin() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first.IsZero() {
		m.first = time.Now()
	}
	m.calls++
	return m.rtt
}

func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = time.Now()
}

// before puts the road before a service.
func (m *meter) before(service http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rtt := m.begin()
		defer m.end()
		select {
		case <-time.After(rtt):
		case <-r.Context().Done():
			return
		}
		service.ServeHTTP(w, r)
	})
}

package main

import (
	"net/http"
	"sync"
	"time"
)

// meter is the road to the services: it knows when the first call of a run set
// out and when the last answer arrived, and makes those wait whose service has
// no round-trip time of its own.
type meter struct {
	mu          sync.Mutex
	first, last time.Time
	rtt         time.Duration
}

func (m *meter) reset(rtt time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first, m.last, m.rtt = time.Time{}, time.Time{}, rtt
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

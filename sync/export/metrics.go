package export

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics show how targets are. The nil Metrics shows nothing. It outlives the
// Exporter, which a reload of the configuration replaces.
type Metrics struct {
	events, failures *prometheus.CounterVec
	waiting, last    *prometheus.GaugeVec

	mu    sync.Mutex
	shown map[string]bool
}

// NewMetrics registers the metrics. Their label is a target's name, of which
// there are as many as in the configuration.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	by := []string{"target"}
	m := &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrota_events_exported_total", Help: "Events that a target confirmed.",
		}, by),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrota_events_export_failures_total", Help: "Tries to send events to a target that failed.",
		}, by),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "keyrota_events_export_waiting", Help: "Events in the ledger that a target has not confirmed yet.",
		}, by),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "keyrota_events_export_last_success_timestamp_seconds", Help: "When a target last confirmed events or a head, in Unix time.",
		}, by),
		shown: map[string]bool{},
	}
	for _, c := range []prometheus.Collector{m.events, m.failures, m.waiting, m.last} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// keep shows these targets from the start, and no others.
func (m *Metrics) keep(targets []Target) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.shown {
		if slices.ContainsFunc(targets, func(t Target) bool { return t.Name == name }) {
			continue
		}
		for _, v := range []interface{ DeleteLabelValues(...string) bool }{m.events, m.failures, m.waiting, m.last} {
			v.DeleteLabelValues(name)
		}
		delete(m.shown, name)
	}
	for _, t := range targets {
		m.shown[t.Name] = true
		m.events.WithLabelValues(t.Name)
		m.failures.WithLabelValues(t.Name)
		m.waiting.WithLabelValues(t.Name)
	}
}

func (m *Metrics) failed(name string) {
	if m != nil {
		m.failures.WithLabelValues(name).Inc()
	}
}

func (m *Metrics) behind(name string, events int64) {
	if m != nil {
		m.waiting.WithLabelValues(name).Set(float64(events))
	}
}

func (m *Metrics) sent(name string, events int, waiting int64, now time.Time) {
	if m != nil {
		m.events.WithLabelValues(name).Add(float64(events))
		m.waiting.WithLabelValues(name).Set(float64(waiting))
		m.last.WithLabelValues(name).Set(float64(now.UnixMilli()) / 1000)
	}
}

package notify

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics show how sinks are. The nil Metrics shows nothing. It outlives the
// Notifier, which a reload of the configuration replaces.
type Metrics struct {
	messages, failures *prometheus.CounterVec
	waiting, last      *prometheus.GaugeVec

	mu    sync.Mutex
	shown map[string]bool
}

// NewMetrics registers the metrics. Their label is a sink's name, of which there
// are as many as in the configuration.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	by := []string{"sink"}
	m := &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrota_notify_messages_total", Help: "Messages that a sink took.",
		}, by),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrota_notify_failures_total", Help: "Tries to tell a sink something that failed.",
		}, by),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "keyrota_notify_waiting", Help: "Messages in the ledger that a sink has not taken yet.",
		}, by),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "keyrota_notify_last_success_timestamp_seconds", Help: "When a sink last took a message, in Unix time.",
		}, by),
		shown: map[string]bool{},
	}
	for _, c := range []prometheus.Collector{m.messages, m.failures, m.waiting, m.last} {
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
		for _, v := range []interface{ DeleteLabelValues(...string) bool }{m.messages, m.failures, m.waiting, m.last} {
			v.DeleteLabelValues(name)
		}
		delete(m.shown, name)
	}
	for _, t := range targets {
		m.shown[t.Name] = true
		m.messages.WithLabelValues(t.Name)
		m.failures.WithLabelValues(t.Name)
		m.waiting.WithLabelValues(t.Name)
	}
}

func (m *Metrics) failed(name string) {
	if m != nil {
		m.failures.WithLabelValues(name).Inc()
	}
}

func (m *Metrics) behind(name string, messages int) {
	if m != nil {
		m.waiting.WithLabelValues(name).Set(float64(messages))
	}
}

func (m *Metrics) sent(name string, messages int, now time.Time) {
	if m != nil {
		m.messages.WithLabelValues(name).Add(float64(messages))
		m.last.WithLabelValues(name).Set(float64(now.UnixMilli()) / 1000)
	}
}

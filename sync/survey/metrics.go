package survey

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyrota/keyrota/sync/finding"
)

// Metrics shows how many findings there are. A nil one shows nothing.
type Metrics struct {
	lock  sync.Mutex
	found *prometheus.GaugeVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{found: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "keyrota_findings", Help: "Findings that nobody acknowledged, by code and severity.",
	}, []string{"code", "severity"})}
	return m, r.Register(m.found)
}

// Found takes down the findings of a survey.
func (m *Metrics) Found(all []finding.Finding) {
	if m == nil {
		return
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	m.found.Reset()
	for _, f := range all {
		if f.Acknowledged == nil {
			m.found.WithLabelValues(string(f.Code), string(f.Severity)).Inc()
		}
	}
}

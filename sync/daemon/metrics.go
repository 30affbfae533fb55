package daemon

import (
	"maps"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
)

// metrics are what /metrics shows. No label holds an account or a path: their
// number has no bound.
type metrics struct {
	lastSweep    prometheus.Gauge
	sweepTook    prometheus.Histogram
	passes       *prometheus.CounterVec
	calls        *prometheus.CounterVec
	callTook     *prometheus.HistogramVec
	reloadWorked prometheus.Gauge
	reloads      *prometheus.CounterVec
	sweeps       prometheus.Gauge
	force        prometheus.Gauge
	takeovers    prometheus.Counter

	lock sync.Mutex
	are  map[rotation.Ref]standing
}

// standing is how an account was found last.
type standing struct {
	phase rotation.Phase
	late  bool // something is in the way of what is due
}

func newMetrics(r *prometheus.Registry, version string) (*metrics, error) {
	m := &metrics{
		lastSweep: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "keyrota_sweep_last_success_timestamp_seconds", Help: "When the last sweep ended that could decide on every account, in Unix time.",
		}),
		sweepTook: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "keyrota_sweep_duration_seconds", Help: "How long sweeps took.",
			Buckets: []float64{.05, .1, .5, 1, 5, 10, 30, 60, 120, 300},
		}),
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrota_pass_total", Help: "Passes over one account, by what they came to.",
		}, []string{"result"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrota_provider_calls_total", Help: "Calls to the issuer and to each store, by operation and by what came of them.",
		}, []string{"service", "op", "result"}),
		callTook: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "keyrota_provider_call_duration_seconds", Help: "How long calls to the issuer and to each store took.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"service", "op"}),
		reloadWorked: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "keyrota_config_reload_success", Help: "Whether the configuration could be used when it was loaded last.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrota_config_reloads_total", Help: "Reloads of the configuration, by result.",
		}, []string{"result"}),
		sweeps: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "keyrota_sweeper", Help: "Whether this engine sweeps: of several replicas one does, and it alone counts accounts.",
		}),
		force: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "keyrota_config_in_force", Help: "Whether this engine works: of several replicas those that have the configuration in force.",
		}),
		takeovers: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "keyrota_takeovers_total", Help: "Accounts that this engine offered again after a replica had left them behind.",
		}),
		are: map[rotation.Ref]standing{},
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "keyrota_build_info", Help: "The version of this program.",
	}, []string{"version", "goversion"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.reloadWorked.Set(1)
	for _, result := range []execute.Result{execute.Unchanged, execute.Changed, execute.Waiting, execute.Parked, execute.Failed} {
		m.passes.WithLabelValues(string(result))
	}
	for _, result := range []string{reloadApplied, reloadRefused} {
		m.reloads.WithLabelValues(result)
	}
	all := []prometheus.Collector{
		m.lastSweep, m.sweepTook, m.passes, m.calls, m.callTook, m.reloadWorked, m.reloads, m.sweeps, m.force, m.takeovers, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
	for _, p := range []rotation.Phase{
		rotation.PhaseNew, rotation.PhaseIssuing, rotation.PhaseDelivering, rotation.PhaseRetiring, rotation.PhaseSteady, rotation.PhaseParked,
		rotation.PhaseQuarantining, rotation.PhaseQuarantined, rotation.PhaseRemoved,
	} {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "keyrota_accounts", Help: "Accounts in the configuration, by phase.", ConstLabels: prometheus.Labels{"phase": string(p)},
		}, m.count(func(s standing) bool { return s.phase == p })))
	}
	all = append(all,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "keyrota_rotation_overdue", Help: "Accounts of which something is due that cannot be done now.",
		}, m.count(func(s standing) bool { return s.late })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "keyrota_account_parked", Help: "Accounts that wait for a person.",
		}, m.count(func(s standing) bool { return s.phase == rotation.PhaseParked })))
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// count returns what counts the accounts that are so when it is asked.
func (m *metrics) count(so func(standing) bool) func() float64 {
	return func() float64 {
		m.lock.Lock()
		defer m.lock.Unlock()
		n := 0
		for _, s := range m.are {
			if so(s) {
				n++
			}
		}
		return float64(n)
	}
}

// The results of a reload.
const (
	reloadApplied = "applied"
	reloadRefused = "refused"
)

func (m *metrics) reloaded(worked bool) {
	if worked {
		m.reloadWorked.Set(1)
		m.reloads.WithLabelValues(reloadApplied).Inc()
	} else {
		m.reloadWorked.Set(0)
		m.reloads.WithLabelValues(reloadRefused).Inc()
	}
}

// leads takes down whether this engine sweeps. What it knew of accounts is
// another's to say from then on.
func (m *metrics) leads(so bool) {
	m.sweeps.Set(number(so))
	m.lock.Lock()
	defer m.lock.Unlock()
	clear(m.are)
}

// inForce takes down whether this engine works.
func (m *metrics) inForce(so bool) { m.force.Set(number(so)) }

func (m *metrics) takenOver() { m.takeovers.Inc() }

func number(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

func (m *metrics) passed(r execute.Result) { m.passes.WithLabelValues(string(r)).Inc() }

// observing returns what counts calls, and then tells next.
func (m *metrics) observing(next func(service, op string, err error, took time.Duration)) func(string, string, error, time.Duration) {
	return func(service, op string, err error, took time.Duration) {
		result := "ok"
		if err != nil {
			result = providers.KindOf(err).String()
		}
		m.calls.WithLabelValues(service, op, result).Inc()
		m.callTook.WithLabelValues(service, op).Observe(took.Seconds())
		if next != nil {
			next(service, op, err, took)
		}
	}
}

// swept takes down a sweep, and how it found every account.
func (m *metrics) swept(at time.Time, took time.Duration, current map[rotation.Ref]standing) {
	m.lastSweep.Set(float64(at.UnixMilli()) / 1000)
	m.sweepTook.Observe(took.Seconds())
	m.lock.Lock()
	defer m.lock.Unlock()
	m.are = maps.Clone(current)
}

// stands takes down how a pass left an account.
func (m *metrics) stands(ref rotation.Ref, s standing) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.are[ref] = s
}

// standing returns what is known of an account that is in a phase now.
func (m *metrics) standing(ref rotation.Ref, p rotation.Phase) standing {
	m.lock.Lock()
	defer m.lock.Unlock()
	return standing{phase: p, late: m.are[ref].late}
}

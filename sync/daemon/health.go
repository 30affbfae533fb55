package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// health is what the engine knows of itself. It is judged by what was done,
// never by what is said to be running.
type health struct {
	lock   sync.Mutex
	begun  bool      // a sweep came to its end, here or where another replica sweeps
	since  time.Time // since when this engine is to sweep
	sweep  time.Time // when a sweep last came to its end; zero: none has
	faults int       // passes in a row that could not be made at all
	fault  string    // the words of the last one
	stops  bool
}

func newHealth(now time.Time) *health { return &health{since: now} }

func (h *health) swept(now time.Time) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.sweep, h.begun = now, true
}

// follow takes down that another replica sweeps now.
func (h *health) follow(now time.Time) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.since, h.sweep, h.begun = now, time.Time{}, true
}

// lead takes down that from now on this replica sweeps.
func (h *health) lead(now time.Time) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.since, h.sweep = now, time.Time{}
}

// resume takes down that the ledger answers again, without which no sweep could
// end.
func (h *health) resume(now time.Time) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.since = now
	if !h.sweep.IsZero() {
		h.sweep = now
	}
}

func (h *health) passed(err error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	if err == nil {
		h.faults, h.fault = 0, ""
		return
	}
	h.faults++
	h.fault = err.Error()
}

func (h *health) stopping() {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.stops = true
}

const (
	// sweepsMissed is how many sweeps may be missing, and leastPatience how
	// long one may take, before the engine counts as hung.
	sweepsMissed  = 3
	leastPatience = 5 * time.Minute
	// faultsTold is how many passes in a row may end in a fault of the engine
	// or its ledger before it counts as not ready.
	faultsTold = 3
)

// hung returns why the engine should be started anew; nil: it works.
func (h *health) hung(now time.Time, every, stuck time.Duration) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	last := h.sweep
	if last.IsZero() {
		last = h.since
	}
	switch patience := max(sweepsMissed*every, leastPatience); {
	case h.stops:
		return nil
	case now.Sub(last) > patience:
		return fmt.Errorf("no sweep has ended for %s", now.Sub(last).Round(time.Second))
	case stuck > max(patience, jobTimeout+leastPatience):
		return fmt.Errorf("accounts have waited for %s while no pass began or ended", stuck.Round(time.Second))
	}
	return nil
}

// unready returns why the engine is not doing its work now; nil: it is.
func (h *health) unready() error {
	h.lock.Lock()
	defer h.lock.Unlock()
	switch {
	case h.stops:
		return errors.New("stopping")
	case !h.begun:
		return errors.New("the first sweep has not ended yet")
	case h.faults >= faultsTold:
		return fmt.Errorf("the last %d passes could not be made: %s", h.faults, h.fault)
	}
	return nil
}

// alive is what /healthz and the watchdog go by.
func (d *Daemon) alive() error {
	now := time.Now()
	stuck := d.backlog.stuck(now)
	if d.replica != nil {
		if d.replica.silent.Load() {
			// To be started anew does not bring the database back, and would
			// lose the new keys that no store has yet.
			return nil
		}
		stuck = max(stuck, d.replica.stuck(now))
	}
	return d.health.hung(now, d.state.Load().SweepEvery, stuck)
}

const ledgerAnswersWithin = 3 * time.Second

// ready is what /readyz goes by.
func (d *Daemon) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ledgerAnswersWithin)
	defer cancel()
	return errors.Join(d.alive(), d.health.unready(), d.writable(ctx))
}

// writable reports whether the ledger is there and can be written.
func (d *Daemon) writable(ctx context.Context) error {
	if err := d.o.Ledger.Ping(ctx); err != nil {
		return err
	}
	return d.o.Ledger.Writable(ctx)
}

// serve answers on health and metrics until the returned function is called.
func (d *Daemon) serve(ctx context.Context) (stop func(), err error) {
	if d.o.Listen == "" {
		return func() {}, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", d.o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening for health and metrics: %w: write another address under listen:, or listen: off", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, d.alive()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, d.ready(r.Context())) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.o.Registry, promhttp.HandlerOpts{}))
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.log.Error("health and metrics are not answered any more", "error", err.Error())
		}
	}()
	d.log.Info("health and metrics", "address", "http://"+l.Addr().String())
	if d.o.Listening != nil {
		d.o.Listening(l.Addr())
	}
	return func() {
		_ = server.Close()
		<-done
	}, nil
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err == nil {
		_, _ = fmt.Fprintln(w, "ok")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintln(w, strings.TrimSpace(err.Error()))
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Options say what an engine works on and whom it tells.
type Options struct {
	// Ledger is open for writing. Run engages itself on it; closing it is the
	// caller's, after Run.
	Ledger *ledger.Ledger
	// Load makes a State from the configuration as it is now: once at the
	// start, and at every reload. It must refuse what cannot change while the
	// engine runs.
	Load func(context.Context) (*State, error)
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
	// Logger is told of everything that happens; nil: nobody is.
	Logger *slog.Logger
	// Registry takes the metrics and is what /metrics shows; nil: one of the
	// engine's own.
	Registry *prometheus.Registry
	// Name tells people which engine this is, of several replicas; empty: the
	// ledger finds one.
	Name string
	// Version is shown by the metric keyrota_build_info.
	Version string
	// Lease is how long the other replicas leave alone what this one works on
	// and is not heard of; 0: a minute. Where the ledger is not shared it means
	// nothing.
	Lease time.Duration
	// Listen is the host:port of health and metrics; empty: off. Port 0
	// chooses one.
	Listen string
	// Listening is told the address that was bound; nil: nobody is.
	Listening func(net.Addr)
	// Grace is how long Run waits at its end for passes that are under way;
	// 0: a minute. After half of it they are asked to stop where they are.
	Grace time.Duration
	// Notify tells the service manager how the engine is, by sd_notify(3); nil:
	// there is none. Watchdog is how often it wants to hear that all is well;
	// 0: never.
	Notify   func(state string) error
	Watchdog time.Duration
}

// Daemon is one engine. It runs once.
type Daemon struct {
	o       Options
	log     *slog.Logger
	state   atomic.Pointer[State]
	reloads chan struct{}
	sweeps  chan struct{}
	staff   chan struct{}
	replica *replica     // nil: the engine has its ledger to itself
	since   atomic.Int64 // the last event that was looked at for requests
	backlog *backlog
	agenda  *agenda
	notices *notices
	health  *health
	silence *silence
	chores  *chores
	metrics *metrics
}

const (
	defaultGrace = time.Minute
	defaultLease = time.Minute
)

// New returns an engine that does nothing yet.
func New(o Options) (*Daemon, error) {
	if o.Ledger == nil || o.Load == nil {
		return nil, errors.New("the engine needs a ledger and a configuration")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Grace <= 0 {
		o.Grace = defaultGrace
	}
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	if o.Ledger.Shared() && o.Name != "" {
		o.Logger = o.Logger.With("replica", o.Name)
	}
	m, err := newMetrics(o.Registry, o.Version)
	if err != nil {
		return nil, fmt.Errorf("registering the engine's metrics: %w", err)
	}
	return &Daemon{
		o: o, log: o.Logger, metrics: m,
		reloads: make(chan struct{}, 1), sweeps: make(chan struct{}, 1), staff: make(chan struct{}, 1),
		backlog: newBacklog(), agenda: newAgenda(), notices: newNotices(o.Logger), health: newHealth(time.Now()), silence: newSilence(), chores: newChores(),
	}, nil
}

// Run works until ctx ends, and then until the passes under way have ended, or
// the grace period is over. It fails where the engine cannot start: another
// one runs on the ledger (ledger.ErrLocked), the configuration cannot be used,
// the address is taken.
func (d *Daemon) Run(ctx context.Context) (err error) {
	engaged, err := d.o.Ledger.Engage(ctx, d.o.Name, d.o.Version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engaged.Release()) }()
	if d.o.Ledger.Shared() {
		d.replica = newReplica(d, engaged.ID())
	}
	if err := d.load(ctx); err != nil {
		return err
	}
	head, err := d.o.Ledger.Head(ctx) // what is requested earlier, the first sweep finds
	if err != nil {
		return err
	}
	d.since.Store(head.Seq)
	quiet := slog.New(quieter{d.log.Handler(), func() bool { return d.replica != nil && d.replica.silent.Load() }})
	q, err := openQueue(ctx, d.o.Ledger, engaged.ID(), d.state.Load().Workers, d.o.Grace/2, quiet, d.work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.close()) }()
	stopServing, err := d.serve(ctx)
	if err != nil {
		return err
	}
	defer stopServing()
	if d.replica == nil {
		d.metrics.leads(true)
		d.metrics.inForce(true)
	} else {
		d.replica.look(ctx, q)
	}
	if err := q.start(ctx); err != nil {
		return err
	}
	d.log.Info("the engine runs", "version", d.o.Version, "ledger", d.o.Ledger.Name(), "accounts", len(d.state.Load().Inventory.Accounts))
	d.notify("READY=1")

	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){
		d.sweeping,
		func(ctx context.Context) { d.tending(ctx, q) },
		d.minding,
		d.reloading,
		func(ctx context.Context) { d.staffing(ctx, q) },
		d.watching,
	} {
		loops.Go(func() { loop(ctx) })
	}
	if d.replica != nil {
		loops.Go(func() { d.replica.standing(ctx, q) })
	}
	<-ctx.Done()
	d.log.Info("stopping: passes under way may end", "grace", d.o.Grace.String())
	d.health.stopping()
	d.notify("STOPPING=1")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.o.Grace)
	defer cancel()
	left := q.stop(grace)
	loops.Wait()
	if d.replica != nil {
		d.replica.end(ctx, q)
	}
	if left != nil {
		d.log.Warn("passes were left behind: the next start finds what they began", "error", left.Error())
	}
	d.log.Info("the engine has stopped")
	return nil
}

// Reload has the configuration loaded again, soon. It may be called at any
// time, from any goroutine.
func (d *Daemon) Reload() { raise(d.reloads) }

// Sweep asks for a sweep now, whenever the next one is due.
func (d *Daemon) Sweep() { raise(d.sweeps) }

// raise sets a flag that a loop waits for; it stays set until then.
func raise(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

const (
	// tend is how often requests and times that came are looked for.
	tend = 500 * time.Millisecond
	// requestsAtOnce bounds how many events are read at a time.
	requestsAtOnce = 1000
)

// tending brings accounts to the queue: those whose time has come, those with
// a new request, and those that a sweep found.
func (d *Daemon) tending(ctx context.Context, q *queue) {
	ticks := time.NewTicker(tend)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		case <-d.backlog.added:
		}
		leading := d.leading(ctx)
		if leading == nil {
			continue
		}
		all, err := q.found(leading)
		for _, f := range all {
			d.take(f)
		}
		d.backlog.add(d.agenda.due(d.now())...)
		d.requested(leading)
		d.notices.about(noticeQueue, errors.Join(err, q.offer(leading, d.backlog)))
	}
}

// requested follows the ledger's events, and finds the accounts in whose
// record somebody saved a request.
func (d *Daemon) requested(ctx context.Context) {
	events, err := d.o.Ledger.Events(ctx, d.since.Load(), requestsAtOnce, "")
	if ctx.Err() == nil {
		d.notices.about(noticeEvents, err)
	}
	for _, e := range events {
		d.since.Store(e.Seq)
		switch e.Event.Kind {
		case rotation.EventRequested:
			d.backlog.add(e.Ref)
		case rotation.EventFrozen, rotation.EventUnfrozen: // what is due, and until when what waits, is another now
			d.Sweep()
		}
	}
}

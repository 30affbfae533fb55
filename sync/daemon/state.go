package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
)

// State is what one configuration makes of an engine. The engine sets the
// hooks of its Observer and its Worker, after those that are there.
type State struct {
	Inventory  *inventory.Inventory
	Observer   inventory.Observer
	Worker     *execute.Worker // with a ledger
	SweepEvery time.Duration
	Workers    int // passes at once
	// Config is the configuration's digest. Of several engines on one ledger
	// only those work that have the same.
	Config string
	// Chores are done beside the passes, by the engine that sweeps.
	Chores []Chore
	// Swept is told what each sweep saw, with what is on record, before its passes
	// begin; nil: nobody is. It must not wait for anything outside the ledger. Its
	// error is said, and stops nothing.
	Swept func(context.Context, []plan.Account, []ledger.Entry) error

	index    map[rotation.Ref]int
	enrolled bool // departures are noted; of the sweeping loop alone
}

// account returns a wanted account, and false for one that left the
// configuration.
func (s *State) account(ref rotation.Ref) (inventory.Account, bool) {
	i, ok := s.index[ref]
	if !ok {
		return inventory.Account{}, false
	}
	return s.Inventory.Accounts[i], true
}

// load makes the configuration as it is now the engine's. Passes under way end
// with the one that they began with.
func (d *Daemon) load(ctx context.Context) error {
	next, err := d.o.Load(ctx)
	if err != nil {
		return err
	}
	if next.Inventory == nil || next.Worker == nil || next.SweepEvery <= 0 || next.Workers <= 0 {
		return errors.New("the configuration says neither what to work on nor how often")
	}
	next.index = make(map[rotation.Ref]int, len(next.Inventory.Accounts))
	for i, a := range next.Inventory.Accounts {
		next.index[a.Ref()] = i
	}
	next.Observer.Call.Observed = d.metrics.observing(next.Observer.Call.Observed)
	next.Worker.Call.Observed = d.metrics.observing(next.Worker.Call.Observed)
	next.Observer.Call.Calling, next.Worker.Call.Calling = d.silence.calling, d.silence.calling
	next.Observer.Late = &inventory.Late{Patience: sweepPatience, Arrived: d.Sweep}
	told := next.Worker.Saved
	next.Worker.Saved = func(ref rotation.Ref, e rotation.Event) {
		d.saved(ref, e)
		if told != nil {
			told(ref, e)
		}
	}
	if d.replica != nil {
		if next.Config == "" {
			return errors.New("the configuration has no digest, by which replicas tell whether they have the same")
		}
		next.Worker.Ledger = guarded{next.Worker.Ledger, d.replica}
	}
	if last := d.state.Load(); last != nil {
		next.Worker.Inherit(last.Worker)
	}
	d.state.Store(next)
	d.notices.keep(func(ref rotation.Ref) bool { _, ok := next.index[ref]; return ok })
	return nil
}

// reloading loads the configuration again whenever it is asked for. One that
// cannot be used changes nothing.
func (d *Daemon) reloading(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.reloads:
		}
		if err := d.load(ctx); err != nil {
			d.metrics.reloaded(false)
			d.log.Error("the new configuration is refused; the old one stays in force", "error", err.Error())
			continue
		}
		d.metrics.reloaded(true)
		state := d.state.Load()
		d.log.Info("the configuration was loaded again", "accounts", len(state.Inventory.Accounts))
		d.Sweep()
		raise(d.staff)
		if d.replica != nil {
			raise(d.replica.looks)
		}
	}
}

// staffing keeps the number of workers at what the configuration says: none
// while that of other replicas is in force.
func (d *Daemon) staffing(ctx context.Context, q *queue) {
	has := d.state.Load().Workers
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.staff:
		}
		state := d.state.Load()
		wants := state.Workers
		if d.replica != nil && !d.replica.works(state.Config) {
			wants = 0
		}
		if wants == has {
			continue
		}
		now, err := q.resize(ctx, has, wants)
		if err != nil && ctx.Err() == nil {
			d.log.Error(fmt.Sprintf("the number of workers stays %d", now), "error", err.Error())
		}
		has = now
	}
}

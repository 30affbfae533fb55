package daemon

import (
	"context"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/plan"
)

// sweeping sweeps at once, at every interval, and whenever it is asked for.
func (d *Daemon) sweeping(ctx context.Context) {
	ticks := time.NewTicker(tend)
	defer ticks.Stop()
	var last rhythm
	for {
		if wall := d.now(); last.due(d.state.Load().SweepEvery, time.Now(), wall) {
			last = rhythm{monotonic: time.Now(), wall: wall}
			err := d.sweep(ctx)
			if ctx.Err() == nil {
				d.notices.about(noticeSweep, err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-d.sweeps:
			last = rhythm{}
		case <-ticks.C:
		}
	}
}

// now is the wall clock alone, so that times compare as people read them.
func (d *Daemon) now() time.Time { return d.o.Now().Round(0) }

// sweep looks at everything in pages and finds the accounts that want a pass.
// What it cannot see of one account or store is decided as unknown; the error
// is the ledger's.
func (d *Daemon) sweep(ctx context.Context) error {
	begun := time.Now()
	state := d.state.Load()
	entries, unread := d.o.Ledger.List(ctx)
	if unread != nil && entries == nil {
		return unread
	}
	records := make(map[rotation.Ref]rotation.Record, len(entries))
	for _, e := range entries {
		records[e.Ref] = e.Record
	}
	seen := state.Observer.Sweep(ctx, state.Inventory.Accounts, records)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	accounts := make([]plan.Account, 0, len(seen))
	for _, a := range state.Inventory.Accounts {
		accounts = append(accounts, plan.Account{Spec: a.Spec, Record: records[a.Ref()], Observed: seen[a.Ref()]})
	}
	now := d.now()
	pending := plan.Pending(accounts, now)
	d.backlog.doubt()
	d.backlog.add(pending...)
	wants := make(map[rotation.Ref]bool, len(pending))
	for _, ref := range pending {
		wants[ref] = true
	}
	current := make(map[rotation.Ref]standing, len(accounts))
	for _, a := range accounts {
		ref := a.Spec.Account.Ref
		if wants[ref] { // what came of it, its pass says
			current[ref] = d.metrics.standing(ref, a.Record.Phase())
			continue
		}
		action := rotation.Next(a.Spec, a.Record, a.Observed.AsFresh(), now)
		d.agenda.note(ref, action.Until, now)
		d.notices.waits(ref, a.Record, action)
		current[ref] = standing{phase: a.Record.Phase(), late: action.Overdue}
	}
	d.metrics.swept(time.Now(), time.Since(begun), current)
	d.health.swept(time.Now())
	d.log.Debug("swept", "accounts", len(accounts), "pending", len(pending), "took", time.Since(begun).String())
	return unread
}

package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
)

// work is one job of the queue: passes over one account, until nobody wants
// another.
func (d *Daemon) work(ctx context.Context, ref rotation.Ref) {
	for ctx.Err() == nil && d.backlog.take(ref) {
		state := d.state.Load()
		a, wanted := state.account(ref)
		if !wanted {
			return // it left the configuration, and is left as it is
		}
		report, err := d.pass(ctx, state.Worker, a)
		if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return // the engine stops
		}
		d.passed(ref, report, err)
	}
}

// pass makes one pass. A fault of this program stops one account, not the
// engine.
func (d *Daemon) pass(ctx context.Context, w *execute.Worker, a inventory.Account) (report execute.Report, err error) {
	defer func() {
		if fault := providers.Recovered(recover()); fault != nil {
			err = fmt.Errorf("working on %s: %w", a.Ref(), fault)
		}
	}()
	freezes, err := d.o.Ledger.Freezes(ctx)
	if err != nil {
		return execute.Report{}, err
	}
	return w.Pass(ctx, a.Frozen(freezes))
}

// passed takes down what came of a pass.
func (d *Daemon) passed(ref rotation.Ref, report execute.Report, err error) {
	d.backlog.progress()
	d.health.passed(err)
	d.metrics.passed(report.Result(err))
	if err != nil {
		d.notices.failed(ref, err)
		return
	}
	d.agenda.note(ref, report.Wait.Until, d.now())
	d.notices.waits(ref, report.Record, report.Wait)
	d.metrics.stands(ref, standing{phase: report.Record.Phase(), late: report.Wait.Overdue})
}

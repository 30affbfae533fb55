package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
)

// result is what became of a job.
type result struct {
	again bool          // hand it back, for whoever takes it then
	after time.Duration // and not before
	found *found        // nil: nothing that the replica that sweeps should know
}

// found is how a pass left an account. Replicas of other versions read it too.
type found struct {
	Account rotation.Ref   `json:"-"`
	Until   time.Time      `json:"until,omitzero"` // when it is next due
	Phase   rotation.Phase `json:"phase"`
	Late    bool           `json:"late,omitempty"`
}

// work is one job of the queue: passes over one account, until nobody wants
// another.
func (d *Daemon) work(ctx context.Context, ref rotation.Ref) result {
	if d.replica != nil {
		return d.replica.work(ctx, ref)
	}
	for ctx.Err() == nil && d.backlog.take(ref) {
		state := d.state.Load()
		a, wanted := state.account(ref)
		if !wanted {
			break // it left the configuration, and is left as it is
		}
		leave, may := d.silence.enter(a)
		if !may {
			break // a sweep finds it when its store answers again
		}
		report, err := d.pass(ctx, state.Worker, a)
		leave()
		if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
			break // the engine stops
		}
		d.passed(ref, report, err)
		if err == nil {
			d.take(foundBy(ref, report, d.now()))
		}
	}
	return result{}
}

func foundBy(ref rotation.Ref, r execute.Report, now time.Time) found {
	return found{Account: ref, Until: ahead(r.Wait.Until, now), Phase: r.Record.Phase(), Late: r.Wait.Overdue}
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

// passed says what came of a pass.
func (d *Daemon) passed(ref rotation.Ref, report execute.Report, err error) {
	d.backlog.progress()
	d.health.passed(err)
	d.metrics.passed(report.Result(err))
	if err != nil {
		d.notices.failed(ref, err)
		return
	}
	d.notices.waits(ref, report.Record, report.Wait)
}

// take takes down how a pass left an account, for whoever sweeps.
func (d *Daemon) take(f found) {
	d.agenda.note(f.Account, f.Until)
	d.metrics.stands(f.Account, standing{phase: f.Phase, late: f.Late})
}

package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/plan"
)

// sweeping sweeps at once, at every interval, and whenever it is asked for.
func (d *Daemon) sweeping(ctx context.Context) {
	var last rhythm
	for {
		every := d.state.Load().SweepEvery
		leading := d.leading(ctx)
		if leading == nil {
			last = rhythm{} // whoever is to sweep from now on does so at once
			select {
			case <-ctx.Done():
				return
			case <-time.After(tend):
			}
			continue
		}
		if wall := d.now(); last.due(every, time.Now(), wall) {
			last = rhythm{monotonic: time.Now(), wall: wall}
			err := d.sweep(leading)
			if leading.Err() == nil {
				d.notices.about(noticeSweep, err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-d.sweeps:
			last = rhythm{}
		case <-time.After(min(tend, max(time.Until(last.monotonic.Add(every)), time.Millisecond))):
		}
	}
}

// leading returns a context that ends when this engine is not to find work any
// more; nil: another replica does.
func (d *Daemon) leading(ctx context.Context) context.Context {
	if d.replica == nil {
		return ctx
	}
	return d.replica.leading()
}

// now is the wall clock alone, so that times compare as people read them.
func (d *Daemon) now() time.Time { return d.o.Now().Round(0) }

// sweepPatience is how long a sweep waits for one store: it holds up what is to
// be done in all others.
const sweepPatience = 30 * time.Second

// sweep looks at everything in pages and finds the accounts that want a pass.
// What it cannot see of one account or store is decided as unknown; the error
// is the ledger's.
func (d *Daemon) sweep(ctx context.Context) error {
	begun := time.Now()
	state := d.state.Load()
	enrolled := d.enroll(ctx, state)
	entries, unread := d.o.Ledger.List(ctx)
	if unread != nil && entries == nil {
		return unread
	}
	freezes, err := d.o.Ledger.Freezes(ctx)
	if err != nil {
		return err
	}
	records := make(map[rotation.Ref]rotation.Record, len(entries))
	for _, e := range entries {
		records[e.Ref] = e.Record
	}
	seen := state.Observer.Sweep(ctx, state.Inventory.Accounts, records)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	swept := make([]plan.Account, 0, len(seen))
	for _, a := range state.Inventory.Accounts {
		r := records[a.Ref()]
		swept = append(swept, plan.Account{Spec: a.Frozen(freezes).For(r).Spec, Record: r, Observed: seen[a.Ref()]})
	}
	if err := d.hold(ctx, state, swept); err != nil {
		return err
	}
	d.survey(ctx, state, swept, entries)
	current := make(map[rotation.Ref]standing, len(seen))
	var pending []rotation.Ref
	for i, a := range state.Inventory.Accounts {
		ref, now := a.Ref(), d.now()
		action, wants, fault := decide(swept[i], now)
		switch {
		case fault != nil:
			d.notices.failed(ref, fault)
			current[ref] = standing{phase: records[ref].Phase(), late: true}
		case wants: // what came of it, its pass says
			pending = append(pending, ref)
			current[ref] = d.metrics.standing(ref, records[ref].Phase())
		default:
			d.agenda.note(ref, ahead(action.Until, now))
			d.notices.waits(ref, records[ref], action)
			current[ref] = standing{phase: records[ref].Phase(), late: action.Overdue}
		}
	}
	d.backlog.doubt()
	d.backlog.add(pending...)
	d.metrics.swept(time.Now(), time.Since(begun), current)
	d.health.swept(time.Now())
	d.log.Debug("swept", "accounts", len(current), "pending", len(pending), "took", time.Since(begun).String())
	if unread == nil {
		return enrolled
	}
	return unread
}

// survey has people's part made of what a sweep saw.
func (d *Daemon) survey(ctx context.Context, state *State, swept []plan.Account, entries []ledger.Entry) {
	if state.Swept == nil {
		return
	}
	err := func() (err error) {
		defer providers.Guard(&err)
		return state.Swept(ctx, swept, entries)
	}()
	if ctx.Err() == nil {
		d.notices.about(noticeSurvey, err)
	}
}

// decide says whether an account wants a pass, and what it waits for if not. A
// fault of this program is about one account.
func decide(a plan.Account, now time.Time) (wait rotation.Action, pass bool, fault error) {
	defer func() {
		if f := providers.Recovered(recover()); f != nil {
			fault = fmt.Errorf("deciding on %s: %w", a.Spec.Account.Ref, f)
		}
	}()
	wait = a.Next(now)
	return wait, wait.Kind != rotation.Wait, nil
}

// hold finds the routine rotations that may not begin yet, and has that told.
func (d *Daemon) hold(ctx context.Context, state *State, swept []plan.Account) error {
	w := state.Worker
	if w.Gate == nil {
		return nil
	}
	held, err := execute.Hold(ctx, w.Gate, w.Limit, state.Inventory.Accounts, swept, d.now())
	if err != nil || held == 0 {
		return err
	}
	told, err := execute.TellHeld(ctx, w.Gate, swept)
	if told {
		d.log.Warn(string(rotation.EventHeld), "accounts", held, "limit", w.Limit)
	}
	return err
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/ledger"
)

// What replicas lease.
const (
	// leaseConfig is held by the digest of a configuration, for all replicas
	// that have it: the others wait.
	leaseConfig = "configuration"
	// leaseSweep is held by the replica that finds the work.
	leaseSweep = "sweep"
	// leaseAccount and the account's name: by the replica that works on it, or
	// that alone has the value of its new key.
	leaseAccount = "account/"
)

// replica is an engine's part among the engines that share a ledger. Nil is an
// engine that has its ledger to itself.
type replica struct {
	d      *Daemon
	id     string
	leases *leases
	looks  chan struct{} // raised: look at once
	leads  atomic.Pointer[leadership]
	// silent: the ledger did not answer when it was asked last. heard: when it
	// began to answer again; nil: it always did.
	silent atomic.Bool
	heard  atomic.Pointer[time.Time]
	// unserved is since when jobs wait that nobody takes up; nil: none does.
	unserved atomic.Pointer[time.Time]
}

// leadership is the time in which a replica sweeps.
type leadership struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func newReplica(d *Daemon, id string) *replica {
	r := &replica{d: d, id: id, looks: make(chan struct{}, 1)}
	r.leases = newLeases(d.o.Ledger, d.o.Lease, func() rhythm { return rhythm{monotonic: time.Now(), wall: d.now()} })
	return r
}

// every is how often a replica renews its leases and looks after those of
// others.
func (r *replica) every() time.Duration { return r.d.o.Lease / 12 }

// works reports whether the configuration is in force: its replicas, and no
// others, sweep and work.
func (r *replica) works(digest string) bool { return r.leases.sure(leaseConfig, digest) }

// standing takes part until ctx ends.
func (r *replica) standing(ctx context.Context, q *queue) {
	for {
		select {
		case <-ctx.Done():
			r.stepDown(ctx)
			for _, name := range []string{leaseSweep, leaseConfig} {
				r.giveBack(ctx, name)
			}
			return
		case <-r.looks:
		case <-time.After(r.every()):
		}
		r.look(ctx, q)
	}
}

// look renews what this replica holds, takes what is free, and takes over what
// others left behind.
func (r *replica) look(ctx context.Context, q *queue) {
	within, cancel := context.WithTimeout(ctx, r.d.o.Lease/3)
	defer cancel()
	err := r.takePart(ctx, within, q)
	if ctx.Err() != nil {
		return
	}
	if was := r.silent.Swap(err != nil); was && err == nil {
		now := time.Now()
		r.heard.Store(&now)
		r.d.health.resume(now)
		r.d.backlog.progress()
	}
	r.d.notices.about(noticeReplica, err)
}

// settled reports whether what this replica finds free is free. When the ledger
// was out of reach for all, leases ran out, and whoever had them renews first:
// one may have the only value of a new key.
func (r *replica) settled() bool {
	heard := r.heard.Load()
	return !r.silent.Load() && (heard == nil || time.Since(*heard) >= 3*r.every())
}

func (r *replica) takePart(ctx, within context.Context, q *queue) error {
	if err := r.leases.renewAll(within); err != nil {
		return err
	}
	digest := r.d.state.Load().Config
	if err := r.join(within, digest); err != nil {
		return err
	}
	inForce := r.works(digest)
	r.d.metrics.inForce(inForce)
	raise(r.d.staff)
	if !inForce {
		r.stepDown(ctx)
		r.giveBack(within, leaseSweep)
		r.handOver(within)
		r.d.notices.say(r.d.log.Warn, notice{part: noticeConfig},
			"other replicas have another configuration, which stays in force until they are given this one, or end")
		r.d.health.follow(time.Now())
		return nil
	}
	r.d.notices.about(noticeConfig, nil)
	if err := r.lead(ctx, within); err != nil {
		return err
	}
	since, err := q.unserved(within)
	if err != nil {
		return err
	}
	r.unserved.Store(since)
	if !r.settled() {
		return nil
	}
	return r.takeOver(within, q)
}

// join asks for the configuration to be in force.
func (r *replica) join(ctx context.Context, digest string) error {
	for _, k := range r.leases.all(true) {
		if k.name == leaseConfig && k.holder != digest { // it was loaded again
			if err := r.leases.giveBack(ctx, k); err != nil {
				return err
			}
		}
	}
	if r.leases.has(leaseConfig) {
		return nil
	}
	_, err := r.leases.take(ctx, leaseConfig, digest, nil)
	return err
}

// lead takes the lead if nobody has it. One that hangs gives it up.
func (r *replica) lead(ctx, within context.Context) error {
	if r.leading() != nil {
		if hangs := r.d.alive(); hangs != nil {
			r.stepDown(ctx)
			r.giveBack(within, leaseSweep)
		}
		return nil
	}
	r.stepDown(ctx)
	r.giveBack(within, leaseSweep) // one that is in doubt is begun anew
	led, cancel := context.WithCancel(ctx)
	k, err := r.leases.take(within, leaseSweep, r.id, func(error) { cancel() })
	if err != nil || k == nil {
		cancel()
		if err == nil {
			r.d.health.follow(time.Now())
		}
		return err
	}
	// What is requested earlier, the first sweep finds.
	head, err := r.d.o.Ledger.Head(within)
	if err != nil {
		cancel()
		return errors.Join(err, r.leases.giveBack(within, k))
	}
	r.d.since.Store(head.Seq)
	r.d.agenda.clear()
	r.d.backlog.clear()
	r.d.health.lead(time.Now())
	r.d.metrics.leads(true)
	r.leads.Store(&leadership{ctx: led, cancel: cancel})
	r.d.log.Info("this replica sweeps")
	return nil
}

// leading returns a context that ends with this replica's leadership; nil: it
// does not lead.
func (r *replica) leading() context.Context {
	l := r.leads.Load()
	if l == nil || l.ctx.Err() != nil || !r.leases.sure(leaseSweep, r.id) || !r.works(r.d.state.Load().Config) {
		return nil
	}
	return l.ctx
}

// stepDown ends this replica's leadership, if it has it.
func (r *replica) stepDown(ctx context.Context) {
	l := r.leads.Swap(nil)
	if l == nil {
		return
	}
	l.cancel()
	r.d.metrics.leads(false)
	if ctx.Err() == nil {
		r.d.log.Info("this replica does not sweep any more")
	}
}

func (r *replica) giveBack(ctx context.Context, name string) {
	for _, k := range r.leases.all(true) {
		if k.name == name {
			r.gaveBack(k, r.leases.giveBack(ctx, k))
		}
	}
}

func (r *replica) gaveBack(k *lease, err error) {
	if err != nil {
		r.d.log.Debug("a lease was not given back and runs out", "lease", k.name, "error", err.Error())
	}
}

// handOver gives up the accounts of which this replica has the value of a new
// key: it forgets the value, and whoever goes on issues another.
func (r *replica) handOver(ctx context.Context) {
	for _, k := range r.leases.all(false) {
		r.gaveBack(k, r.leases.giveBack(ctx, k))
		r.d.state.Load().Worker.Forget(rotation.Ref(strings.TrimPrefix(k.name, leaseAccount)))
	}
}

// takeOver offers again what replicas left behind that are no more: accounts
// whose lease ran out, and those that a job says to be worked on while nobody
// has leased them.
func (r *replica) takeOver(ctx context.Context, q *queue) error {
	names, err := r.d.o.Ledger.Expired(ctx)
	if err != nil {
		return err
	}
	left, err := q.abandoned(ctx, r.d.o.Lease/2)
	if err != nil {
		return err
	}
	for _, name := range names {
		if ref, ok := strings.CutPrefix(name, leaseAccount); ok {
			left = append(left, rotation.Ref(ref))
		}
	}
	slices.Sort(left)
	for _, ref := range slices.Compact(left) {
		if err := r.offerAgain(ctx, q, ref); err != nil {
			return err
		}
	}
	return nil
}

// offerAgain puts an account into the queue that nobody works on, whatever the
// queue says.
func (r *replica) offerAgain(ctx context.Context, q *queue, ref rotation.Ref) error {
	name := leaseAccount + string(ref)
	kept := r.leases.has(name)
	k, err := r.leases.take(ctx, name, r.id, r.lost(ref, nil)) // nobody begins meanwhile
	if err != nil || k == nil {
		return err
	}
	r.d.log.Info("an account was left behind and is offered again", "account", string(ref))
	r.d.metrics.takenOver()
	err = q.again(ctx, ref)
	if kept {
		r.leases.rest(k)
		return err
	}
	return errors.Join(err, r.leases.giveBack(ctx, k))
}

// lost returns what is to be done when the lease of an account is lost: the
// pass ends where it is, and a value of which another replica knows nothing is
// forgotten once that goes on with the account.
func (r *replica) lost(ref rotation.Ref, end context.CancelCauseFunc) func(error) {
	return func(why error) {
		if end != nil {
			end(why)
		}
		if errors.Is(why, errTaken) {
			r.d.state.Load().Worker.Forget(ref)
		}
	}
}

// work makes a pass over an account, if no other replica is at it.
func (r *replica) work(ctx context.Context, ref rotation.Ref) result {
	state := r.d.state.Load()
	if !r.works(state.Config) || !r.settled() {
		return result{again: true, after: r.every()}
	}
	a, wanted := state.account(ref)
	if !wanted {
		return result{} // it left the configuration, and is left as it is
	}
	leave, may := r.d.silence.enter(a)
	if !may {
		return result{again: true, after: r.every()}
	}
	defer leave()
	during, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	k, err := r.leases.take(ctx, leaseAccount+string(ref), r.id, r.lost(ref, cancel))
	if err != nil {
		r.d.health.passed(err)
		return result{again: true, after: r.every()}
	}
	if k == nil {
		return result{again: true, after: r.every()}
	}
	r.d.backlog.progress()
	report, err := r.d.pass(during, state.Worker, a)
	if why := r.leases.still(ctx, k.name, r.id); errors.Is(why, errTaken) || errors.Is(why, errLapsed) {
		cancel(why)
	}
	held := r.leases.rest(k)
	switch {
	case !held:
		state.Worker.Forget(ref)
	case !state.Worker.Keeps(ref) || ctx.Err() != nil:
		r.gaveBack(k, r.leases.giveBack(ctx, k))
		state.Worker.Forget(ref)
	}
	switch why := context.Cause(during); {
	case errors.Is(why, errTaken), errors.Is(why, errLapsed):
		r.d.backlog.progress()
		r.d.log.Info("a pass was given up", "account", string(ref), "why", why.Error())
		return result{again: held}
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled):
		return result{again: true} // the engine stops, others go on
	}
	r.d.passed(ref, report, err)
	if err != nil {
		return result{}
	}
	f := foundBy(ref, report, r.d.now())
	return result{found: &f}
}

// end gives back whatever is still held when the engine ends, so that others
// go on at once.
func (r *replica) end(ctx context.Context, q *queue) {
	r.handOver(ctx)
	for _, k := range r.leases.all(true) {
		ref, ok := strings.CutPrefix(k.name, leaseAccount)
		if !ok {
			continue
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackWithin)
		if err := q.again(within, rotation.Ref(ref)); err != nil {
			r.d.log.Warn("an account is left to be taken over when its lease runs out", "account", ref, "error", err.Error())
		}
		cancel()
		r.gaveBack(k, r.leases.giveBack(ctx, k))
	}
}

// stuck returns for how long jobs have waited while this replica began and
// ended no pass.
func (r *replica) stuck(now time.Time) time.Duration {
	since := r.unserved.Load()
	if since == nil || !r.works(r.d.state.Load().Config) {
		return 0
	}
	return min(now.Sub(*since), now.Sub(r.d.backlog.last()))
}

// guarded is a ledger under which a pass looks at nothing once its account is
// another replica's.
type guarded struct {
	execute.Ledger
	r *replica
}

// Load is part of execute.Ledger.
func (g guarded) Load(ctx context.Context, ref rotation.Ref) (rotation.Record, ledger.Revision, error) {
	if err := g.r.leases.still(ctx, leaseAccount+string(ref), g.r.id); err != nil {
		return rotation.Record{}, 0, fmt.Errorf("leasing %s: %w", ref, err)
	}
	return g.Ledger.Load(ctx, ref)
}

// Package execute performs what rotation asks for. It is the only place with
// side effects on the issuer and the stores, and the only one that holds the
// value of a key, from the moment it is created or read back until every
// destination has it.
//
// A Worker makes passes: look, load the record, ask rotation.Next, do that one
// thing, and again, until there is something to wait for. A pass that is cut
// short anywhere leaves nothing that the next pass, by any process, does not
// see. Several workers may pass over the same account: the ledger's
// compare-and-set and the stores' own conditions decide.
package execute

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Ledger is what a Worker needs of the ledger; *ledger.Ledger has it.
type Ledger interface {
	Load(ctx context.Context, ref rotation.Ref) (rotation.Record, ledger.Revision, error)
	Save(ctx context.Context, ref rotation.Ref, r rotation.Record, prev ledger.Revision, events ...rotation.Event) (ledger.Revision, error)
}

// Worker performs passes. Its fields do not change after the first; it may be
// used from several goroutines.
type Worker struct {
	Issuer providers.Issuer
	Stores map[string]providers.SecretStore
	Ledger Ledger
	Call   attempt.Caller
	Name   string // of this worker, on record with every intent
	Now    func() time.Time
	Nonce  func() string // returns text never returned before, by any worker
	// ValidWithin is how long a new key may take until it works.
	ValidWithin time.Duration
	// Gate holds routine rotations back, Limit of which may begin in 24 hours;
	// nil: nothing does.
	Gate  Gate
	Limit int
	// LastUse returns when an account was last used, zero if never, and whether
	// that is known at all; nil: it never is.
	LastUse func(ctx context.Context, ref rotation.Ref) (at time.Time, known bool, err error)
	// Teams returns further teams in which an account was used; nil: none.
	Teams func(ctx context.Context, ref rotation.Ref) []string
	// Saved is told of every event that was saved; nil: nobody is. It must not
	// block.
	Saved func(rotation.Ref, rotation.Event)

	kept keeper
}

// Report is what came of a pass.
type Report struct {
	Wait   rotation.Action // what is waited for now
	Record rotation.Record // as last loaded or saved
	Did    int             // actions performed, looking and reading not counted
	// Trouble is why the last action did not come off, empty if it did.
	Trouble string
}

// Result is what a pass came to, in a word that commands and metrics share.
type Result string

// What a pass can come to.
const (
	Unchanged Result = "unchanged" // nothing had to be done
	Changed   Result = "changed"   // what had to be done was done
	Waiting   Result = "waiting"   // something is in the way of what is due
	Parked    Result = "parked"    // a person must act
	Failed    Result = "failed"    // something did not come off
)

// Result sums a pass up; err is what Pass returned.
func (r Report) Result(err error) Result {
	switch {
	case err != nil:
		return Failed
	case r.Record.Parked != "":
		return Parked
	case r.Trouble != "":
		return Failed
	case r.Wait.Overdue:
		return Waiting
	case r.Did > 0:
		return Changed
	}
	return Unchanged
}

// actionsPerPass bounds a pass: rotation converges in far fewer.
const actionsPerPass = 60

// Pass works on one account until there is something to wait for. The error
// is the ledger's or ctx's; what goes wrong at the issuer or a store is in the
// Report.
func (w *Worker) Pass(ctx context.Context, a inventory.Account) (Report, error) {
	p := w.apart(ctx, a)
	var report Report
	asked, finishing := ctx, false
	stuck := "" // why a key could not be deleted
	for range actionsPerPass {
		if p.alone() && !finishing {
			var cancel context.CancelFunc
			ctx, cancel = finish(asked)
			defer cancel()
			finishing = true
		}
		if err := p.look(ctx); err != nil {
			return report, err
		}
		if finishing && !p.alone() {
			ctx, finishing = asked, false
		}
		action, err := p.decide(ctx)
		if err != nil {
			return report, err
		}
		report.Record = p.record
		if err := p.prove(ctx); err != nil {
			return report, err
		}
		if action.Kind == rotation.Wait {
			if stuck != "" {
				action.Why, action.Overdue = stuck+"; "+action.Why, true
			}
			report.Wait, report.Trouble = action, stuck
			p.tidy()
			return report, ctx.Err()
		}
		trouble, err := p.perform(ctx, action)
		report.Record, report.Trouble = p.record, trouble
		if err != nil {
			return report, err
		}
		if trouble != "" && (action.Kind == rotation.DoDiscard || action.Kind == rotation.DoRetire || action.Kind == rotation.DoQuarantine) {
			p.stuck, stuck = append(p.stuck, action.Key), trouble
			continue
		}
		if trouble != "" {
			report.Wait = rotation.Action{Kind: rotation.Wait, Rule: action.Rule, Why: trouble, Overdue: true}
			return report, ctx.Err()
		}
		if action.Kind != rotation.LookFreshly {
			report.Did++
		}
	}
	return report, fmt.Errorf("working on %s: %d actions and no end: please report this with the output of keyrota history %[1]s", a.Ref(), actionsPerPass)
}

// alone reports whether nobody but this process is known to have the value of
// the account's new key.
func (p *pass) alone() bool {
	h, kept := p.w.kept.get(p.a.Ref())
	return kept && !slices.ContainsFunc(p.seen.Holdings, func(at rotation.Held) bool {
		return at.Holding.State == rotation.StateMarked && at.Holding.Mark.Key == h.key
	})
}

// finishWithin is how long a pass goes on after it was asked to end, while a
// key is in this process's memory alone.
const finishWithin = 30 * time.Second

// finish returns a context that outlives ctx for so long: a new key that is
// lost with the process costs another one.
func finish(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(finishWithin)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

// Hand gives the worker the value of a key that a person brought, until the
// account's destinations have it.
func (w *Worker) Hand(ref rotation.Ref, key rotation.KeyID, value providers.Secret) {
	w.kept.put(ref, held{key: key, value: value})
}

// Keeps reports whether the worker alone has the value of an account's new key:
// no destination of it is known to hold that yet.
func (w *Worker) Keeps(ref rotation.Ref) bool {
	_, ok := w.kept.get(ref)
	return ok
}

// Forget drops the value of an account's new key, because another goes on with
// the account: to whom it is lost, so that another key is issued.
func (w *Worker) Forget(ref rotation.Ref) { w.kept.drop(ref) }

// Inherit has w hold the keys that from holds, together with it: for a worker
// that takes over, before its first pass.
func (w *Worker) Inherit(from *Worker) { w.kept.of = from.kept.root() }

// keeper holds new keys between passes until their destinations have them, so
// that a store that is down for a while does not cost a key.
type keeper struct {
	lock sync.Mutex
	keys map[rotation.Ref]held
	of   *keeper // holds them instead; nil: nobody does
}

type held struct {
	key   rotation.KeyID
	value providers.Secret
}

func (k *keeper) root() *keeper {
	if k.of != nil {
		return k.of
	}
	return k
}

func (k *keeper) get(ref rotation.Ref) (held, bool) {
	k = k.root()
	k.lock.Lock()
	defer k.lock.Unlock()
	h, ok := k.keys[ref]
	return h, ok
}

func (k *keeper) put(ref rotation.Ref, h held) {
	k = k.root()
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.keys == nil {
		k.keys = map[rotation.Ref]held{}
	}
	k.keys[ref] = h
}

func (k *keeper) drop(ref rotation.Ref) {
	k = k.root()
	k.lock.Lock()
	defer k.lock.Unlock()
	delete(k.keys, ref)
}

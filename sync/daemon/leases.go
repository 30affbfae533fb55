package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

var (
	// errTaken: what was leased is another replica's now.
	errTaken = errors.New("another replica has taken this over")
	// errLapsed: a lease ran out before it was renewed. It is held again, but
	// another may have had it in between.
	errLapsed = errors.New("for a while any other replica could have taken this over")
)

// leaser is what leases need of the ledger; *ledger.Ledger has it.
type leaser interface {
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (bool, error)
	Unlease(ctx context.Context, name, holder string) error
}

// leases are what one replica holds. They spare work that is done twice, and
// guard nothing: that is the part of the record's revision. By the clocks here
// a lease is held for two thirds of what it lasts by the database's; then it is
// asked for again before anything rests on it.
type leases struct {
	ledger leaser
	lasts  time.Duration
	clocks func() rhythm // what they show now

	lock sync.Mutex
	held map[string]*lease
}

// lease is one that is held, or being asked for.
type lease struct {
	name, holder string
	// lost is called with errTaken when another has it, and with errLapsed while
	// it is in use. It must not block.
	lost func(error)

	// Of leases.lock:
	busy  bool   // it is in use
	asked rhythm // when it was asked for that was last granted

	turn sync.Mutex // one question about it at a time
	over bool       // given back, or lost
}

func newLeases(l leaser, lasts time.Duration, clocks func() rhythm) *leases {
	return &leases{ledger: l, lasts: lasts, clocks: clocks, held: map[string]*lease{}}
}

// take asks for a lease, for one use at a time in this process too. Nil: it is
// in use, here or elsewhere.
func (l *leases) take(ctx context.Context, name, holder string, lost func(error)) (*lease, error) {
	l.lock.Lock()
	k, kept := l.held[name]
	if kept && k.busy {
		l.lock.Unlock()
		return nil, nil
	}
	if !kept {
		k = &lease{name: name, holder: holder}
		l.held[name] = k
	}
	k.busy, k.lost, k.asked = true, lost, rhythm{}
	l.lock.Unlock()
	if err := l.renew(ctx, k); err != nil {
		l.lock.Lock()
		k.busy = false
		if !kept && l.held[name] == k {
			delete(l.held, name)
		}
		l.lock.Unlock()
		if errors.Is(err, errTaken) {
			return nil, nil
		}
		return nil, err
	}
	return k, nil
}

// renew asks for a lease again. errTaken: another has it, or it was given back.
func (l *leases) renew(ctx context.Context, k *lease) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	if k.over {
		return errTaken
	}
	asked := l.clocks()
	granted, err := l.ledger.Lease(ctx, k.name, k.holder, l.lasts)
	if err != nil {
		return err
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if !granted {
		k.over = true
		delete(l.held, k.name)
		k.tell(errTaken)
		return errTaken
	}
	lapsed := k.busy && k.asked != (rhythm{}) && k.asked.due(l.lasts, asked.monotonic, asked.wall)
	k.asked = asked
	if lapsed {
		k.tell(errLapsed)
		return errLapsed
	}
	return nil
}

func (k *lease) tell(err error) {
	if k.lost != nil {
		k.lost(err)
	}
}

// renewAll renews what was not asked for lately. The error is the ledger's.
func (l *leases) renewAll(ctx context.Context) error {
	now := l.clocks()
	var old []*lease
	l.lock.Lock()
	for _, k := range l.held {
		if k.asked.due(l.lasts/6, now.monotonic, now.wall) {
			old = append(old, k)
		}
	}
	l.lock.Unlock()
	slices.SortFunc(old, func(a, b *lease) int { return strings.Compare(a.name, b.name) })
	failed := make([]error, len(old))
	var all errgroup.Group
	all.SetLimit(4)
	for i, k := range old {
		all.Go(func() error {
			if err := l.renew(ctx, k); !errors.Is(err, errTaken) && !errors.Is(err, errLapsed) {
				failed[i] = err
			}
			return nil
		})
	}
	_ = all.Wait()
	for _, err := range failed {
		if err != nil {
			return err // one says it for all, and the same one every time
		}
	}
	return nil
}

// sure reports whether a lease is held beyond doubt, without asking.
func (l *leases) sure(name, holder string) bool {
	now := l.clocks()
	l.lock.Lock()
	defer l.lock.Unlock()
	k, ok := l.held[name]
	return ok && k.holder == holder && !k.asked.due(l.lasts*2/3, now.monotonic, now.wall)
}

// still returns nil if a lease is held and was all the time, and asks where
// there is doubt.
func (l *leases) still(ctx context.Context, name, holder string) error {
	if l.sure(name, holder) {
		return nil
	}
	l.lock.Lock()
	k, ok := l.held[name]
	l.lock.Unlock()
	if !ok {
		return errTaken
	}
	return l.renew(ctx, k)
}

// rest ends a use of a lease, which stays held. It reports whether it is held.
func (l *leases) rest(k *lease) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	k.busy = false
	return l.held[k.name] == k
}

// giveBack lets others have a lease at once. Where the ledger cannot be told,
// it runs out.
func (l *leases) giveBack(ctx context.Context, k *lease) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	if k.over {
		return nil
	}
	k.over = true
	l.lock.Lock()
	if l.held[k.name] == k {
		delete(l.held, k.name)
	}
	l.lock.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackWithin)
	defer cancel()
	return l.ledger.Unlease(ctx, k.name, k.holder)
}

const giveBackWithin = 5 * time.Second

// all returns what is held, by whether it is in use.
func (l *leases) all(busy bool) []*lease {
	l.lock.Lock()
	defer l.lock.Unlock()
	var all []*lease
	for _, k := range l.held {
		if k.busy == busy {
			all = append(all, k)
		}
	}
	return all
}

// has reports whether a lease is held, or being asked for.
func (l *leases) has(name string) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	_, ok := l.held[name]
	return ok
}

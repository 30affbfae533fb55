package daemon

import (
	"sync"
	"time"

	"github.com/keyrota/keyrota/rotation"
)

// backlog is the accounts that want a pass. It, not the queue, is what an
// engine goes by that has its ledger to itself: an account stays in it until a
// worker takes it. Of several replicas, the one that sweeps has it, and an
// account leaves it for the queue.
type backlog struct {
	added chan struct{} // raised when there is something to offer

	lock    sync.Mutex
	waiting map[rotation.Ref]bool // whether it is in the queue already
	moved   time.Time             // when a pass last began or ended, or there was nothing to do
}

func newBacklog() *backlog {
	return &backlog{added: make(chan struct{}, 1), waiting: map[rotation.Ref]bool{}, moved: time.Now()}
}

func (b *backlog) add(refs ...rotation.Ref) {
	if len(refs) == 0 {
		return
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	if len(b.waiting) == 0 {
		b.moved = time.Now()
	}
	for _, ref := range refs {
		if _, there := b.waiting[ref]; !there {
			b.waiting[ref] = false
			raise(b.added)
		}
	}
}

// take removes an account and reports whether it was there.
func (b *backlog) take(ref rotation.Ref) bool {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.moved = time.Now()
	_, there := b.waiting[ref]
	delete(b.waiting, ref)
	return there
}

// progress notes that a pass ended.
func (b *backlog) progress() {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.moved = time.Now()
}

// unqueued returns the accounts that are still to be brought to the queue.
func (b *backlog) unqueued() []rotation.Ref {
	b.lock.Lock()
	defer b.lock.Unlock()
	var refs []rotation.Ref
	for ref, queued := range b.waiting {
		if !queued {
			refs = append(refs, ref)
		}
	}
	return refs
}

// queued notes that the queue has an account, unless a worker took it already.
func (b *backlog) queued(ref rotation.Ref) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if _, there := b.waiting[ref]; there {
		b.waiting[ref] = true
	}
}

// shared notes that the queue has an account, for whichever replica takes it.
func (b *backlog) shared(ref rotation.Ref) {
	b.lock.Lock()
	defer b.lock.Unlock()
	delete(b.waiting, ref)
}

// clear forgets what waits.
func (b *backlog) clear() {
	b.lock.Lock()
	defer b.lock.Unlock()
	clear(b.waiting)
}

// last returns when a pass last began or ended here.
func (b *backlog) last() time.Time {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.moved
}

// doubt has everything brought to the queue again, where it is known already
// or was lost.
func (b *backlog) doubt() {
	b.lock.Lock()
	defer b.lock.Unlock()
	for ref := range b.waiting {
		b.waiting[ref] = false
	}
}

// stuck returns for how long accounts have waited while no pass began or ended.
func (b *backlog) stuck(now time.Time) time.Duration {
	b.lock.Lock()
	defer b.lock.Unlock()
	if len(b.waiting) == 0 {
		return 0
	}
	return now.Sub(b.moved)
}

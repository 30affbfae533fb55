package providertest

import (
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// troubleCases: a service that is busy, loses its answers, or lags behind itself.
func troubleCases() []storeCase {
	return []storeCase{
		{
			name: "limited, with a hint", story: "Too many calls is told as limited, with the time that the service asks for, and nothing is written or taken for absent.",
			once: true, run: func(r *storeRun) { r.limited(time.Second) },
		},
		{
			name: "limited, without a hint", story: "The same where the service does not say when to come back.",
			once: true, run: func(r *storeRun) { r.limited(0) },
		},
		{
			name: "answer lost", story: "A write whose answer is lost may have happened: it is told as transient, and the next look and put end well.",
			run: func(r *storeRun) {
				d := r.at("ci/lost")
				r.deliver(d, 1)
				r.lost(d, 2)
			},
		},
		{
			name: "answer to a creation lost", story: "The same for a secret that was not there.",
			run: func(r *storeRun) { r.lost(r.at("ci/lost"), 1) },
		},
		{
			name: "lagging behind a put", story: "Reads that do not show yet what was put lead to no second version, and to no harm where a put follows them.",
			run: func(r *storeRun) {
				l, ok := r.StoreService.(Lagger)
				if !ok {
					r.Skip("the harness is no Lagger")
				}
				d := r.at("ci/lag")
				seen := r.deliver(d, 1)
				release := l.Lag(r.T)
				r.put(d, r.payload(2), mark(2), seen)
				before := r.versions(d)
				if _, err := r.observe(d); err != nil {
					r.Fatal(err)
				}
				// What the engine does after a sweep that saw edition 1.
				if h := r.look(d); h.State != rotation.StateMarked || h.Mark != mark(2) {
					_, err := r.store.Put(r.ctx(), d, r.payload(2), mark(2), h)
					if r.check(err) != nil && providers.KindOf(err) != providers.Conflict && providers.KindOf(err) != providers.Transient {
						r.Errorf("%v, want done, a conflict or transient", err)
					}
				}
				release()
				if after := r.versions(d); after != before {
					r.Errorf("%d versions, then %d", before, after)
				}
				if h := r.look(d); h.State != rotation.StateMarked || h.Mark != mark(2) {
					r.put(d, r.payload(2), mark(2), h)
				}
				r.holds(d, mark(2))
				r.reads(d, r.payload(2))
			},
		},
		{
			name: "lagging behind a creation", story: "A secret that reads do not show yet is not made twice.",
			run: func(r *storeRun) {
				l, ok := r.StoreService.(Lagger)
				if !ok {
					r.Skip("the harness is no Lagger")
				}
				d := r.at("ci/lag")
				seen := r.in(d, rotation.StateAbsent)
				release := l.Lag(r.T)
				r.put(d, r.payload(1), mark(1), seen)
				if h := r.look(d); h.State != rotation.StateMarked {
					_, err := r.store.Put(r.ctx(), d, r.payload(1), mark(1), h)
					_ = r.check(err)
				}
				release()
				if h := r.look(d); h.State != rotation.StateMarked || h.Mark != mark(1) {
					r.put(d, r.payload(1), mark(1), h)
				}
				r.holds(d, mark(1))
				r.reads(d, r.payload(1))
				if n := r.versions(d); r.can.Idempotent && n > 1 {
					r.Errorf("%d versions of one edition", n)
				}
			},
		},
	}
}

// limited makes every call of a store while the service refuses them.
func (r *storeRun) limited(after time.Duration) {
	s, ok := r.StoreService.(Throttler)
	if !ok {
		r.Skip("the harness is no Throttler")
	}
	d := r.at("ci/busy")
	seen := r.deliver(d, 1)
	refused := func(err error) {
		r.Helper()
		r.want(providers.Limited, err)
		if got := providers.RetryAfterOf(err); got < after {
			r.Errorf("come back after %s, want %s: %v", got, after, err)
		}
	}
	const few = 20 // more calls than any of these makes
	s.Throttle(r.T, few, after)
	h, err := r.store.Look(r.ctx(), d)
	refused(err)
	if h.State != rotation.StateUnknown {
		r.Errorf("look shows %s beside its error", h.State)
	}
	_, err = r.store.Put(r.ctx(), d, r.payload(2), mark(2), seen)
	refused(err)
	seenBusy, err := r.observe(d)
	refused(err)
	if h := seenBusy[d]; h.State != rotation.StateUnknown {
		r.Errorf("observed as %s while busy", h.State)
	}
	if reader, ok := r.store.(providers.Reader); ok {
		_, err = reader.Read(r.ctx(), d, "")
		refused(err)
	}
	s.Throttle(r.T, 0, 0)
	r.holds(d, mark(1))
	r.reads(d, r.payload(1))
	r.deliver(d, 2)
	r.holds(d, mark(2))
}

// lost loses the answer of a put, and comes back.
func (r *storeRun) lost(d rotation.Destination, n int) {
	r.Helper()
	l, ok := r.StoreService.(StoreAnswerLoser)
	if !ok {
		r.Skip("the harness is no StoreAnswerLoser")
	}
	seen := r.look(d)
	l.LoseAnswer(r.T)
	_, err := r.store.Put(r.ctx(), d, r.payload(n), mark(n), seen)
	r.want(providers.Transient, err)
	before := r.versions(d)
	h := r.look(d)
	if h.State != rotation.StateMarked || h.Mark != mark(n) {
		r.put(d, r.payload(n), mark(n), h)
	}
	if after := r.versions(d); r.can.Idempotent && after > max(before, 1) {
		r.Errorf("%d versions after the answer was lost, %d at the end", before, after)
	}
	r.holds(d, mark(n))
	r.reads(d, r.payload(n))
}

package providertest

import (
	"errors"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// lastReadCases: when somebody last read a secret, for stores that know.
func lastReadCases() []storeCase {
	return []storeCase{
		{
			name: "last read", story: "A secret that was read is told from one that never was, and what is not there is not told of.", once: true,
			run: func(r *storeRun) {
				reports, reader := r.accessReporter(r.store), r.reader()
				read, never, absent := r.at("read/it"), r.at("read/never"), r.at("read/absent")
				r.deliver(read, 1)
				r.deliver(never, 2)
				_, err := reader.Read(r.ctx(), read, "")
				if r.check(err) != nil {
					r.Fatal(err)
				}
				got := map[rotation.Destination]time.Time{}
				err = reports.LastRead(r.ctx(), []rotation.Destination{read, absent, never}, func(d rotation.Destination, at time.Time) error {
					got[d] = at
					return nil
				})
				if r.check(err) != nil {
					r.Fatal(err)
				}
				at, told := got[never]
				if len(got) != 2 || got[read].IsZero() || !told || !at.IsZero() {
					r.Errorf("last read: %v", got)
				}
				if p := reports.Precision(); p <= 0 || !got[read].Truncate(p).Equal(got[read]) {
					r.Errorf("%s is no beginning of a stretch of %s", got[read], p)
				}
			},
		},
		{
			name: "last read, denied", story: "A service that refuses to tell is an error: nothing was never read for that reason.", once: true,
			run: func(r *storeRun) {
				r.accessReporter(r.store)
				r.failsToTellReads(providers.Denied, r.Denied(r.T))
			},
		},
		{
			name: "last read, unreachable", story: "A service that does not answer is an error.", once: true,
			run: func(r *storeRun) {
				r.accessReporter(r.store)
				r.failsToTellReads(providers.Transient, r.Unreachable(r.T))
			},
		},
		{
			name: "last read, stopped", story: "Whoever is yielded to may stop, and gets its own error back.", once: true,
			run: func(r *storeRun) {
				reports, one, two := r.accessReporter(r.store), r.at("read/one"), r.at("read/two")
				r.deliver(one, 1)
				r.deliver(two, 2)
				stop, times := errors.New("enough"), 0
				err := reports.LastRead(r.ctx(), []rotation.Destination{one, two}, func(rotation.Destination, time.Time) error {
					times++
					return stop
				})
				if !errors.Is(err, stop) || times != 1 {
					r.Errorf("yielded %d times, then %v", times, err)
				}
			},
		},
	}
}

// accessReporter skips the case where a store does not know when it was read.
func (r *storeRun) accessReporter(s providers.SecretStore) providers.AccessReporter {
	r.Helper()
	a, ok := s.(providers.AccessReporter)
	if !ok {
		r.Skip("this store is no AccessReporter")
	}
	return a
}

// failsToTellReads asks a store that fails.
func (r *storeRun) failsToTellReads(kind providers.Kind, failing providers.SecretStore) {
	r.Helper()
	err := r.accessReporter(failing).LastRead(r.ctx(), []rotation.Destination{r.at("read/failing")}, func(d rotation.Destination, _ time.Time) error {
		r.Errorf("%s is told of", d)
		return nil
	})
	r.want(kind, err)
}

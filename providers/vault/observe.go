package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

const (
	observers = 8 // metadata reads at a time
	tolerated = 8 // reads that may fail as if the server were unwell, before the rest is left out
)

// Observe reads the metadata of each secret once, however many of its fields
// are asked for. A field without a mark in a secret that has data is not yielded:
// whether it is there, only the data could tell.
func (s *Store) Observe(ctx context.Context, ds []rotation.Destination, yield func(rotation.Destination, rotation.Holding) error) error {
	const op = "observe"
	var paths []string
	at := map[string][]rotation.Destination{}
	for _, d := range ds {
		if len(at[d.Path]) == 0 {
			paths = append(paths, d.Path)
		}
		at[d.Path] = append(at[d.Path], d)
	}
	o := observation{yield: yield, at: at, store: s}
	group, inside := errgroup.WithContext(ctx)
	group.SetLimit(observers)
	for _, path := range paths {
		if inside.Err() != nil {
			break
		}
		group.Go(func() (fault error) {
			defer providers.Guard(&fault)
			p, err := s.locate(inside, op, at[path][0])
			if err != nil {
				return o.failed(path, err)
			}
			m, err := s.listedMetadata(inside, p)
			switch {
			case err != nil:
				return o.failed(path, err)
			case !m.exists:
				o.notThere(path, p.metadata())
				return nil
			}
			return o.show(path, m)
		})
	}
	err := group.Wait()
	if err == nil {
		err = o.settleMissing(ctx, op)
	}
	var fault *providers.Fault
	switch {
	case o.stopped != nil:
		return o.stopped.err
	case errors.As(err, &fault):
		return problem(op, "", fault)
	}
	if err == nil && ctx.Err() != nil {
		_ = o.failed("", &failure{words: providers.Unanswered(ctx.Err()).Error(), err: ctx.Err()})
	}
	return o.result(op, len(paths))
}

// observation collects what one Observe saw. yield is called by one goroutine
// at a time.
type observation struct {
	store *Store
	at    map[string][]rotation.Destination

	mu               sync.Mutex
	yield            func(rotation.Destination, rotation.Holding) error
	missing          map[string]string // metadata path by path
	failure          *providers.Error  // the first
	failures, unwell int
	stopped          *yieldError // nothing is yielded after it
}

type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }

var errUnwell = errors.New("the server is unwell")

func (o *observation) show(path string, m metadata) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.at[path] {
		if o.stopped != nil {
			return o.stopped
		}
		h, sure := m.holding(d.Field, o.store.now())
		if !sure && h.State == rotation.StateBare {
			continue // whether the field is there, only the data tells
		}
		if err := o.yield(d, h); err != nil {
			o.stopped = &yieldError{err}
			return o.stopped
		}
	}
	return nil
}

func (o *observation) notThere(path, metadata string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.missing == nil {
		o.missing = map[string]string{}
	}
	o.missing[path] = metadata
}

// settleMissing asks at once for all that answered 404 whether that means
// absent.
func (o *observation) settleMissing(ctx context.Context, op string) error {
	if len(o.missing) == 0 {
		return nil
	}
	seen, err := o.store.canSee(ctx, slices.Collect(maps.Values(o.missing)))
	for path, asked := range o.missing {
		switch {
		case err != nil:
			_ = o.failed(path, err)
		case !seen[asked]:
			_ = o.failed(path, unseen(asked))
		default:
			if err := o.show(path, metadata{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// failed remembers a failure. It returns an error, which ends the others, only
// if they would fail like this one.
func (o *observation) failed(path string, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var e *providers.Error
	if !errors.As(err, &e) {
		e = problem("observe", path, err)
	}
	o.failures++
	if o.failure == nil {
		o.failure = e
	}
	if e.Kind == providers.Transient {
		o.unwell++
	}
	var login *loginError
	if errors.As(err, &login) || e.Kind == providers.Limited || o.unwell >= tolerated {
		return errUnwell
	}
	return nil
}

func (o *observation) result(op string, of int) error {
	if o.failure == nil {
		return nil
	}
	return &providers.Error{
		Provider: provider, Op: op, Kind: o.failure.Kind, RetryAfter: o.failure.RetryAfter,
		Err: fmt.Errorf("%d of %d secrets could not be seen, the first: %w", o.failures, of, o.failure),
	}
}

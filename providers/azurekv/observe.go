package azurekv

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// closer is how many secrets Observe looks at alone, which listings do not settle:
// those without our mark, disabled or deleted ones. Where there are more, the rest
// is unknown until each is looked at.
const closer = 100

// tolerated is how many of those may fail as if the vault were unwell, before
// the rest is left out.
const tolerated = 8

// Observe lists the vault's secrets, 25 with a call. A secret whose current
// version bears the destination's mark is settled by that; one that is not there
// is, if it is not among the deleted ones either.
func (s *Store) Observe(ctx context.Context, ds []rotation.Destination, yield func(rotation.Destination, rotation.Holding) error) error {
	const op = "observe"
	o := observation{store: s, yield: yield, at: map[string][]rotation.Destination{}}
	var names []string
	for _, d := range ds {
		name, err := named(op, d.String(), d.Path)
		if err != nil {
			_ = o.fail(err) // it says nothing of the others
			continue
		}
		key := strings.ToLower(name)
		if len(o.at[key]) == 0 {
			names = append(names, key)
		}
		o.at[key] = append(o.at[key], d)
	}
	if len(names) == 0 {
		return o.result()
	}
	shown := map[string]version{}
	err := s.listed(ctx, func(v version) error {
		if key := strings.ToLower(v.name); len(o.at[key]) > 0 {
			shown[key] = v
			return o.settle(key, v)
		}
		return nil
	})
	var stopped *yieldError
	if errors.As(err, &stopped) {
		return stopped.err
	}
	if err != nil {
		return problem(op, "", err)
	}
	deleted := map[string]bool{}
	if len(shown) < len(names) {
		if err := s.listedDeleted(ctx, func(v version) { deleted[strings.ToLower(v.name)] = true }); err != nil {
			return problem(op, "", err)
		}
	}
	looked := 0
	for _, key := range names {
		if len(o.at[key]) == 0 {
			continue
		}
		if _, there := shown[key]; !there && !deleted[key] {
			if err := o.absent(key); err != nil {
				return err
			}
			continue
		}
		if looked++; looked > closer {
			break
		}
		err := o.lookAt(ctx, key, shown[key])
		if errors.As(err, &stopped) {
			return stopped.err
		}
		if errors.Is(err, errUnwell) {
			break
		}
	}
	return o.result()
}

// observation collects what one Observe saw.
type observation struct {
	store *Store
	yield func(rotation.Destination, rotation.Holding) error
	at    map[string][]rotation.Destination // not settled yet, by the secret's name in lower case

	failure          *providers.Error // the first
	failures, unwell int
}

var errUnwell = errors.New("the vault is unwell")

// settle yields the destinations that a listed version tells all of, and keeps
// the others.
func (o *observation) settle(key string, v version) error {
	var others []rotation.Destination
	for _, d := range o.at[key] {
		n, ok := v.note(d.Field)
		if !ok || n.Write == "" || !v.enabled || !n.mayBeOf(v.created) {
			others = append(others, d)
			continue
		}
		h := rotation.Holding{State: rotation.StateMarked, Mark: n.Mark(), Version: v.token(d.Field)}
		if err := o.yield(d, h); err != nil {
			return &yieldError{err}
		}
	}
	o.at[key] = others
	return nil
}

// absent yields the destinations of a secret that no listing shows.
func (o *observation) absent(key string) error {
	for _, d := range o.at[key] {
		if err := o.yield(d, rotation.Holding{State: rotation.StateAbsent}); err != nil {
			return err
		}
	}
	return nil
}

// lookAt looks at one secret without reading a value. A field that only a value
// could tell is not yielded.
func (o *observation) lookAt(ctx context.Context, key string, listed version) error {
	seen, err := o.store.see(ctx, key, &listed)
	switch {
	case errors.Is(err, errUnsure):
		return nil
	case err != nil:
		return o.fail(problem("observe", o.at[key][0].String(), err))
	}
	for _, d := range o.at[key] {
		h, sure := seen.holding(d.Field)
		if !sure && h.State == rotation.StateBare {
			continue
		}
		if err := o.yield(d, h); err != nil {
			return &yieldError{err}
		}
	}
	return nil
}

// fail remembers a failure. It returns an error if the others would fail like
// this one.
func (o *observation) fail(err error) error {
	var e *providers.Error
	if !errors.As(err, &e) {
		return nil
	}
	o.failures++
	if o.failure == nil {
		o.failure = e
	}
	if e.Kind == providers.Transient {
		o.unwell++
	}
	if e.Kind == providers.Limited || o.unwell >= tolerated {
		return errUnwell
	}
	return nil
}

func (o *observation) result() error {
	if o.failure == nil {
		return nil
	}
	return &providers.Error{
		Provider: provider, Op: "observe", Kind: o.failure.Kind, RetryAfter: o.failure.RetryAfter,
		Err: fmt.Errorf("%d secrets could not be seen, the first: %w", o.failures, o.failure),
	}
}

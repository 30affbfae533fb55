package providers

import (
	"context"
	"fmt"
	"hash/fnv"
)

// Turn is a mutex that one waits for no longer than a context lasts. NewTurn
// makes one.
type Turn chan struct{}

// NewTurn returns a Turn that nobody has.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits for the turn. Its error wraps ctx's.
func (t Turn) Take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another call to end: %w", ctx.Err())
	}
}

// Give lets the next one have the turn.
func (t Turn) Give() { <-t }

// Turns are the turns of any number of names. Some names share one.
type Turns [64]Turn

// NewTurns returns Turns that nobody has.
func NewTurns() *Turns {
	var all Turns
	for i := range all {
		all[i] = NewTurn()
	}
	return &all
}

// Of returns the turn of a name.
func (t *Turns) Of(name string) Turn {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return t[h.Sum32()%uint32(len(t))]
}

package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// Put implements providers.SecretStore. All of it happens under the exclusive
// lock, so of several processes that saw the same one wins.
func (s *Store) Put(ctx context.Context, d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) (rotation.Holding, error) {
	if err := s.Check(d, p); err != nil {
		return rotation.Holding{}, err
	}
	h, err := s.put(ctx, d, p, m, seen)
	if err != nil {
		return rotation.Holding{}, s.fail("put", d.String(), err)
	}
	return h, nil
}

func (s *Store) put(ctx context.Context, d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) (h rotation.Holding, err error) {
	err = s.writing(ctx, true, func(root *os.Root) (err error) {
		h, err = s.putIn(ctx, root, d, p, m, seen)
		return err
	})
	return h, err
}

func (s *Store) putIn(ctx context.Context, root *os.Root, d rotation.Destination, p providers.Payload, m rotation.Mark, seen rotation.Holding) (rotation.Holding, error) {
	none := rotation.Holding{}
	before, text, err := s.compare(root, d, p, seen)
	if err != nil {
		return none, err
	}
	salt, err := s.keepSalt(ctx, root)
	if err != nil {
		return none, err
	}
	if seen.State == rotation.StateAbsent {
		before.notes.Marks[d.Field] = noteOf(m, "")
		if err = writeNotes(ctx, root, d.Path, before.notes); err != nil {
			return none, err
		}
	}
	written, err := replace(ctx, root, d.Path, text.Expose(), before.written)
	if err != nil {
		return none, err
	}
	if s.beforeMark != nil {
		if err = s.beforeMark(); err != nil {
			return none, unmarked(err)
		}
	}
	after := version(salt, text.Expose(), written)
	before.notes.set(d.Field, m, before.version, after)
	if err = writeNotes(ctx, root, d.Path, before.notes); err != nil {
		return none, unmarked(err)
	}
	return rotation.Holding{State: rotation.StateMarked, Fresh: true, Version: after, Mark: m}, nil
}

// writing does something with the directory as its one writer of all processes.
// A directory that is not there is made, or else nil: there is nothing in it.
func (s *Store) writing(ctx context.Context, create bool, do func(root *os.Root) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	root, err := s.open(create)
	if err != nil {
		return err
	}
	if root == nil {
		return do(nil)
	}
	defer root.Close()
	unlock, err := s.lock(ctx, root, true)
	if err != nil {
		return err
	}
	defer unlock()
	if err = root.Remove(newFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return do(root)
}

// unchanged returns a Conflict unless a destination still is as it was seen.
func (v sight) unchanged(op string, d rotation.Destination, seen rotation.Holding) error {
	now, err := v.holding(d.Field)
	if err != nil {
		return err
	}
	if now.State != seen.State || now.Version != seen.Version || now.Mark != seen.Mark {
		return &providers.Error{Provider: provider, Op: op, Name: d.String(), Kind: providers.Conflict,
			Err: errors.New("the file or its mark changed since it was looked at"), Hint: "look again"}
	}
	return nil
}

// compare returns what is there, if it is as it was seen, and what the file is
// to hold.
func (s *Store) compare(root *os.Root, d rotation.Destination, p providers.Payload, seen rotation.Holding) (sight, providers.Secret, error) {
	before, err := s.see(root, d.Path)
	if err != nil {
		return sight{}, providers.Secret{}, err
	}
	if err := before.unchanged("put", d, seen); err != nil {
		return sight{}, providers.Secret{}, err
	}
	if d.Field == "" {
		return before, p.Value, nil
	}
	text, err := providers.WithField(before.content, d.Field, p.Value)
	return before, text, err
}

// keepSalt returns the directory's salt, and has it kept from the first on.
func (s *Store) keepSalt(ctx context.Context, root *os.Root) ([]byte, error) {
	if _, err := root.Lstat(saltFile); errors.Is(err, fs.ErrNotExist) {
		if _, err := replace(ctx, root, saltFile, string(s.salt), time.Time{}); err != nil {
			return nil, err
		}
	}
	return s.readSalt(root)
}

// unmarked tells of data that is written without its mark: whatever the
// reason, it is there.
func unmarked(err error) error {
	return &providers.Error{Provider: provider, Op: "put", Kind: providers.Transient,
		Err: fmt.Errorf("the file was written, its mark was not: %w", err)}
}

package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

var (
	_ providers.Remover  = (*Store)(nil)
	_ providers.Unmarker = (*Store)(nil)
)

// Remove implements providers.Remover. All of it happens under the exclusive
// lock. A file system keeps nothing of what is deleted, so the mark goes too.
func (s *Store) Remove(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	const op = "remove"
	if err := providers.Removable(d, seen); err != nil {
		return &providers.Error{Provider: provider, Op: op, Name: d.String(), Kind: providers.Invalid, Err: err, Hint: "look at the file, and remove it by hand"}
	}
	return s.fail(op, d.String(), s.writing(ctx, false, func(root *os.Root) error {
		before, err := s.asSeen(op, root, d, seen)
		if err != nil {
			return err
		}
		left, text := 0, providers.Secret{}
		if d.Field != "" {
			if text, left, err = providers.WithoutField(before.content, d.Field); err != nil {
				return err
			}
		}
		if left == 0 {
			if err := remove(root, d.Path); err != nil {
				return err
			}
			return remove(root, markFile(d.Path))
		}
		salt, err := s.keepSalt(ctx, root)
		if err != nil {
			return err
		}
		written, err := replace(ctx, root, d.Path, text.Expose(), before.written)
		if err != nil {
			return err
		}
		before.notes.take(d.Field, before.version, version(salt, text.Expose(), written))
		if err := s.keepNotes(ctx, root, d.Path, before.notes); err != nil {
			return unmarked(err)
		}
		return nil
	}))
}

// Undo implements providers.Remover.
func (s *Store) Undo(rotation.Destination) string {
	return "nothing brings it back: a directory keeps nothing of what is deleted"
}

// Unmark implements providers.Unmarker.
func (s *Store) Unmark(ctx context.Context, d rotation.Destination, seen rotation.Holding) error {
	const op = "unmark"
	return s.fail(op, d.String(), s.writing(ctx, false, func(root *os.Root) error {
		before, err := s.asSeen(op, root, d, seen)
		if _, marked := before.notes.Marks[d.Field]; err != nil || !marked {
			return err
		}
		delete(before.notes.Marks, d.Field)
		return s.keepNotes(ctx, root, d.Path, before.notes)
	}))
}

// asSeen returns what is there, if it is as it was seen.
func (s *Store) asSeen(op string, root *os.Root, d rotation.Destination, seen rotation.Holding) (sight, error) {
	before := sight{}
	if root != nil {
		var err error
		if before, err = s.see(root, d.Path); err != nil {
			return sight{}, err
		}
	}
	return before, before.unchanged(op, d, seen)
}

// keepNotes writes the marks of a secret, and where none is left removes their
// file.
func (s *Store) keepNotes(ctx context.Context, root *os.Root, secret string, n notes) error {
	if len(n.Marks) > 0 {
		return writeNotes(ctx, root, secret, n)
	}
	return remove(root, markFile(secret))
}

// remove deletes a file, which may be gone already, and has the disk know.
func remove(root *os.Root, name string) error {
	err := root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(root, path.Dir(name))
}

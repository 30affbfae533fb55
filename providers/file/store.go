package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

const provider = "file"

// Store is a directory of secrets. It is safe for concurrent use, by several
// processes too.
type Store struct {
	config Config
	path   string
	turn   chan struct{} // held by the one writer of this process
	salt   []byte        // of a directory that has none yet

	// What a test does when a Put has written its data and not its mark.
	beforeMark func() error
}

var (
	_ providers.SecretStore = (*Store)(nil)
	_ providers.Reader      = (*Store)(nil)
	_ providers.Lister      = (*Store)(nil)
)

// sight is one secret as it was read.
type sight struct {
	there   bool
	content string
	written time.Time
	version rotation.Version
	notes   notes
}

func (s *Store) see(root *os.Root, secret string) (sight, error) {
	salt, err := s.readSalt(root)
	if err != nil {
		return sight{}, err
	}
	marks, err := readNotes(root, secret)
	if err != nil {
		return sight{}, err
	}
	text, written, there, err := content(root, secret)
	if err != nil || !there {
		return sight{notes: marks}, err
	}
	return sight{there: true, content: text, written: written, version: version(salt, text, written), notes: marks}, nil
}

// holding returns what a sight means for one destination.
func (v sight) holding(field string) (rotation.Holding, error) {
	h := rotation.Holding{State: rotation.StateAbsent, Version: v.version}
	if !v.there {
		return h, nil
	}
	if field != "" {
		_, there, err := providers.Field(v.content, field)
		if err != nil && !errors.Is(err, providers.ErrFieldNoText) {
			return rotation.Holding{}, err
		}
		if !there {
			return h, nil
		}
	}
	switch n, marked := v.notes.Marks[field]; {
	case !marked:
		h.State = rotation.StateBare
	case n.Version == v.version:
		h.State, h.Mark = rotation.StateMarked, n.mark()
	default:
		h.State, h.Mark = rotation.StateEdited, n.mark()
	}
	return h, nil
}

// reading does something with the directory under its shared lock. A directory
// that is not there is nil: there is nothing in it.
func (s *Store) reading(ctx context.Context, do func(root *os.Root) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	root, err := s.open(false)
	if err != nil {
		return err
	}
	if root == nil {
		return do(nil)
	}
	defer root.Close()
	unlock, err := s.lock(ctx, root, false)
	if err != nil {
		return err
	}
	defer unlock()
	return do(root)
}

// Look implements providers.SecretStore.
func (s *Store) Look(ctx context.Context, d rotation.Destination) (rotation.Holding, error) {
	var h rotation.Holding
	err := s.Check(d, providers.Payload{})
	if err == nil {
		err = s.reading(ctx, func(root *os.Root) (err error) {
			h, err = s.lookIn(root, d)
			return err
		})
	}
	if err != nil {
		return rotation.Holding{}, s.fail("look", d.String(), err)
	}
	h.Fresh = true
	return h, nil
}

func (s *Store) lookIn(root *os.Root, d rotation.Destination) (rotation.Holding, error) {
	if root == nil {
		return rotation.Holding{State: rotation.StateAbsent}, nil
	}
	seen, err := s.see(root, d.Path)
	if err != nil {
		return rotation.Holding{}, err
	}
	return seen.holding(d.Field)
}

// Observe implements providers.SecretStore. A file is read to see whether it is
// the one that its mark speaks of; nothing of it is kept. One that cannot be
// read is left out, told at the end, and the rest is still seen. What a crash
// left behind is removed.
func (s *Store) Observe(ctx context.Context, ds []rotation.Destination, yield func(rotation.Destination, rotation.Holding) error) error {
	if len(ds) == 0 {
		return nil
	}
	s.clean(ctx)
	var failed []error
	var stopped error
	err := s.reading(ctx, func(root *os.Root) error {
		for _, d := range ds {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := s.Check(d, providers.Payload{})
			var h rotation.Holding
			if err == nil {
				h, err = s.lookIn(root, d)
			}
			if err != nil {
				failed = append(failed, s.fail("observe", d.String(), err))
				continue
			}
			if stopped = yield(d, h); stopped != nil {
				return nil
			}
		}
		return nil
	})
	switch {
	case stopped != nil:
		return stopped
	case err != nil:
		failed = append(failed, s.fail("observe", "", err))
	}
	return errors.Join(failed...)
}

// clean removes what a crash left behind, unless a write is under way.
func (s *Store) clean(ctx context.Context) {
	root, err := s.open(false)
	if err != nil || root == nil {
		return
	}
	defer root.Close()
	if _, err := root.Lstat(newFile); err != nil {
		return
	}
	now, cancel := context.WithCancel(ctx)
	cancel() // one try: whoever writes now cleans up itself
	if unlock, err := s.lock(now, root, true); err == nil {
		_ = root.Remove(newFile)
		unlock()
	}
}

// Read implements providers.Reader. Only the current version can be read.
func (s *Store) Read(ctx context.Context, d rotation.Destination, v rotation.Version) (providers.Secret, error) {
	const op = "read"
	missing := &providers.Error{Provider: provider, Op: op, Name: d.String(), Kind: providers.NotFound, Err: fs.ErrNotExist}
	if err := s.Check(d, providers.Payload{}); err != nil {
		return providers.Secret{}, err
	}
	var value providers.Secret
	err := s.reading(ctx, func(root *os.Root) error {
		if root == nil {
			return missing
		}
		seen, err := s.see(root, d.Path)
		if err != nil {
			return err
		}
		if !seen.there || v != "" && v != seen.version {
			return missing
		}
		value = providers.NewSecret(seen.content)
		if d.Field == "" {
			return nil
		}
		there := false
		if value, there, err = providers.Field(seen.content, d.Field); err == nil && !there {
			return missing
		}
		return err
	})
	if err != nil {
		return providers.Secret{}, s.fail(op, d.String(), err)
	}
	return value, nil
}

package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// open opens the directory if it is ours alone. It returns nil if it is not
// there and create is false.
func (s *Store) open(create bool) (*os.Root, error) {
	if !supported {
		return nil, errors.ErrUnsupported
	}
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(s.path)); errors.Is(err, fs.ErrNotExist) {
			return nil, errNoParent
		}
		if !create {
			return nil, nil
		}
		if err = os.Mkdir(s.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		info, err = os.Stat(s.path)
	}
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(s.path)
	if err != nil {
		if !info.IsDir() {
			return nil, errNoFolder
		}
		return nil, err
	}
	// Judged by what was opened, which another may have put there meanwhile.
	if info, err = root.Stat("."); err == nil {
		switch {
		case info.Mode().Perm()&0o077 != 0:
			err = fmt.Errorf("%w: its mode is %04o", errOpen, info.Mode().Perm())
		case !owned(info):
			err = errNotOurs
		}
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

// pause between two tries to take a lock that another process has.
const pause = 5 * time.Millisecond

// lock takes the directory's lock, and returns what gives it back. Where the
// lock's file is not there, nothing of ours is yet, and a reader needs none.
func (s *Store) lock(ctx context.Context, root *os.Root, exclusive bool) (func(), error) {
	if exclusive {
		if err := root.Mkdir(beside, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	how := os.O_RDONLY
	if exclusive {
		how = os.O_RDWR | os.O_CREATE
	}
	f, err := root.OpenFile(lockFile, how, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	for {
		taken, err := tryLock(f, exclusive)
		if err == nil && !taken {
			select {
			case <-ctx.Done():
				err = fmt.Errorf("another process has the directory: %w", ctx.Err())
			case <-time.After(pause):
				continue
			}
		}
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		return func() { _ = f.Close() }, nil
	}
}

// readSalt returns the directory's salt, or what it will be.
func (s *Store) readSalt(root *os.Root) ([]byte, error) {
	salt, err := root.ReadFile(saltFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s.salt, nil
	}
	return salt, err
}

// content reads a secret, and says when it was written; ok is false if it is
// not there.
func content(root *os.Root, secret string) (text string, written time.Time, ok bool, err error) {
	info, err := root.Lstat(secret)
	if errors.Is(err, fs.ErrNotExist) {
		return "", time.Time{}, false, nil
	}
	if err != nil {
		return "", time.Time{}, false, err
	}
	if !info.Mode().IsRegular() {
		return "", time.Time{}, false, fmt.Errorf("%w, but %s", errOdd, info.Mode().Type())
	}
	f, err := root.Open(secret)
	if err != nil {
		return "", time.Time{}, false, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return "", time.Time{}, false, err
	}
	all, err := io.ReadAll(io.LimitReader(f, valueMax+1))
	if err == nil && len(all) > valueMax {
		err = errLarge
	}
	return string(all), info.ModTime(), err == nil, err
}

// replace writes a file as a whole: a reader finds the old content or the new,
// and so does whoever comes after a crash. It returns the time that the file
// bears, which is later than before even where the clock is coarse. The caller
// has the exclusive lock.
func replace(ctx context.Context, root *os.Root, name, text string, before time.Time) (time.Time, error) {
	f, err := root.OpenFile(newFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return time.Time{}, err
	}
	_, err = f.WriteString(text)
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr); err == nil && !info.ModTime().After(before) {
		next := before.Add(time.Microsecond)
		if err = root.Chtimes(newFile, next, next); err == nil {
			info, err = f.Stat()
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = makeDir(root, path.Dir(name))
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = root.Rename(newFile, name)
	}
	if err != nil {
		return time.Time{}, errors.Join(err, root.Remove(newFile))
	}
	if err = syncDir(root, path.Dir(name)); err != nil {
		// Renamed it is: whatever the reason, the effect is not known to last.
		err = &providers.Error{Provider: provider, Op: "put", Name: name, Kind: providers.Transient, Err: err}
	}
	return info.ModTime(), err
}

// makeDir makes a folder and those above it, and has the disk know of each.
func makeDir(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	if info, err := root.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := makeDir(root, path.Dir(dir)); err != nil {
		return err
	}
	if err := root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(root, path.Dir(dir))
}

func syncDir(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

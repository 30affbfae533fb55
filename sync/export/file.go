package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// fileMode is that of a file that is made here. One that is there keeps its
// own, which may let a shipper of logs read it.
const fileMode = 0o600

// File appends lines to a file, each durable before it counts as sent. A file
// that was moved or removed meanwhile, as by the rotation of logs, is made anew;
// one that was cut to nothing goes on. It is safe for concurrent use.
type File struct {
	path string

	mu     sync.Mutex
	opened *os.File
	torn   bool // a write failed: the file may end in half a line
}

// NewFile makes a target of a file. Nothing is opened yet.
func NewFile(path string) *File { return &File{path: path} }

// Send appends items, and returns once they are on the disk.
func (f *File) Send(_ context.Context, items []Item) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return fmt.Errorf("opening %s: %w: does its directory exist, and may keyrota write there?", f.path, err)
	}
	var text []byte
	if f.torn { // whatever reads it skips half a line, and then gets it whole
		text = append(text, '\n')
	}
	for _, item := range items {
		text = append(append(text, item.Body...), '\n')
	}
	f.torn = true
	if _, err := f.opened.Write(text); err != nil {
		return fmt.Errorf("appending to %s: %w: is the disk full?", f.path, err)
	}
	if err := f.opened.Sync(); err != nil {
		return fmt.Errorf("appending to %s: %w", f.path, err)
	}
	f.torn = false
	return nil
}

// Close lets go of the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opened == nil {
		return nil
	}
	err := f.opened.Close()
	f.opened = nil
	return err
}

// open has the file at the path open, whatever was open before.
func (f *File) open() error {
	there, err := os.Stat(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	missing := err != nil
	if f.opened != nil && !missing {
		if is, err := f.opened.Stat(); err == nil && os.SameFile(is, there) {
			return nil
		}
	}
	if f.opened != nil {
		_ = f.opened.Close() // all that was written is on the disk
		f.opened = nil
	}
	opened, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	if missing {
		err = syncDirectory(filepath.Dir(f.path))
	}
	if err == nil {
		f.torn, err = endsTorn(opened)
	}
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	f.opened = opened
	return nil
}

// endsTorn reports whether a file ends in half a line: whoever wrote it was
// killed meanwhile.
func endsTorn(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}

// syncDirectory makes the name of a new file durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

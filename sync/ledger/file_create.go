package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// create makes the file under another name and links it to its place: it is
// there whole, with its id, or not at all.
func (f *file) create(ctx context.Context, fill func(context.Context, session) error) (made bool, err error) {
	if there, err := f.there(ctx); err != nil || there {
		return false, err
	}
	// SQLite would play the log of the old ledger into the new one.
	if _, err := os.Stat(f.path + "-wal"); err == nil {
		return false, refuse(f, ErrDamaged, "the file is gone, but its log "+filepath.Base(f.path)+"-wal is there", hintDamaged)
	}
	dir := filepath.Dir(f.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, explain(f, "make its directory", err)
	}
	return f.place(f.path, "create it", func(draft string) (err error) {
		back := &file{path: draft}
		db, err := back.connect(readWrite)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		if err := migrate(ctx, back, db); err != nil {
			return err
		}
		return fill(ctx, session{db, back})
	})
}

// backup copies the whole file beside it.
func (f *file) backup(ctx context.Context, db *sql.DB, version int64, now time.Time) (string, error) {
	to := fmt.Sprintf("%s.schema-%d.%s", f.path, version, now.UTC().Format("20060102T150405Z"))
	_, err := f.place(to, "copy it before its schema changes", func(draft string) error {
		_, err := db.ExecContext(ctx, `VACUUM INTO ?`, draft)
		return err
	})
	return to, err
}

// place makes a file, whole or not at all; false: there was one already. fill
// is given an empty file that nobody else knows.
func (f *file) place(to, doing string, fill func(draft string) error) (made bool, _ error) {
	dir := filepath.Dir(to)
	work, err := os.MkdirTemp(dir, ".ledger-new-*")
	if err != nil {
		return false, explain(f, doing, err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // what is left behind is nobody's ledger
	draft := filepath.Join(work, "ledger")
	if err := os.WriteFile(draft, nil, 0o600); err != nil {
		return false, explain(f, doing, err)
	}
	if err := fill(draft); err != nil {
		return false, explain(f, doing, err)
	}
	if err := flush(draft); err != nil {
		return false, explain(f, doing, err)
	}
	switch err := os.Link(draft, to); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ledger %s: %s: put it in its place: %w: %s", f.path, doing, err, hintDisk)
	}
	if err := flush(dir); err != nil {
		return false, explain(f, doing, err)
	}
	return true, nil
}

// flush makes a file, or a new name in a directory, survive a power failure.
func flush(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

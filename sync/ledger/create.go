package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// locate returns the one name of a ledger, whatever links lead to it, so that
// everyone looks for the same files beside it.
func locate(path string) (string, error) {
	if path == "" {
		return "", errors.New("ledger: no path: name the file that holds it")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("ledger %s: %w", path, err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path)), nil
	}
	return path, nil
}

// present reports whether there is a ledger file, and refuses what cannot be one.
func present(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, explain(path, "look for it", err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("ledger %s: not a file: name a file in a directory of its own", path)
	case info.Size() == 0:
		return false, refuse(path, ErrDamaged, "the file is empty", hintDamaged)
	}
	return true, nil
}

// create makes an empty ledger unless there is one. It appears whole, with its
// id, or not at all; of several who create it at once one wins.
func create(ctx context.Context, path string, o Options) (made bool, err error) {
	if there, err := present(path); err != nil || there {
		return false, err
	}
	// SQLite would play the log of the old ledger into the new one.
	if _, err := os.Stat(path + "-wal"); err == nil {
		return false, refuse(path, ErrDamaged, "the file is gone, but its log "+filepath.Base(path)+"-wal is there", hintDamaged)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, explain(path, "make its directory", err)
	}
	work, err := os.MkdirTemp(dir, ".ledger-new-*")
	if err != nil {
		return false, explain(path, "create it", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // what is left behind is an empty ledger nobody refers to
	draft := filepath.Join(work, "ledger")
	if err := fill(ctx, draft, o); err != nil {
		return false, explain(path, "create it", err)
	}
	switch err := os.Link(draft, path); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ledger %s: put it in its place: %w: %s", path, err, hintDisk)
	}
	if err := flush(dir); err != nil {
		return false, explain(path, "put it in its place", err)
	}
	return true, nil
}

// fill makes a ledger with its schema and its id where nobody else looks.
func fill(ctx context.Context, draft string, o Options) (err error) {
	f, err := os.OpenFile(draft, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	id, err := newID(o.Rand)
	if err != nil {
		return err
	}
	db, err := connect(draft, readWrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	steps, err := embedded()
	if err != nil {
		return err
	}
	if err := migrate(ctx, db, draft, steps); err != nil {
		return err
	}
	start := genesis(id)
	_, err = db.ExecContext(ctx,
		`INSERT INTO ledger_meta (only_row, id, instance, created, head_seq, head_hash) VALUES (1, ?, ?, ?, 0, ?)`,
		id, o.Instance, stamp(o.Now()), start[:])
	return err
}

// newID returns 80 random bits as 16 lower-case letters and digits: short
// enough for a mark, and never met twice.
func newID(random io.Reader) (string, error) {
	var b [10]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:])), nil
}

// genesis is the hash before the first event. It binds the chain to its ledger.
func genesis(id string) Hash { return sha256.Sum256([]byte(id)) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// flush makes a new name in a directory survive a power failure.
func flush(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

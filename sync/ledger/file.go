package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

const (
	// busyTimeout is how long one statement waits for another process to
	// finish writing.
	busyTimeout = 10 * time.Second
	// connections serve readers beside the one writer.
	connections = 4
	// checkUpTo is the size in bytes up to which all pages are checked when
	// opening for writing: fractions of a second. A bigger ledger is checked
	// where it is read.
	checkUpTo = 32 << 20
)

// file is a ledger in an SQLite database of its own.
type file struct {
	path string
	info os.FileInfo // of what was opened; nil before
}

// fileAt returns the file by its one name, whatever links lead to it, so that
// everyone looks for the same files beside it.
func fileAt(path string) (*file, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return &file{path: real}, nil
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return &file{path: filepath.Join(dir, filepath.Base(path))}, nil
	}
	return &file{path: path}, nil
}

func (f *file) name() string { return f.path }

func (f *file) shared() bool { return false }

// there refuses what cannot be a ledger.
func (f *file) there(context.Context) (bool, error) {
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, explain(f, "look for it", err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("ledger %s: not a file: name a file in a directory of its own", f.path)
	case info.Size() == 0:
		return false, refuse(f, ErrDamaged, "the file is empty", hintDamaged)
	}
	return true, nil
}

func (f *file) connect(m mode) (*sql.DB, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	f.info = info
	query := "mode=" + string(m) +
		"&_pragma=" + url.QueryEscape("busy_timeout("+strconv.FormatInt(busyTimeout.Milliseconds(), 10)+")") +
		"&_txlock=immediate&_dqs=0&_error_rc=1&_defensive=1&_foreign_keys=on"
	if m == readWrite {
		// FULL: a save is on the disk when Save returns. With WAL, NORMAL
		// would lose the last ones when the power fails (sqlite.org, "PRAGMA
		// synchronous").
		query += "&_journal_mode=WAL&_synchronous=FULL"
	} else {
		query += "&_query_only=on"
	}
	c, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: f.path, RawQuery: query}).String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (f *file) check(ctx context.Context, db *sql.DB) error {
	if f.info.Size() <= checkUpTo {
		var found string
		if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
			return explain(f, "check its pages", err)
		}
		if found != "ok" {
			return refuse(f, ErrDamaged, found, hintDamaged)
		}
	}
	// Without a log, readers and the writer would wait for each other.
	var journal string
	if err := db.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal); err != nil {
		return explain(f, "read its journal mode", err)
	}
	if journal != "wal" {
		return fmt.Errorf("ledger %s: the file system does not allow a write-ahead log (journal mode %q): %s", f.path, journal, hintDisk)
	}
	return nil
}

func (f *file) opened(context.Context) error {
	info, err := os.Stat(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain(f, "look for it", err)
	}
	if err != nil || !os.SameFile(info, f.info) {
		return replaced(f)
	}
	return nil
}

// still reports whether nobody seems to write the file.
func (f *file) still() bool {
	info, err := os.Stat(f.path + "-wal")
	return err != nil || info.Size() == 0
}

func (f *file) migrations() (fs.FS, goose.Dialect, error) {
	steps, err := fs.Sub(migrations, "migrations/sqlite")
	return steps, goose.DialectSQLite3, err
}

// alone: SQLite lets one process write at a time as it is.
func (f *file) alone(ctx context.Context, _ *sql.DB, do func(context.Context) error) error {
	return do(ctx)
}

func (f *file) bind(query string) string { return query }

func (f *file) hasTable() string {
	return `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)`
}

// lockHead: a transaction that writes begins immediate (_txlock).
func (f *file) lockHead() string { return "" }

// clock: all who use a file are on one machine.
func (f *file) clock(now func() time.Time) string { return strconv.FormatInt(now().UnixMicro(), 10) }

// within: no answer is on its way through a network.
func (f *file) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func (f *file) passing(error) bool { return false }

func (f *file) snapshot() (options *sql.TxOptions, first string) {
	return &sql.TxOptions{ReadOnly: true}, ""
}

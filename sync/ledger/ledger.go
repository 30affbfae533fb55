package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"time"

	"modernc.org/sqlite"
)

// Options say for whom a ledger is opened.
type Options struct {
	// Instance is the name in every label and mark. A new ledger is bound to
	// it; a ledger of another instance is refused. Open requires it;
	// OpenReadOnly checks it where it is given.
	Instance string
	// By says who acts, for people: it is stored with every event. Claimed,
	// not proven: "engine on keyrota-0", "alice on laptop".
	By string
	// Now is the clock for the times of records and events; nil: time.Now.
	Now func() time.Time
	// Rand is where the id of a new ledger comes from; nil: crypto/rand.
	Rand io.Reader
}

func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

// Ledger is an open ledger. It may be used from several goroutines, and by
// several processes at once.
type Ledger struct {
	path     string
	opened   os.FileInfo
	db       *sql.DB
	id       string
	instance string
	by       string
	made     bool
	mode     mode
	now      func() time.Time
	// turn lets the writers of this process queue, where SQLite would let
	// them poll.
	turn chan struct{}
}

type mode string

const (
	readWrite mode = "rw"
	readOnly  mode = "ro"
	// readStill is for a file that nobody writes, in a place where not even
	// SQLite's own files can be made beside it.
	readStill mode = "ro&immutable=1"
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

// Open opens the ledger at path for reading and writing, and makes it, with
// its directory (mode 0700), where there is none. It brings an older schema up
// to date. It refuses with ErrDamaged, ErrNewer, ErrInstance, ErrDenied and
// ErrFull.
func Open(ctx context.Context, path string, o Options) (*Ledger, error) {
	o = o.filled()
	path, err := locate(path)
	if err != nil {
		return nil, err
	}
	if o.Instance == "" {
		return nil, fmt.Errorf("ledger %s: no instance given: write `instance: NAME` in the configuration", path)
	}
	made, err := create(ctx, path, o)
	if err != nil {
		return nil, err
	}
	l, err := open(ctx, path, o, readWrite)
	if err != nil {
		return nil, err
	}
	l.made = made
	return l, nil
}

// OpenReadOnly opens the ledger at path for reading. It works while an engine
// runs, also while that engine hangs, and makes no ledger: where there is
// none it answers ErrMissing. It refuses like Open, and with ErrOlder where
// Open would migrate.
func OpenReadOnly(ctx context.Context, path string, o Options) (*Ledger, error) {
	o = o.filled()
	path, err := locate(path)
	if err != nil {
		return nil, err
	}
	there, err := present(path)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("ledger %s: %w: `keyrota sync` and `keyrota run` make one", path, ErrMissing)
	}
	l, err := open(ctx, path, o, readOnly)
	if err == nil || !errors.Is(err, ErrDenied) {
		return l, err
	}
	if info, stat := os.Stat(path + "-wal"); stat == nil && info.Size() > 0 {
		return nil, err
	}
	if still, again := open(ctx, path, o, readStill); again == nil {
		return still, nil
	}
	return nil, err
}

func open(ctx context.Context, path string, o Options, m mode) (_ *Ledger, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, explain(path, "open it", err)
	}
	db, err := connect(path, m)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	steps, err := embedded()
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	older, err := checkSchema(ctx, db, path, steps)
	if err != nil {
		return nil, err
	}
	if m == readWrite {
		if info.Size() <= checkUpTo {
			if err := checkPages(ctx, db, path); err != nil {
				return nil, err
			}
		}
		if err := checkLog(ctx, db, path); err != nil {
			return nil, err
		}
	}
	switch {
	case older && m == readWrite:
		if err := migrate(ctx, db, path, steps); err != nil {
			return nil, err
		}
	case older:
		return nil, fmt.Errorf("ledger %s: %w: its schema is brought up to date by `keyrota run` or `keyrota sync`", path, ErrOlder)
	}
	l := &Ledger{path: path, opened: info, db: db, by: o.By, mode: m, now: o.Now, turn: make(chan struct{}, 1)}
	switch err := db.QueryRowContext(ctx, `SELECT id, instance FROM ledger_meta`).Scan(&l.id, &l.instance); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, refuse(path, ErrDamaged, "it has lost its id", hintDamaged)
	case err != nil:
		return nil, explain(path, "read its id", err)
	}
	if o.Instance != "" && o.Instance != l.instance {
		return nil, refuse(path, ErrInstance,
			fmt.Sprintf("it belongs to instance %q, the configuration says %q", l.instance, o.Instance),
			"an instance never changes its name, since it stands in every label and mark: write the old name back, "+
				"or give the new instance a ledger of its own")
	}
	return l, nil
}

// connect opens no connection yet.
func connect(path string, m mode) (*sql.DB, error) {
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
	c, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: query}).String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func checkPages(ctx context.Context, db *sql.DB, path string) error {
	var found string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return explain(path, "check its pages", err)
	}
	if found != "ok" {
		return refuse(path, ErrDamaged, found, hintDamaged)
	}
	return nil
}

// checkLog makes sure that readers and the writer do not wait for each other.
func checkLog(ctx context.Context, db *sql.DB, path string) error {
	var journal string
	if err := db.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal); err != nil {
		return explain(path, "read its journal mode", err)
	}
	if journal != "wal" {
		return fmt.Errorf("ledger %s: the file system does not allow a write-ahead log (journal mode %q): %s", path, journal, hintDisk)
	}
	return nil
}

// ID is the ledger's id, drawn when it was made: it tells a lost ledger from a
// second one.
func (l *Ledger) ID() string { return l.id }

// Instance is the instance that the ledger belongs to.
func (l *Ledger) Instance() string { return l.instance }

// Path is the absolute name of the ledger's file.
func (l *Ledger) Path() string { return l.path }

// New reports whether this Open made the ledger. The accounts are then
// recovered from labels and marks.
func (l *Ledger) New() bool { return l.made }

// DB is the database that the ledger lives in, for others who keep tables in
// the same file. Every transaction begun on it takes the write lock at once,
// unless begun as read-only. Close closes it.
func (l *Ledger) DB() *sql.DB { return l.db }

// Close lets go of the file.
func (l *Ledger) Close() error {
	if err := l.db.Close(); err != nil {
		return explain(l.path, "close it", err)
	}
	return nil
}

// Ping reports whether the ledger answers, and is still the file at its path:
// after someone moved it away, what is saved would be lost.
func (l *Ledger) Ping(ctx context.Context) error {
	var id string
	if err := l.db.QueryRowContext(ctx, `SELECT id FROM ledger_meta`).Scan(&id); err != nil {
		return explain(l.path, "ask it", err)
	}
	info, err := os.Stat(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain(l.path, "look for it", err)
	}
	if err != nil || !os.SameFile(info, l.opened) || id != l.id {
		return fmt.Errorf("ledger %s: the file was replaced or moved away while it was open: put it back, or restart keyrota "+
			"to go on with what is there now", l.path)
	}
	return nil
}

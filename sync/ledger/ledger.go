package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"
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
	// Config is the digest of the configuration that is acted by, stored with
	// every event; empty: not known.
	Config string
	// Now is the clock for the times of records and events; nil: time.Now.
	Now func() time.Time
	// Rand is where ids come from; nil: crypto/rand.
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
	back     backend
	db       *sql.DB
	id       string
	instance string
	by       string
	config   string
	made     bool
	copied   string
	mode     mode
	now      func() time.Time
	rand     io.Reader
	// turn lets the writers of this process queue, where the database would
	// let them poll or hold a connection each.
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

// Open opens the ledger at a place, the path of a file, for reading and
// writing, and makes it where there is none. It brings an older schema up to
// date, after a copy of the ledger was made: see Copied. It refuses with
// ErrDamaged, ErrNewer, ErrInstance, ErrDenied and ErrFull.
func Open(ctx context.Context, at string, o Options) (*Ledger, error) {
	o = o.filled()
	back, err := locate(at)
	if err != nil {
		return nil, err
	}
	if o.Instance == "" {
		return nil, fmt.Errorf("ledger %s: no instance given: write `instance: NAME` in the configuration", back.name())
	}
	made, err := back.create(ctx, func(ctx context.Context, s session) error {
		id, err := newID(o.Rand)
		if err != nil {
			return err
		}
		return begin(ctx, s, id, o.Instance, o.Now())
	})
	if err != nil {
		return nil, err
	}
	l, err := open(ctx, back, o, readWrite)
	if err != nil {
		return nil, err
	}
	l.made = made
	return l, nil
}

// OpenReadOnly opens the ledger at a place for reading. It works while an
// engine runs, also while that engine hangs, and makes no ledger: where there
// is none it answers ErrMissing. It refuses like Open, and with ErrOlder where
// Open would migrate.
func OpenReadOnly(ctx context.Context, at string, o Options) (*Ledger, error) {
	o = o.filled()
	back, err := locate(at)
	if err != nil {
		return nil, err
	}
	there, err := back.there(ctx)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("ledger %s: %w: `keyrota sync` and `keyrota run` make one", back.name(), ErrMissing)
	}
	l, err := open(ctx, back, o, readOnly)
	if err == nil || !errors.Is(err, ErrDenied) || !back.still() {
		return l, err
	}
	if still, again := open(ctx, back, o, readStill); again == nil {
		return still, nil
	}
	return nil, err
}

func open(ctx context.Context, back backend, o Options, m mode) (_ *Ledger, err error) {
	db, err := back.connect(m)
	if err != nil {
		return nil, explain(back, "open it", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	l := &Ledger{
		back: back, db: db, by: o.By, config: o.Config, mode: m, now: o.Now, rand: o.Rand, turn: make(chan struct{}, 1),
	}
	older, err := checkSchema(ctx, back, db)
	if err != nil {
		return nil, err
	}
	if m == readWrite {
		if err := back.check(ctx, db); err != nil {
			return nil, err
		}
	}
	switch {
	case older && m == readWrite:
		if l.copied, err = upgrade(ctx, back, db, o.Now); err != nil {
			return nil, err
		}
	case older:
		return nil, fmt.Errorf("ledger %s: %w: its schema is brought up to date by `keyrota run` or `keyrota sync`", back.name(), ErrOlder)
	}
	err = l.read(ctx, "read its id", func(ctx context.Context, s session) error {
		return s.row(ctx, `SELECT id, instance FROM ledger_meta`).Scan(&l.id, &l.instance)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, refuse(back, ErrDamaged, "it has lost its id", hintDamaged)
	case err != nil:
		return nil, err
	}
	return l, sameInstance(back, l.instance, o.Instance)
}

// sameInstance refuses a ledger of another instance than the one asked for.
func sameInstance(back backend, is, want string) error {
	if want == "" || want == is {
		return nil
	}
	return refuse(back, ErrInstance, fmt.Sprintf("it belongs to instance %q, the configuration says %q", is, want),
		"an instance never changes its name, since it stands in every label and mark: write the old name back, "+
			"or give the new instance a ledger of its own")
}

// ForConfig returns the same ledger for one who acts by another configuration:
// what it saves bears that digest. Close only the one that was opened.
func (l *Ledger) ForConfig(digest string) *Ledger {
	other := *l
	other.config = digest
	return &other
}

// ID is the ledger's id, drawn when it was made: it tells a lost ledger from a
// second one.
func (l *Ledger) ID() string { return l.id }

// Instance is the instance that the ledger belongs to.
func (l *Ledger) Instance() string { return l.instance }

// Name tells people which ledger it is. It holds no password.
func (l *Ledger) Name() string { return l.back.name() }

// Path is the absolute name of the ledger's file; empty where it is none.
func (l *Ledger) Path() string {
	if f, ok := l.back.(*file); ok {
		return f.path
	}
	return ""
}

// Shared reports whether several engines may work on the ledger at once.
func (l *Ledger) Shared() bool { return l.back.shared() }

// New reports whether this Open made the ledger. The accounts are then
// recovered from labels and marks.
func (l *Ledger) New() bool { return l.made }

// Copied says where this Open left a copy of the ledger before it changed the
// schema; empty: it changed nothing. The copy stays until a person removes it.
func (l *Ledger) Copied() string { return l.copied }

// DB is the database that the ledger lives in, for others who keep tables in
// the same one. On SQLite every transaction begun on it takes the write lock at
// once, unless begun as read-only. Close closes it.
func (l *Ledger) DB() *sql.DB { return l.db }

// Close lets go of the database.
func (l *Ledger) Close() error { return explain(l.back, "close it", l.db.Close()) }

// Ping reports whether the ledger answers, and is still the one that was
// opened: after someone moved a file away, what is saved would be lost.
func (l *Ledger) Ping(ctx context.Context) error {
	var id string
	err := l.read(ctx, "ask it", func(ctx context.Context, s session) error {
		return s.row(ctx, `SELECT id FROM ledger_meta`).Scan(&id)
	})
	if err != nil {
		return err
	}
	if err := l.back.opened(ctx); err != nil {
		return err
	}
	if id != l.id {
		return replaced(l.back)
	}
	return nil
}

func replaced(back backend) error {
	return fmt.Errorf("ledger %s: it was replaced or moved away while it was open: put it back, or restart keyrota "+
		"to go on with what is there now", back.name())
}

// Writable reports whether the ledger can be written now. It writes nothing.
func (l *Ledger) Writable(ctx context.Context) error {
	err := l.write(ctx, "write to it", func(context.Context, session) error { return errNothing })
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// errNothing undoes a transaction in which nothing was done.
var errNothing = errors.New("nothing to save")

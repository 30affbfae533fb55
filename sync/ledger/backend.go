package ledger

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

// backend is a database that a ledger can live in. What a ledger does is
// written once, over database/sql; a backend has only what must differ.
type backend interface {
	// name tells people which ledger it is. No password is in it.
	name() string
	// shared reports whether several engines may work on the ledger.
	shared() bool

	// there reports whether there is a ledger. It writes nothing.
	there(ctx context.Context) (bool, error)
	// create makes a ledger where there is none: its schema, and what fill
	// puts into it, whole or not at all. Of several who do so at once one wins.
	create(ctx context.Context, fill func(context.Context, session) error) (made bool, err error)
	// connect opens no connection yet.
	connect(m mode) (*sql.DB, error)
	// check refuses a database that cannot be relied on.
	check(ctx context.Context, db *sql.DB) error
	// opened reports whether the open ledger still is the one at its place.
	opened(ctx context.Context) error

	// still reports whether, where nothing may be written, readStill can help.
	still() bool

	// migrations are the steps to this program's schema, in goose's form.
	migrations() (fs.FS, goose.Dialect, error)
	// alone has f run while no other process migrates.
	alone(ctx context.Context, db *sql.DB, f func(context.Context) error) error
	// backup copies the ledger before its schema changes, and says where to.
	backup(ctx context.Context, db *sql.DB, version int64, now time.Time) (string, error)

	// bind writes the parameters of a query, each a ?, as the database does.
	bind(query string) string
	// hasTable is a query for whether there is a table of a name, its parameter.
	hasTable() string
	// lockHead is a statement that keeps other writers out until the transaction
	// ends; empty: its beginning did.
	lockHead() string
	// clock is an expression: the time that all who use the ledger share, in
	// microseconds since 1970.
	clock(now func() time.Time) string
	// within bounds one exchange with the database.
	within(ctx context.Context) (context.Context, context.CancelFunc)
	// snapshot is how a transaction begins that reads the ledger as of one
	// moment, for as long as it likes, and its first statement, if any.
	snapshot() (options *sql.TxOptions, first string)
	// classify tells what an error of the database means, and what to do.
	classify(err error) (kind error, hint string)
	// passing reports whether an error is that the database was not reached, or
	// gave up for others: the same may work in a moment.
	passing(err error) bool

	// engage and engines: see Ledger.
	engage(ctx context.Context, l *Ledger, id, name, version string) (release func() error, err error)
	engines(ctx context.Context, l *Ledger) ([]Engine, error)
}

// locate returns the backend for a place as a person writes it.
func locate(at string) (backend, error) {
	if at == "" {
		return nil, errors.New("ledger: no place: name the file that holds it")
	}
	if isURL(at) {
		return serverAt(at)
	}
	return fileAt(at)
}

// session is where statements are run: a database, or a transaction in it.
type session struct {
	on interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
	back backend
}

// exec runs a statement and returns how many rows it changed.
func (s session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.on.ExecContext(ctx, s.back.bind(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row runs a query for one row.
func (s session) row(ctx context.Context, query string, args ...any) *sql.Row {
	return s.on.QueryRowContext(ctx, s.back.bind(query), args...)
}

// each runs a query and calls f for every row.
func (s session) each(ctx context.Context, f func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := s.on.QueryContext(ctx, s.back.bind(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

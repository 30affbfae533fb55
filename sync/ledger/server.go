package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	// answerWithin is how long one exchange with the server may take before it
	// counts as lost: a connection of which only one end knows that it is gone
	// holds nobody up for longer.
	answerWithin = 30 * time.Second
	// connectWithin bounds the making of a connection, where the URL does not.
	connectWithin = 10 * time.Second
	// aliveWithin is how long a connection that was not used for a while may
	// take to prove itself before another is made.
	aliveWithin = 3 * time.Second
	idleFor     = time.Second

	// serverSession is what the server holds every connection to. A process that is
	// stopped in the middle of a save would keep all others out, and is cut off
	// before they give up waiting. What was saved is on the disk.
	serverSession = `SET statement_timeout = '25s'; SET lock_timeout = '20s'; ` +
		`SET idle_in_transaction_session_timeout = '10s'; SET synchronous_commit = on`
	serverReadOnly = `; SET default_transaction_read_only = on`
)

// server is a ledger in a PostgreSQL database. Its tables are in the schema
// that the connection's search_path names first.
type server struct {
	config *pgx.ConnConfig
	label  string
	answer time.Duration // see answerWithin
}

// isURL reports whether a place is that of a server.
func isURL(at string) bool {
	return strings.HasPrefix(at, "postgres://") || strings.HasPrefix(at, "postgresql://")
}

// serverAt reads a URL, and what libpq's variables and files add to it. Errors
// hold nothing of the URL, as there may be a password in it.
func serverAt(at string) (*server, error) {
	const hint = "write postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full"
	u, err := url.Parse(at)
	if err != nil {
		return nil, errors.New("ledger: the URL of its PostgreSQL server cannot be read: " + hint)
	}
	s := &server{label: label(u), answer: answerWithin}
	if s.config, err = pgx.ParseConfig(at); err != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			return nil, fmt.Errorf("ledger %s: a file that is named for the connection cannot be read: %w", s.label, path)
		}
		return nil, fmt.Errorf("ledger %s: the URL, or one of the PG… variables, cannot be used: %s", s.label, hint)
	}
	if s.config.ConnectTimeout == 0 {
		s.config.ConnectTimeout = connectWithin
	}
	// A server that is gone is noticed while its answer is waited for, too.
	alive := net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}
	s.config.DialFunc = (&net.Dialer{KeepAliveConfig: alive}).DialContext
	if _, named := s.config.RuntimeParams["application_name"]; !named {
		s.config.RuntimeParams["application_name"] = "keyrota"
	}
	return s, nil
}

// label is a URL as people are shown it: where, and as whom, and nothing else.
func label(u *url.URL) string {
	shown := url.URL{Scheme: "postgres", Host: u.Host, Path: u.Path}
	if name := u.User.Username(); name != "" {
		shown.User = url.User(name)
	}
	query := url.Values{}
	for _, name := range []string{"host", "port", "dbname", "user", "service", "search_path"} {
		if v := u.Query().Get(name); v != "" {
			query.Set(name, v)
		}
	}
	shown.RawQuery = query.Encode()
	return shown.String()
}

// NameOf tells people of which ledger a configuration speaks: the path, or the
// URL without what may be a password.
func NameOf(at string) string {
	if !isURL(at) {
		return at
	}
	u, err := url.Parse(at)
	if err != nil {
		return "postgres://…"
	}
	return label(u)
}

func (v *server) name() string { return v.label }

func (v *server) shared() bool { return true }

func (v *server) still() bool { return false }

func (v *server) connect(m mode) (*sql.DB, error) {
	first := serverSession
	if m != readWrite {
		first += serverReadOnly
	}
	db := stdlib.OpenDB(*v.config,
		stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, first, pgx.QueryExecModeSimpleProtocol)
			return err
		}),
		stdlib.OptionShouldPing(gone),
	)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// gone reports whether a connection that was not used for a while is of no use
// any more. It is closed then, so that the driver's own look fails at once.
func gone(ctx context.Context, p stdlib.ShouldPingParams) bool {
	if p.IdleDuration < idleFor {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, aliveWithin)
	defer cancel()
	return p.Conn.Ping(ctx) != nil
}

// pingWithin is how long a connection that stood idle may take to answer before
// another takes its place.
const pingWithin = 2 * time.Second

// Pool makes connections to the server that the ledger is on, for others who
// keep tables in the same database; close it before the ledger. Nil on SQLite.
func (l *Ledger) Pool(ctx context.Context) (*pgxpool.Pool, error) {
	v, ok := l.back.(*server)
	if !ok {
		return nil, nil
	}
	c, err := pgxpool.ParseConfig(v.config.ConnString())
	if err != nil {
		return nil, explain(v, "connect to it", errors.New("the URL cannot be used for a pool"))
	}
	c.ConnConfig = v.config.Copy()
	c.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, serverSession, pgx.QueryExecModeSimpleProtocol)
		return err
	}
	c.PingTimeout = pingWithin // else whoever is given a dead connection waits for as long as they have
	c.BeforeClose = func(c *pgx.Conn) {
		if c.IsClosed() { // given up already: else its place stays taken for 15 seconds more
			_ = c.PgConn().Conn().Close()
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	return pool, explain(v, "connect to it", err)
}

func (v *server) check(ctx context.Context, db *sql.DB) error {
	ctx, cancel := v.within(ctx)
	defer cancel()
	var encoding string
	if err := db.QueryRowContext(ctx, `SHOW server_encoding`).Scan(&encoding); err != nil {
		return explain(v, "ask how it keeps text", err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("ledger %s: the database keeps text as %s, in which names could change: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
			v.label, encoding)
	}
	return nil
}

func (v *server) opened(context.Context) error { return nil }

func (v *server) migrations() (fs.FS, goose.Dialect, error) {
	steps, err := fs.Sub(migrations, "migrations/postgres")
	return steps, goose.DialectPostgres, err
}

func (v *server) bind(query string) string {
	var b strings.Builder
	n := 0
	for {
		before, after, more := strings.Cut(query, "?")
		b.WriteString(before)
		if !more {
			return b.String()
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

func (v *server) hasTable() string { return `SELECT to_regclass(?::text) IS NOT NULL` }

func (v *server) lockHead() string { return `SELECT only_row FROM ledger_meta FOR UPDATE` }

// clock is the server's. Not that of the transaction's beginning, which a wait
// for others may have come after.
func (v *server) clock(func() time.Time) string {
	return `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
}

func (v *server) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, v.answer)
}

func (v *server) snapshot() (options *sql.TxOptions, first string) {
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}, `SET LOCAL idle_in_transaction_session_timeout = 0`
}

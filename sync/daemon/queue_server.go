package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

const (
	// serverPoll is how often a replica looks for jobs that another inserted.
	serverPoll = time.Second
	// foundAtOnce bounds what is read at a time of how passes ended.
	foundAtOnce = 1000
	// migrating is the advisory lock under which a queue's tables are made.
	migrating = 7163852094417730
)

// serverQueue is a queue on a PostgreSQL server, which replicas share. Its
// tables are in a schema of their own, named for the newest of River's
// migrations that this program knows: a program with a newer River makes
// another, so that its migrations change nothing under those that still run.
// Nothing rests on a queue, and so nothing is moved from one to the next; who
// works on what is kept apart by leases, which are in the ledger.
type serverQueue struct {
	pool   *pgxpool.Pool
	schema string
	table  string // of jobs, quoted
}

// serverDriver asks for jobs now and then, instead of listening: that works
// through a connection pooler too, and whoever inserts a job wakes its own
// workers.
type serverDriver struct{ *riverpgxv5.Driver }

// SupportsListener is part of riverdriver.Driver.
func (serverDriver) SupportsListener() bool { return false }

// SupportsListenNotify is part of riverdriver.Driver.
func (serverDriver) SupportsListenNotify() bool { return false }

func queueOnServer(ctx context.Context, l *ledger.Ledger) (*serverQueue, error) {
	pool, err := l.Pool(ctx)
	if err != nil {
		return nil, err
	}
	return &serverQueue{pool: pool}, nil
}

func (s *serverQueue) driver() serverDriver { return serverDriver{riverpgxv5.New(s.pool)} }

func (s *serverQueue) migrator(quiet *slog.Logger) (migrator, error) {
	return rivermigrate.New[pgx.Tx](s.driver(), &rivermigrate.Config{Logger: quiet, Schema: s.schema})
}

func (s *serverQueue) prepare(ctx context.Context, quiet *slog.Logger) error {
	m, err := s.migrator(quiet)
	if err != nil {
		return err
	}
	newest := 0
	for _, v := range m.AllVersions() {
		newest = max(newest, v.Version)
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Of several replicas that start at once, one makes the tables.
		if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrating)); err != nil {
			return fmt.Errorf("waiting for another replica that makes the queue's tables: %w", err)
		}
		var there bool
		err := tx.QueryRow(ctx, `SELECT name, to_regnamespace(quote_ident(name)) IS NOT NULL
			FROM (SELECT current_schema() || '_river' || $1::text AS name) AS s`, fmt.Sprint(newest)).Scan(&s.schema, &there)
		if err != nil {
			return err
		}
		s.table = pgx.Identifier{s.schema, "river_job"}.Sanitize()
		if !there {
			name := pgx.Identifier{s.schema}.Sanitize()
			// Seen by River's own connections at once.
			if _, err := s.pool.Exec(ctx, `CREATE SCHEMA `+name); err != nil {
				return fmt.Errorf("making the schema %s for the queue: %w: let the user of the ledger's URL own the database, "+
					"or grant it CREATE there", name, err)
			}
		}
		if m, err = s.migrator(quiet); err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
}

func (s *serverQueue) connect(c *river.Config) (client, error) {
	c.FetchPollInterval, c.Schema = serverPoll, s.schema
	return river.NewClient[pgx.Tx](s.driver(), c)
}

func (s *serverQueue) close() error {
	s.pool.Close()
	return nil
}

func (s *serverQueue) shared() bool { return true }

func (s *serverQueue) found(ctx context.Context) ([]found, error) {
	rows, err := s.pool.Query(ctx, `DELETE FROM `+s.table+` WHERE id IN
		(SELECT id FROM `+s.table+` WHERE state = 'completed' AND queue = $1 ORDER BY finalized_at LIMIT $2)
		RETURNING args->>'account', metadata->'output'`, queueName, foundAtOnce)
	if err != nil {
		return nil, err
	}
	var all []found
	var ref rotation.Ref
	var output []byte
	_, err = pgx.ForEachRow(rows, []any{&ref, &output}, func() error {
		var f found
		if len(output) > 0 && json.Unmarshal(output, &f) == nil { // of another version: the next sweep finds it
			f.Account = ref
			all = append(all, f)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("asking the queue how passes ended: %w", err)
	}
	return all, nil
}

func (s *serverQueue) abandoned(ctx context.Context, since time.Duration) ([]rotation.Ref, error) {
	rows, err := s.pool.Query(ctx, `SELECT DISTINCT args->>'account' FROM `+s.table+`
		WHERE state = 'running' AND queue = $1 AND attempted_at < clock_timestamp() - $2::interval`, queueName, since)
	if err != nil {
		return nil, err
	}
	refs, err := pgx.CollectRows(rows, pgx.RowTo[rotation.Ref])
	if err != nil {
		return nil, fmt.Errorf("asking the queue what is worked on: %w", err)
	}
	return refs, nil
}

func (s *serverQueue) forget(ctx context.Context, ref rotation.Ref) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM `+s.table+`
		WHERE state = 'running' AND queue = $1 AND args->>'account' = $2`, queueName, string(ref))
	return err
}

func (s *serverQueue) unserved(ctx context.Context) (*time.Time, error) {
	var waits *time.Duration
	err := s.pool.QueryRow(ctx, `SELECT clock_timestamp() - min(scheduled_at) FROM `+s.table+`
		WHERE state = 'available' AND queue = $1 AND scheduled_at < clock_timestamp()`, queueName).Scan(&waits)
	if err != nil {
		return nil, fmt.Errorf("asking the queue for how long jobs wait: %w", err)
	}
	if waits == nil {
		return nil, nil
	}
	since := time.Now().Add(-*waits)
	return &since, nil
}

package daemon

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"modernc.org/sqlite"

	"github.com/keyrota/keyrota/rotation"
)

const (
	// fileBusy is how long the queue waits while the ledger is written.
	fileBusy = 10 * time.Second
	// filePoll is how often jobs are looked for of which nobody was told: a
	// fallback.
	filePoll = 5 * time.Second
)

// fileQueue is a queue in a SQLite file, which one engine has to itself.
type fileQueue struct{ db *sql.DB }

// fileDriver is the driver of a queue that one process has to itself: whoever
// inserts a job wakes the workers, and nobody asks the database for news.
type fileDriver struct{ *riversqlite.Driver }

// SupportsListener is part of riverdriver.Driver.
func (fileDriver) SupportsListener() bool { return false }

// SupportsListenNotify is part of riverdriver.Driver.
func (fileDriver) SupportsListenNotify() bool { return false }

func queueInFile(path string) (*fileQueue, error) {
	// NORMAL: a power failure may lose jobs, and nothing is lost with them.
	query := "mode=rw&_journal_mode=WAL&_synchronous=NORMAL&_txlock=immediate" +
		"&_pragma=" + url.QueryEscape(fmt.Sprintf("busy_timeout(%d)", fileBusy.Milliseconds()))
	c, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: query}).String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1) // the driver's authors ask for it (package riversqlite)
	return &fileQueue{db: db}, nil
}

func (f *fileQueue) driver() fileDriver { return fileDriver{riversqlite.New(f.db)} }

// prepare also throws away what an earlier engine left: the caller holds the
// engine's lock.
func (f *fileQueue) prepare(ctx context.Context, quiet *slog.Logger) error {
	m, err := rivermigrate.New[*sql.Tx](f.driver(), &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	_, err = f.db.ExecContext(ctx, `DELETE FROM river_job; DELETE FROM river_leader; DELETE FROM river_queue`)
	return err
}

func (f *fileQueue) connect(c *river.Config) (client, error) {
	c.FetchPollInterval = filePoll
	return river.NewClient[*sql.Tx](f.driver(), c)
}

func (f *fileQueue) close() error { return f.db.Close() }

func (f *fileQueue) shared() bool { return false }

func (f *fileQueue) found(context.Context) ([]found, error) { return nil, nil }

func (f *fileQueue) abandoned(context.Context, time.Duration) ([]rotation.Ref, error) {
	return nil, nil
}

func (f *fileQueue) forget(context.Context, rotation.Ref) error { return nil }

func (f *fileQueue) unserved(context.Context) (*time.Time, error) { return nil, nil }

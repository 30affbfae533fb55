package daemon

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	"modernc.org/sqlite"

	"github.com/keyrota/keyrota/rotation"
)

const (
	// jobTimeout bounds the passes of one job: longer than a new key may take
	// until it works and all its deliveries.
	jobTimeout = 10 * time.Minute
	// rescueAfter is just above: River's own default leaves a job of a crashed
	// engine for an hour.
	rescueAfter = jobTimeout + time.Minute
	// keepJobs is how long jobs that ended stay; what happened is in the ledger.
	keepJobs = time.Minute
	// A new job is fetched at once. Looking for others by itself is a fallback.
	fetchCooldown = 10 * time.Millisecond
	fetchPoll     = 5 * time.Second
	// queueBusy is how long the queue waits while the ledger is written.
	queueBusy = 10 * time.Second
	// insertedAtOnce bounds one transaction, so that the ledger can be written
	// between two.
	insertedAtOnce = 200

	queueName = "passes"
)

// passJob asks for a pass over one account. There is one at a time for each.
type passJob struct {
	Account string `json:"account" river:"unique"`
}

// Kind names the job in the queue.
func (passJob) Kind() string { return "pass" }

// InsertOpts lets a job be inserted when none for its account waits or runs. A
// job is never tried again: the next sweep is the next try.
func (passJob) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: queueName, MaxAttempts: 1,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}},
	}
}

type passWorker struct {
	river.WorkerDefaults[passJob]
	work func(context.Context, rotation.Ref)
}

// Work makes passes.
func (w *passWorker) Work(ctx context.Context, job *river.Job[passJob]) error {
	w.work(ctx, rotation.Ref(job.Args.Account))
	return nil
}

// queue is River on the ledger's file, over a connection of its own.
type queue struct {
	db     *sql.DB
	client *river.Client[*sql.Tx]
	// adding keeps a queue that is being added from being woken: River's Add
	// and InsertMany race.
	adding sync.Mutex
}

// local is the driver of a queue that one process has to itself: whoever
// inserts a job wakes the workers, and nobody asks the database for news.
type local struct{ *riversqlite.Driver }

// SupportsListener is part of riverdriver.Driver.
func (local) SupportsListener() bool { return false }

// SupportsListenNotify is part of riverdriver.Driver.
func (local) SupportsListenNotify() bool { return false }

// openQueue prepares the queue's tables and throws away what an earlier engine
// left in them. The caller holds the engine's lock.
func openQueue(ctx context.Context, path string, workers int, soft time.Duration, log *slog.Logger, work func(context.Context, rotation.Ref)) (_ *queue, err error) {
	// NORMAL: a power failure may lose jobs, and nothing is lost with them.
	query := "mode=rw&_journal_mode=WAL&_synchronous=NORMAL&_txlock=immediate" +
		"&_pragma=" + url.QueryEscape(fmt.Sprintf("busy_timeout(%d)", queueBusy.Milliseconds()))
	c, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: query}).String())
	if err != nil {
		return nil, fmt.Errorf("opening the queue: %w", err)
	}
	q := &queue{db: sql.OpenDB(c)}
	q.db.SetMaxOpenConns(1) // the driver's authors ask for it (package riversqlite)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("opening the queue in %s: %w", path, err), q.db.Close())
		}
	}()
	driver, quiet := local{riversqlite.New(q.db)}, slog.New(quieter{log.Handler()})
	m, err := rivermigrate.New[*sql.Tx](driver, &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return nil, err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	if _, err := q.db.ExecContext(ctx, `DELETE FROM river_job; DELETE FROM river_leader; DELETE FROM river_queue`); err != nil {
		return nil, err
	}
	workersOf := river.NewWorkers()
	river.AddWorker(workersOf, &passWorker{work: work})
	q.client, err = river.NewClient[*sql.Tx](driver, &river.Config{
		Queues: map[string]river.QueueConfig{queueName: {MaxWorkers: workers}}, Workers: workersOf, Logger: quiet,
		FetchCooldown: fetchCooldown, FetchPollInterval: fetchPoll,
		JobTimeout: jobTimeout, RescueStuckJobsAfter: rescueAfter, SoftStopTimeout: soft,
		CompletedJobRetentionPeriod: keepJobs, CancelledJobRetentionPeriod: keepJobs, DiscardedJobRetentionPeriod: keepJobs,
		ReindexerIndexNames: []string{},
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// start begins to work. Only stop ends it.
func (q *queue) start(ctx context.Context) error {
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	return nil
}

// offer brings what waits in the backlog to the queue. An account whose job is
// just ending stays behind, for the next time.
func (q *queue) offer(ctx context.Context, b *backlog) error {
	refs := b.unqueued()
	for len(refs) > 0 {
		n := min(len(refs), insertedAtOnce)
		params := make([]river.InsertManyParams, 0, n)
		for _, ref := range refs[:n] {
			params = append(params, river.InsertManyParams{Args: passJob{Account: string(ref)}})
		}
		q.adding.Lock()
		rows, err := q.client.InsertMany(ctx, params)
		q.adding.Unlock()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("queueing %d accounts: %w", len(refs), err)
		}
		for i, row := range rows {
			if row.Job.State != rivertype.JobStateRunning {
				b.queued(refs[i])
			}
		}
		refs = refs[n:]
	}
	return nil
}

// resize changes the number of workers. It waits for the passes under way.
func (q *queue) resize(ctx context.Context, workers int) error {
	if err := q.client.Queues().Remove(ctx, queueName); err != nil {
		return err
	}
	q.adding.Lock()
	defer q.adding.Unlock()
	return q.client.Queues().Add(queueName, river.QueueConfig{MaxWorkers: workers})
}

// stop takes up no more jobs and waits for those that run, until ctx ends.
func (q *queue) stop(ctx context.Context) error { return q.client.Stop(ctx) }

func (q *queue) close() error { return q.db.Close() }

// quieter lets the queue speak of trouble only, unless the log is for
// debugging. Its errors are not ours: a single one of them is not yet trouble.
type quieter struct{ slog.Handler }

// Enabled is part of slog.Handler.
func (h quieter) Enabled(ctx context.Context, l slog.Level) bool {
	return h.Handler.Enabled(ctx, l) && (l >= slog.LevelWarn || h.Handler.Enabled(ctx, slog.LevelDebug))
}

// WithAttrs is part of slog.Handler.
func (h quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{h.Handler.WithAttrs(attrs)}
}

// WithGroup is part of slog.Handler.
func (h quieter) WithGroup(name string) slog.Handler { return quieter{h.Handler.WithGroup(name)} }

// Handle says whose words they are.
func (h quieter) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.Message = "queue: " + strings.TrimSpace(r.Message)
	return h.Handler.Handle(ctx, r)
}

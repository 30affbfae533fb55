package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
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
	// A new job is fetched at once by whoever inserted it.
	fetchCooldown = 10 * time.Millisecond
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
	work func(context.Context, rotation.Ref) result
}

// Work makes passes.
func (w *passWorker) Work(ctx context.Context, job *river.Job[passJob]) error {
	came := w.work(ctx, rotation.Ref(job.Args.Account))
	switch {
	case came.again:
		return river.JobSnooze(came.after)
	case came.found != nil:
		return river.RecordOutput(ctx, came.found)
	}
	return nil
}

// queue is River in the ledger's database, over connections of its own.
type queue struct {
	client client
	base   base
	// adding keeps a queue that is being added from being woken: River's Add
	// and InsertMany race.
	adding sync.Mutex
}

// client is what the engine needs of River's, whatever the database.
type client interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	InsertMany(ctx context.Context, jobs []river.InsertManyParams) ([]*rivertype.JobInsertResult, error)
	Queues() *river.QueueBundle
}

// migrator is River's, whatever the database.
type migrator interface {
	AllVersions() []rivermigrate.Migration
	Migrate(ctx context.Context, to rivermigrate.Direction, o *rivermigrate.MigrateOpts) (*rivermigrate.MigrateResult, error)
}

// base is the database that a queue is in.
type base interface {
	// prepare makes the queue's tables.
	prepare(ctx context.Context, quiet *slog.Logger) error
	// connect makes a client, and may first change c.
	connect(c *river.Config) (client, error)
	close() error

	// What follows is for replicas, and does nothing where there are none.

	// shared reports whether jobs are shared with other engines.
	shared() bool
	// found returns, once, how passes left their accounts.
	found(ctx context.Context) ([]found, error)
	// abandoned returns accounts that jobs say to be worked on for a while.
	abandoned(ctx context.Context, since time.Duration) ([]rotation.Ref, error)
	// forget removes the jobs that say an account is worked on.
	forget(ctx context.Context, ref rotation.Ref) error
	// unserved returns since when a job could have been taken up, by the clock
	// here; nil: none waits.
	unserved(ctx context.Context) (*time.Time, error)
}

// openQueue prepares the queue in a ledger's database, for an engine with an
// id.
func openQueue(ctx context.Context, l *ledger.Ledger, id string, workers int, soft time.Duration, quiet *slog.Logger, work func(context.Context, rotation.Ref) result) (_ *queue, err error) {
	explained := func(err error) error { return l.Explain("open the queue", err) }
	var in base
	if l.Shared() {
		in, err = queueOnServer(ctx, l)
	} else {
		in, err = queueInFile(l.Path())
	}
	if err != nil {
		return nil, explained(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(explained(err), in.close())
		}
	}()
	if err := in.prepare(ctx, quiet); err != nil {
		return nil, err
	}
	workersOf := river.NewWorkers()
	river.AddWorker(workersOf, &passWorker{work: work})
	c, err := in.connect(&river.Config{
		ID:     id,
		Queues: map[string]river.QueueConfig{queueName: {MaxWorkers: workers}}, Workers: workersOf, Logger: quiet,
		FetchCooldown: fetchCooldown,
		JobTimeout:    jobTimeout, RescueStuckJobsAfter: rescueAfter, SoftStopTimeout: soft,
		CompletedJobRetentionPeriod: keepJobs, CancelledJobRetentionPeriod: keepJobs, DiscardedJobRetentionPeriod: keepJobs,
		ReindexerIndexNames: []string{},
	})
	if err != nil {
		return nil, err
	}
	return &queue{client: c, base: in}, nil
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
		rows, err := q.insert(ctx, refs[:n]...)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("queueing %d accounts: %w", len(refs), err)
		}
		for i, row := range rows {
			switch {
			case row.Job.State == rivertype.JobStateRunning:
			case q.base.shared():
				b.shared(refs[i])
			default:
				b.queued(refs[i])
			}
		}
		refs = refs[n:]
	}
	return nil
}

func (q *queue) insert(ctx context.Context, refs ...rotation.Ref) ([]*rivertype.JobInsertResult, error) {
	jobs := make([]river.InsertManyParams, 0, len(refs))
	for _, ref := range refs {
		jobs = append(jobs, river.InsertManyParams{Args: passJob{Account: string(ref)}})
	}
	q.adding.Lock()
	defer q.adding.Unlock()
	return q.client.InsertMany(ctx, jobs)
}

// again has an account worked on anew that nobody works on, whatever its job
// says.
func (q *queue) again(ctx context.Context, ref rotation.Ref) error {
	err := q.base.forget(ctx, ref)
	if err == nil {
		_, err = q.insert(ctx, ref)
	}
	if err != nil {
		return fmt.Errorf("queueing %s again: %w", ref, err)
	}
	return nil
}

// found returns, once, how passes by any replica left their accounts.
func (q *queue) found(ctx context.Context) ([]found, error) {
	all, err := q.base.found(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, nil
	}
	return all, err
}

func (q *queue) abandoned(ctx context.Context, since time.Duration) ([]rotation.Ref, error) {
	return q.base.abandoned(ctx, since)
}

func (q *queue) unserved(ctx context.Context) (*time.Time, error) { return q.base.unserved(ctx) }

// resize changes the number of workers, and returns how many there are then. It
// waits for the passes under way.
func (q *queue) resize(ctx context.Context, from, to int) (int, error) {
	if from > 0 {
		if err := q.client.Queues().Remove(ctx, queueName); err != nil {
			return from, err
		}
	}
	if to > 0 {
		q.adding.Lock()
		defer q.adding.Unlock()
		if err := q.client.Queues().Add(queueName, river.QueueConfig{MaxWorkers: to}); err != nil {
			return 0, err
		}
	}
	return to, nil
}

// stop takes up no more jobs and waits for those that run, until ctx ends.
func (q *queue) stop(ctx context.Context) error { return q.client.Stop(ctx) }

func (q *queue) close() error { return q.base.close() }

// quieter lets the queue speak of trouble only, unless the log is for
// debugging, and not of what the engine says already. Its errors are not ours:
// a single one of them is not yet trouble.
type quieter struct {
	slog.Handler
	hush func() bool
}

// Enabled is part of slog.Handler.
func (h quieter) Enabled(ctx context.Context, l slog.Level) bool {
	return h.Handler.Enabled(ctx, l) && (l >= slog.LevelWarn && !h.hush() || h.Handler.Enabled(ctx, slog.LevelDebug))
}

// WithAttrs is part of slog.Handler.
func (h quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{h.Handler.WithAttrs(attrs), h.hush}
}

// WithGroup is part of slog.Handler.
func (h quieter) WithGroup(name string) slog.Handler {
	return quieter{h.Handler.WithGroup(name), h.hush}
}

// Handle says whose words they are.
func (h quieter) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.Message = "queue: " + strings.TrimSpace(r.Message)
	return h.Handler.Handle(ctx, r)
}

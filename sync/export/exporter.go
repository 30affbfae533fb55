package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Sink takes items in order. An error says that not all of them are known to
// have arrived: all are sent again.
type Sink interface {
	Send(ctx context.Context, items []Item) error
}

// Ledger is what an Exporter needs of a ledger.
type Ledger interface {
	Head(ctx context.Context) (ledger.Head, error)
	Events(ctx context.Context, after int64, limit int, ref rotation.Ref) ([]ledger.StoredEvent, error)
	Cursor(ctx context.Context, name string) (int64, error)
	SetCursor(ctx context.Context, name string, seq int64) error
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (granted bool, err error)
	Unlease(ctx context.Context, name, holder string) error
}

// Target is one place that events go to.
type Target struct {
	Name      string // of its cursor: under another name it begins with the first event
	Format    Format
	Sink      Sink
	Batch     int           // how many items are sent at once, at most
	Heartbeat time.Duration // how often the head is sent
}

// Exporter brings the events of a ledger to targets.
type Exporter struct {
	Ledger  Ledger
	Encoder Encoder
	Targets []Target
	// Holder names this process among those that share the ledger.
	Holder string
	// Now is the wall clock.
	Now func() time.Time
	// Jitter returns a random part of a wait, so that many do not try again at
	// one moment; nil: all of it.
	Jitter func(time.Duration) time.Duration
	// Log is told when a target is in trouble, once for each change of words,
	// and when it is well again; nil: nobody is.
	Log *slog.Logger
	// Metrics shows how the targets are; nil: nothing does.
	Metrics *Metrics
}

const (
	// lookEvery is how often the ledger is asked for events.
	lookEvery = time.Second
	// heldFor is how long a target stays one process's own, also after it was
	// killed: longer than one request may take.
	heldFor = 2 * answersWithin
	// After a failure the next try is after firstWait, then twice as long each
	// time, up to mostWait; between half and all of it.
	firstWait = time.Second
	mostWait  = 5 * time.Minute
)

// Run exports until ctx ends.
func (x *Exporter) Run(ctx context.Context) {
	x.Metrics.keep(x.Targets)
	var all sync.WaitGroup
	for _, t := range x.Targets {
		all.Go(func() { x.run(ctx, t) })
	}
	all.Wait()
}

func (x *Exporter) run(ctx context.Context, t Target) {
	c := courier{Exporter: x, to: t, batch: t.Batch}
	defer c.leave(ctx)
	said, wait := "", time.Duration(0)
	for {
		more, err := c.step(ctx, false)
		if ctx.Err() != nil {
			return
		}
		said = x.tell(t, said, err)
		pause := lookEvery
		switch {
		case err != nil:
			wait = min(max(2*wait, firstWait), mostWait)
			pause = max(wait/2+x.jitter(wait/2), providers.RetryAfterOf(err))
		case more:
			wait, pause = 0, 0
		default:
			wait = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Flush exports what there is now, and the head. It returns once every target
// has all of it or failed, or ctx ended; the error names those that have not.
func (x *Exporter) Flush(ctx context.Context) error {
	errs := make([]error, len(x.Targets))
	var all sync.WaitGroup
	for i, t := range x.Targets {
		all.Go(func() {
			c := courier{Exporter: x, to: t, batch: t.Batch}
			defer c.leave(ctx)
			for more := true; more; {
				var err error
				if more, err = c.step(ctx, true); err != nil {
					errs[i] = fmt.Errorf("events for %s wait in the ledger: %w", t.Name, err)
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (x *Exporter) jitter(most time.Duration) time.Duration {
	if x.Jitter == nil {
		return most
	}
	return x.Jitter(most)
}

// tell logs a change of words, and returns those that hold now.
func (x *Exporter) tell(t Target, said string, err error) string {
	words := ""
	if err != nil {
		words = err.Error()
	}
	if x.Log == nil || words == said {
		return words
	}
	part := slog.String("part", "the export of events to "+t.Name)
	if words == "" {
		x.Log.Info("nothing is in the way any more", part)
	} else {
		x.Log.Error("something is in the way", part, slog.String("why", words))
	}
	return words
}

// courier brings events to one target.
type courier struct {
	*Exporter
	to    Target
	batch int       // how many at once, now
	beat  time.Time // when this process sent a head last; zero: never
	owes  bool      // events were sent, and no head after them
	holds bool      // the target was this process's own
}

// The names under which a target's cursor and lease, and the time of its last
// head, are kept.
func (c *courier) cursorName() string { return "export/" + c.to.Name }
func (c *courier) beatName() string   { return "export/" + c.to.Name + "/head" }

// step sends one batch, if there is something to send and no other process does
// so. more says that there may be more right now. whole says that a head ends
// what was sent, whether or not it is time for one.
func (c *courier) step(ctx context.Context, whole bool) (more bool, err error) {
	defer func() {
		if err != nil {
			c.Metrics.failed(c.to.Name)
		}
	}()
	from, head, beat, err := c.look(ctx)
	if err != nil || from >= head.Seq && !beat && !(whole && c.owes) {
		return false, err
	}
	if c.holds, err = c.Ledger.Lease(ctx, c.cursorName(), c.Holder, heldFor); err != nil || !c.holds {
		return false, err
	}
	if from, head, beat, err = c.look(ctx); err != nil { // another may have sent it meanwhile
		return false, err
	}
	events, err := c.Ledger.Events(ctx, from, c.batch, "")
	if err != nil {
		return false, err
	}
	items := make([]Item, 0, len(events)+1)
	last := ledger.StoredEvent{Seq: head.Seq, Hash: head.Hash}
	for _, last = range events {
		item, err := c.Encoder.Event(last, c.to.Format)
		if err != nil {
			return false, err
		}
		items = append(items, item)
	}
	ends := len(items) < c.batch && (beat || whole && (c.owes || len(events) > 0))
	if ends {
		item, err := c.head(ctx, last)
		if err != nil {
			return false, err
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return false, nil
	}
	if err := c.to.Sink.Send(ctx, items); err != nil {
		if errors.Is(err, ErrTooLarge) {
			c.batch = max(1, len(items)/2)
		}
		return false, err
	}
	if err := c.confirm(ctx, events, ends); err != nil || !c.holds {
		return false, err
	}
	full := len(items) == c.batch
	c.batch, c.owes = c.to.Batch, len(events) > 0 && !ends || c.owes && !ends
	c.Metrics.sent(c.to.Name, len(events), max(head.Seq-last.Seq, 0), c.Now())
	return full || whole && c.owes, nil
}

// look returns how far the target has come, where the ledger ends, and whether
// a head is due.
func (c *courier) look(ctx context.Context) (from int64, head ledger.Head, beat bool, err error) {
	if from, err = c.Ledger.Cursor(ctx, c.cursorName()); err != nil {
		return 0, ledger.Head{}, false, err
	}
	if head, err = c.Ledger.Head(ctx); err != nil {
		return 0, ledger.Head{}, false, err
	}
	last, err := c.Ledger.Cursor(ctx, c.beatName())
	c.Metrics.behind(c.to.Name, max(head.Seq-from, 0))
	recorded := time.Unix(last, 0)
	if now := c.Now(); recorded.After(now) { // by a clock that was ahead
		return from, head, c.beat.IsZero() || now.Sub(c.beat) >= c.to.Heartbeat, err
	}
	return from, head, c.Now().Sub(recorded) >= c.to.Heartbeat, err
}

// head writes a head at the last event that was sent, which is given without
// its time if it was sent before.
func (c *courier) head(ctx context.Context, last ledger.StoredEvent) (Item, error) {
	if last.Seq > 0 && last.Time.IsZero() {
		events, err := c.Ledger.Events(ctx, last.Seq-1, 1, "")
		if err != nil {
			return Item{}, err
		}
		for _, last = range events {
		}
	}
	return c.Encoder.Head(ledger.Head{Seq: last.Seq, Hash: last.Hash}, last.Time, c.Now(), c.to.Format)
}

// confirm moves the cursor past what has arrived, unless the target became
// another process's meanwhile.
func (c *courier) confirm(ctx context.Context, events []ledger.StoredEvent, head bool) (err error) {
	if c.holds, err = c.Ledger.Lease(ctx, c.cursorName(), c.Holder, heldFor); err != nil || !c.holds {
		return err
	}
	if n := len(events); n > 0 {
		if err := c.Ledger.SetCursor(ctx, c.cursorName(), events[n-1].Seq); err != nil {
			return err
		}
	}
	if !head {
		return nil
	}
	c.beat = c.Now()
	return c.Ledger.SetCursor(ctx, c.beatName(), c.beat.Unix())
}

// leave gives the target back, so that another process need not wait.
func (c *courier) leave(ctx context.Context) {
	if !c.holds {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookEvery)
	defer cancel()
	_ = c.Ledger.Unlease(ctx, c.cursorName(), c.Holder) // else it ends by itself
}

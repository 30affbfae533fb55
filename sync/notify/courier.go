package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/ledger"
)

const (
	// lookEvery is how often the outbox and the events are looked at, unless
	// something else is said.
	lookEvery = time.Second
	// answersWithin bounds one message to a sink.
	answersWithin = 30 * time.Second
	// notedWithin is how long it may take after that to note what became of it.
	notedWithin = 5 * time.Second
	// heldFor is how long a sink stays one process's own, also after it was
	// killed: longer than one message may take. It is renewed before each
	// message that begins later than renewAfter.
	heldFor    = 3 * answersWithin
	renewAfter = answersWithin
	// After a failure the next try is after firstWait, then twice as long each
	// time, up to mostWait; between half and all of it.
	firstWait = time.Second
	mostWait  = 5 * time.Minute
	// atOnce bounds how many messages of a lane are read at a time.
	atOnce = 500
)

// Run brings messages to the sinks until ctx ends, and what is on its way then to
// its end.
func (n *Notifier) Run(ctx context.Context) {
	n.Metrics.keep(n.Targets)
	var all sync.WaitGroup
	for _, t := range n.Targets {
		c := &courier{Notifier: n, to: t}
		all.Go(func() {
			defer c.leave(ctx)
			n.repeat(ctx, "messages to "+t.Name, c.step)
		})
		if len(t.Events) > 0 {
			f := &follower{Notifier: n, to: t}
			all.Go(func() { n.repeat(ctx, "events for "+t.Name, f.step) })
		}
	}
	all.Wait()
}

// Flush sends what waits now. It returns once every sink has all of it or
// failed, or ctx ended and what was on its way has its answer; the error names
// those that have not.
func (n *Notifier) Flush(ctx context.Context) error {
	errs := make([]error, len(n.Targets))
	var all sync.WaitGroup
	for i, t := range n.Targets {
		all.Go(func() {
			steps := []func(context.Context) (bool, error){}
			if len(t.Events) > 0 {
				steps = append(steps, (&follower{Notifier: n, to: t}).step)
			}
			c := &courier{Notifier: n, to: t}
			defer c.leave(ctx)
			for _, step := range append(steps, c.step) {
				for more := true; more; {
					var err error
					if more, err = step(ctx); err != nil {
						errs[i] = fmt.Errorf("messages for %s wait in the ledger: %w", t.Name, err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// repeat makes steps until ctx ends, less and less often while they fail.
func (n *Notifier) repeat(ctx context.Context, part string, step func(context.Context) (more bool, err error)) {
	said, wait := "", time.Duration(0)
	for {
		more, err := step(ctx)
		if ctx.Err() != nil {
			return
		}
		said = n.tell(part, said, err)
		pause := n.Every
		if pause <= 0 {
			pause = lookEvery
		}
		switch {
		case err != nil:
			wait = min(max(2*wait, firstWait), mostWait)
			pause = max(wait/2+n.jitter(wait/2), providers.RetryAfterOf(err))
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

func (n *Notifier) jitter(most time.Duration) time.Duration {
	if n.Jitter == nil {
		return most
	}
	return n.Jitter(most)
}

// tell logs a change of words, and returns those that hold now.
func (n *Notifier) tell(about, said string, err error) string {
	words := ""
	if err != nil {
		words = err.Error()
	}
	if n.Log == nil || words == said {
		return words
	}
	part := slog.String("part", about)
	if words == "" {
		n.Log.Info("nothing is in the way any more", part)
	} else {
		n.Log.Error("something is in the way", part, slog.String("why", words))
	}
	return words
}

// courier brings messages to one sink.
type courier struct {
	*Notifier
	to    Target
	holds bool      // the sink was this process's own
	taken time.Time // when it was taken last
	sent  []int64   // arrived, and not yet off the outbox
}

func (c *courier) leaseName() string { return "notify/" + c.to.Name }

// step sends what is due, if there is something and no other process does so.
// more says that there may be more right now.
func (c *courier) step(ctx context.Context) (more bool, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			c.Metrics.failed(c.to.Name)
		}
	}()
	due, err := c.due(ctx)
	if err != nil || len(due) == 0 {
		return false, err
	}
	c.taken = time.Time{}
	if ok, err := c.take(ctx); err != nil || !ok {
		return false, err
	}
	if due, err = c.due(ctx); err != nil { // another may have sent it meanwhile
		return false, err
	}
	var refused error
	for _, lane := range due {
		if err := ctx.Err(); err != nil {
			return false, errors.Join(refused, err)
		}
		if ok, err := c.take(ctx); err != nil || !ok {
			return false, errors.Join(refused, err)
		}
		err := c.bring(ctx, lane.First.Key)
		switch {
		case err == nil:
			more = more || lane.Messages > atOnce
		case providers.KindOf(err) == providers.Invalid: // its lane alone waits
			if refused == nil || !strings.Contains(refused.Error(), err.Error()) { // many may be refused alike
				refused = errors.Join(refused, err)
			}
		default:
			return false, errors.Join(refused, err)
		}
	}
	return more, refused
}

// due returns the lanes whose first message need not wait.
func (c *courier) due(ctx context.Context) ([]ledger.Lane, error) {
	if err := c.clear(ctx); err != nil {
		return nil, err
	}
	lanes, err := c.Ledger.Lanes(ctx, c.to.Name)
	if err != nil {
		return nil, err
	}
	waiting, now := 0, c.Now()
	for _, lane := range lanes {
		waiting += lane.Messages
	}
	c.Metrics.behind(c.to.Name, waiting)
	return slices.DeleteFunc(lanes, func(l ledger.Lane) bool { return l.First.NotBefore.After(now) }), nil
}

// clear takes what has arrived off the outbox. What could not be taken off is
// not sent again by this process.
func (c *courier) clear(ctx context.Context) error {
	if len(c.sent) == 0 {
		return nil
	}
	if err := c.Ledger.Sent(ctx, c.sent...); err != nil {
		return err
	}
	c.sent = nil
	return nil
}

// bring sends the messages of one lane, and notes what became of them, also where
// ctx ends meanwhile: what is cut off may have arrived, and would be sent again.
func (c *courier) bring(ctx context.Context, lane string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answersWithin+notedWithin)
	defer cancel()
	waiting, err := c.Ledger.MessagesOf(ctx, c.to.Name, lane, atOnce)
	if err != nil {
		return err
	}
	notices, err := decodeNotices(c.to.Name, waiting)
	sent := 0
	if len(notices) > 0 {
		sent, err = c.send(ctx, lane, notices)
	}
	for _, m := range waiting[:sent] {
		c.sent = append(c.sent, m.ID)
	}
	if sent > 0 {
		c.Metrics.sent(c.to.Name, sent, c.Now())
	}
	cleared := c.clear(ctx)
	if err == nil {
		return cleared
	}
	if providers.KindOf(err) == providers.Invalid {
		return errors.Join(err, cleared, c.refused(ctx, waiting[sent:], err))
	}
	// What is wrong with the sink holds nothing back when it is well again.
	return errors.Join(err, cleared, c.Ledger.Delay(ctx, time.Time{}, err.Error(), waiting[sent].ID))
}

// decodeNotices returns what can be read before the first that cannot.
func decodeNotices(sink string, lane []ledger.Message) ([]Notice, error) {
	var notices []Notice
	for _, m := range lane {
		n, err := decodeNotice(m.Body)
		if err != nil {
			return notices, &providers.Error{
				Provider: "notify", Op: "read message", Name: fmt.Sprintf("%d for %s", m.ID, sink), Kind: providers.Invalid, Err: err,
			}
		}
		notices = append(notices, n)
	}
	return notices, nil
}

func (c *courier) send(ctx context.Context, lane string, notices []Notice) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	return c.to.Sink.Send(ctx, lane, notices)
}

// take makes the sink this process's own, or keeps it so.
func (c *courier) take(ctx context.Context) (ok bool, err error) {
	if c.holds && !c.taken.IsZero() && c.Now().Sub(c.taken) < renewAfter {
		return true, nil
	}
	if c.holds, err = c.Ledger.Lease(ctx, c.leaseName(), c.Holder, heldFor); err != nil {
		return false, err
	}
	c.taken = c.Now()
	return c.holds, nil
}

// leave gives the sink back, so that another process need not wait.
func (c *courier) leave(ctx context.Context) {
	if !c.holds {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookEvery)
	defer cancel()
	_ = c.Ledger.Unlease(ctx, c.leaseName(), c.Holder) // else it ends by itself
}

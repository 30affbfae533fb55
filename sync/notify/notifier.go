package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
)

// Ledger is what a Notifier needs of a ledger.
type Ledger interface {
	// State returns the document that was saved last under a name; nil: none.
	State(ctx context.Context, name string) ([]byte, error)
	// Queue saves a document and puts messages into the outbox, in one
	// transaction: ledger.ErrConflict, and nothing is done, where the document
	// under the name is another than was.
	Queue(ctx context.Context, name string, was, document []byte, messages []ledger.Message) error
	// Lanes returns what waits for a sink by lanes, due or not, without bodies.
	Lanes(ctx context.Context, sink string) ([]ledger.Lane, error)
	// MessagesOf returns what waits in one lane, the oldest first.
	MessagesOf(ctx context.Context, sink, lane string, limit int) ([]ledger.Message, error)
	// Sent takes messages off the outbox.
	Sent(ctx context.Context, ids ...int64) error
	// Delay puts on record that a try failed, and when the next one is.
	Delay(ctx context.Context, until time.Time, words string, ids ...int64) error

	Head(ctx context.Context) (ledger.Head, error)
	Events(ctx context.Context, after int64, limit int, ref rotation.Ref) ([]ledger.StoredEvent, error)
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (granted bool, err error)
	Unlease(ctx context.Context, name, holder string) error
}

// Sink is a place where people are told things.
type Sink interface {
	// Lanes names the lanes in which a finding goes to the sink; nil: an event or
	// a report. What is in one lane is told in its order, and folded where
	// several wait.
	Lanes(*Item) []string
	// Send tells notices of one lane, the oldest first, and returns how many of
	// them are known to have arrived. An error of the kind providers.Invalid says
	// that the sink does not take these notices, so that those of other lanes go
	// on; any other, that it takes nothing now.
	Send(ctx context.Context, lane string, notices []Notice) (sent int, err error)
}

// Target is a sink and what it is told.
type Target struct {
	Name string // in the ledger: under another name it is told everything anew
	Sink Sink
	// Severities are told where a route names none.
	Severities []finding.Severity
	Repeat     time.Duration        // an unchanged finding is told again after it; 0: never
	Events     []rotation.EventKind // told as they happen, from when the sink is there
	Withdraws  bool                 // it is told of findings that are not told there any more
	Files      bool                 // it takes files
}

// Notifier tells people things. It is safe for concurrent use.
type Notifier struct {
	Ledger  Ledger
	Encoder export.Encoder // of events, and of findings for webhooks
	Targets []Target
	Routes  []Route // none: every target is told what it takes
	// Runbook is the address of the runbook, to which "#" and a code is added.
	Runbook string
	// Link is where people find the report, as an address; empty: nowhere.
	Link string
	// Attach makes the files that go with a message of more findings than it
	// shows; nil: none do.
	Attach func(context.Context, []finding.Finding) ([]File, error)
	// Settle is how long a finding must be gone until it is told to be over, so
	// that one which comes and goes is not told each time.
	Settle time.Duration
	// Every is how often the ledger is looked at for what waits; 0: each second.
	Every  time.Duration
	Holder string // names this process among those that share the ledger
	Now    func() time.Time
	// Jitter returns a random part of a wait; nil: all of it.
	Jitter func(time.Duration) time.Duration
	// Log is told when a sink is in trouble, once for each change of words, and
	// when it is well again; nil: nobody is.
	Log *slog.Logger
	// Metrics shows how the sinks are; nil: nothing does.
	Metrics *Metrics
}

// Situation is what holds now.
type Situation struct {
	Findings []finding.Finding // all of them, acknowledged ones too
	// Seen says of a finding that is not among them whether it could be seen that
	// it is over; nil: of all. One that rests on a store that did not answer stays
	// as it was told.
	Seen func(Item) bool
}

// Tell puts what is news into the outbox. It fails for one target alone, and
// tells the others.
func (n *Notifier) Tell(ctx context.Context, s Situation) error {
	var errs []error
	for _, t := range n.Targets {
		if err := n.tellTarget(ctx, t, s); err != nil {
			errs = append(errs, fmt.Errorf("telling %s: %w", t.Name, err))
		}
	}
	return errors.Join(errs...)
}

// tries is how often another process may come first.
const tries = 3

func (n *Notifier) tellTarget(ctx context.Context, t Target, s Situation) error {
	err := ledger.ErrConflict
	for range tries {
		if err = n.tellOnce(ctx, t, s); !errors.Is(err, ledger.ErrConflict) {
			return err
		}
	}
	return err
}

func (n *Notifier) tellOnce(ctx context.Context, t Target, s Situation) error {
	name := toldName(t)
	was, err := n.Ledger.State(ctx, name)
	if err != nil {
		return err
	}
	record, err := decodeTold(was)
	if err != nil {
		return err
	}
	holds := now{
		at: n.Now().UTC(), here: map[string]Item{}, others: map[string]bool{}, seen: s.Seen, settle: n.Settle, repeat: t.Repeat,
	}
	if holds.seen == nil {
		holds.seen = func(Item) bool { return true }
	}
	var open Counts
	var told []finding.Finding
	for _, f := range s.Findings {
		i := n.item(f)
		switch {
		case !n.routed(i, t):
			holds.others[i.ID] = true
			continue
		case i.Acknowledged == nil:
			open.add(i.Severity)
			told = append(told, f)
		}
		holds.here[i.ID] = i
	}
	changes := record.decide(holds)
	document, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("writing what was told: %w", err)
	}
	if string(document) == string(was) {
		return nil
	}
	files, err := n.files(ctx, t, changes, told)
	if err != nil && n.Log != nil { // people are told all the same
		n.Log.Error("a message goes without its file", slog.String("part", "messages to "+t.Name), slog.String("why", err.Error()))
	}
	messages, err := n.messages(t, changes, Notice{At: holds.at, Open: open, Link: n.Link, Files: files})
	if err != nil {
		return err
	}
	return n.Ledger.Queue(ctx, name, was, document, messages)
}

func toldName(t Target) string { return "notify/" + t.Name + "/told" }

// files makes what goes with a message of more findings than it shows.
func (n *Notifier) files(ctx context.Context, t Target, changes []Change, all []finding.Finding) ([]File, error) {
	if n.Attach == nil || !t.Files || len(changes) <= mostShown {
		return nil, nil
	}
	files, err := n.Attach(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("making the report to attach: %w", err)
	}
	return files, nil
}

// messages are changes as they wait in the outbox, by lanes.
func (n *Notifier) messages(t Target, changes []Change, common Notice) ([]ledger.Message, error) {
	var lanes []string
	notices := map[string][]Notice{}
	for _, c := range changes {
		if c.What == Withdrawn && !t.Withdraws {
			continue
		}
		for _, lane := range t.Sink.Lanes(&c.Item) {
			all := notices[lane]
			if len(all) == 0 {
				lanes = append(lanes, lane)
			}
			if len(all) == 0 || len(all[len(all)-1].Changes) == mostChanges {
				next := common
				if len(all) > 0 {
					next.Files = nil // once is enough
				}
				all = append(all, next)
			}
			last := &all[len(all)-1]
			last.Changes = append(last.Changes, c)
			notices[lane] = all
		}
	}
	var messages []ledger.Message
	for _, lane := range lanes {
		for _, notice := range notices[lane] {
			body, err := notice.encode(t.Name, lane)
			if err != nil {
				return nil, err
			}
			messages = append(messages, ledger.Message{Sink: t.Name, Key: lane, Body: body})
		}
	}
	return messages, nil
}

package notify_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/notify"
)

// slow is a sink that takes a message after a second, if it is left that long.
type slow struct {
	notify.Sink
	begins func() // before a message
	taken  []string
}

func (s *slow) Lanes(i *notify.Item) []string { return []string{i.ID} }

func (s *slow) Send(ctx context.Context, lane string, notices []notify.Notice) (int, error) {
	s.taken = append(s.taken, lane)
	s.begins()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Second):
		return len(notices), nil
	}
}

// Whoever is stopped while a message is on its way, as by a reload, waits for
// its answer and notes it, so that nobody sends it again; and begins no other.
func TestStoppedWithAMessageOnItsWay(t *testing.T) {
	for name, bring := range map[string]func(context.Context, *notify.Notifier){
		"run":   func(ctx context.Context, n *notify.Notifier) { n.Run(ctx) },
		"flush": func(ctx context.Context, n *notify.Notifier) { _ = n.Flush(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func() time.Time { return time.Now().Round(0) })
				defer w.ledger.Close()
				ctx, stop := context.WithCancel(t.Context())
				s := &slow{begins: stop}
				w.n.Targets = []notify.Target{{Name: "slow", Sink: s, Severities: []finding.Severity{finding.Page}}}
				w.tell(example("foreign_key", finding.Page, "a"), example("foreign_key", finding.Page, "b"))
				bring(ctx, w.n)
				if len(s.taken) != 1 || w.waiting()["slow"] != 1 {
					t.Errorf("sent %q, %d still in the outbox, want one each", s.taken, w.waiting()["slow"])
				}
			})
		})
	}
}

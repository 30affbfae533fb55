package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
)

// sampleCode is that of no finding there is.
const sampleCode finding.Code = "test"

// sample is a finding that is made up, to try a sink out.
func (n *Notifier) sample(at time.Time) Item {
	return Item{
		ID: string(sampleCode) + " example/nightly-eval ", Code: sampleCode, Severity: finding.Page,
		Account: "example/nightly-eval", Team: "example", Since: utc(at.Add(-time.Hour)),
		Title:    "a message to try this sink out",
		Evidence: []string{"somebody ran: keyrota notify --test"},
		Do:       "nothing: if you can read this, messages arrive",
		Command:  "keyrota status", SafeUntil: utc(at.Add(24 * time.Hour)),
		Runbook: n.page(sampleCode),
	}
}

// Test sends a sample to one sink, past the outbox, and that it is over, so that
// nothing stays open. It returns the lanes that it was sent in.
func (n *Notifier) Test(ctx context.Context, t Target) ([]string, error) {
	at := n.Now().UTC()
	i := n.sample(at)
	lanes := t.Sink.Lanes(&i)
	if len(lanes) == 0 {
		return nil, fmt.Errorf("%s writes to owners alone, and a sample has none: write an address under to", t.Name)
	}
	for _, lane := range lanes {
		whats := []What{Raised}
		if t.Withdraws {
			whats = append(whats, Healed)
		}
		for k, what := range whats {
			notice := Notice{At: at.Add(time.Duration(k) * time.Second), Sample: true, Changes: []Change{{what, i}}}
			if _, err := notice.encode(t.Name, lane); err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, answersWithin)
			_, err := t.Sink.Send(ctx, lane, []Notice{notice})
			cancel()
			if err != nil {
				return nil, err
			}
		}
	}
	return lanes, nil
}

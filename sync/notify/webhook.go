package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/sync/export"
)

// Webhook posts findings, reports and events as CloudEvents, signed as those
// that the package export sends. It is safe for concurrent use.
type Webhook struct {
	hook    *export.Webhook
	encoder export.Encoder
}

// NewWebhook makes a sink of a webhook, without a call. The format of the
// options is of no consequence.
func NewWebhook(o export.WebhookOptions, e export.Encoder) (*Webhook, error) {
	o.Format = export.CloudEvents
	hook, err := export.NewWebhook(o)
	return &Webhook{hook, e}, err
}

// Lanes: findings go in one, and what hooks wait for in another.
func (w *Webhook) Lanes(i *Item) []string {
	if i == nil {
		return []string{"events"}
	}
	return []string{""}
}

// Send posts each notice in one request, or in several where it is more than is
// taken at once: machines count, so nothing is folded.
func (w *Webhook) Send(ctx context.Context, _ string, notices []Notice) (int, error) {
	for n, notice := range notices {
		items, err := w.items(notice)
		if err != nil {
			return n, err
		}
		if len(items) == 0 {
			continue
		}
		if err := w.post(ctx, items); err != nil {
			return n, err
		}
	}
	return len(notices), nil
}

// post sends items in as few requests as are taken.
func (w *Webhook) post(ctx context.Context, items []export.Item) error {
	err := w.hook.Send(ctx, items)
	if len(items) == 1 || !errors.Is(err, export.ErrTooLarge) {
		return err
	}
	half := len(items) / 2
	if err := w.post(ctx, items[:half]); err != nil {
		return err
	}
	return w.post(ctx, items[half:])
}

// items are what one notice says, as CloudEvents.
func (w *Webhook) items(n Notice) ([]export.Item, error) {
	var all []export.Item
	if n.Event != nil {
		all = append(all, export.Item{ID: n.Event.ID, Body: n.Event.Document})
	}
	for k, c := range n.Changes {
		item, err := w.encoder.Message(fmt.Sprintf("%s-%d", n.ID, k), "finding."+string(c.What), c.Item.Account, n.At, sentFinding{c.Item, n.Sample})
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	if r := n.Report; r != nil {
		item, err := w.encoder.Message(n.ID, "report.made", r.Name, n.At, madeReport{r.Name, r.Title, r.Lines, r.Link, n.At})
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// sentFinding is a finding as a webhook is sent it.
type sentFinding struct {
	Item
	Sample bool `json:"sample,omitempty"`
}

// madeReport is a report as a webhook is sent it: files are not.
type madeReport struct {
	Name  string    `json:"name"`
	Title string    `json:"title"`
	Lines []string  `json:"lines,omitempty"`
	Link  string    `json:"link,omitempty"`
	Made  time.Time `json:"made"`
}

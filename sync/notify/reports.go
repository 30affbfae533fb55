package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyrota/keyrota/sync/ledger"
)

// made is when a report was told last, as the ledger keeps it.
type made struct {
	Version int       `json:"v"`
	At      time.Time `json:"at"`
}

// Report tells sinks of a report that was due at a time. It does nothing where
// they were told of it before: another process may have made it too.
func (n *Notifier) Report(ctx context.Context, r Report, due time.Time, sinks ...string) error {
	name := "notify/report/" + r.Name
	was, err := n.Ledger.State(ctx, name)
	if err != nil {
		return fmt.Errorf("telling of the report %s: %w", r.Name, err)
	}
	var last made
	if was != nil {
		if err := json.Unmarshal(was, &last); err != nil {
			return fmt.Errorf("reading when the report %s was told: %w", r.Name, err)
		}
	}
	if !due.After(last.At) {
		return nil
	}
	var messages []ledger.Message
	for _, t := range n.Targets {
		if !slices.Contains(sinks, t.Name) {
			continue
		}
		told := r
		if !t.Files {
			told.Files = nil
		}
		for _, lane := range t.Sink.Lanes(nil) {
			notice := Notice{At: n.Now(), Report: &told}
			body, err := notice.encode(t.Name, lane)
			if err != nil {
				return err
			}
			messages = append(messages, ledger.Message{Sink: t.Name, Key: lane, Body: body})
		}
	}
	document, err := json.Marshal(made{Version: 1, At: due.UTC()})
	if err != nil {
		return fmt.Errorf("telling of the report %s: %w", r.Name, err)
	}
	if err := n.Ledger.Queue(ctx, name, was, document, messages); err != nil && !errors.Is(err, ledger.ErrConflict) {
		return fmt.Errorf("telling of the report %s: %w", r.Name, err)
	}
	return nil
}

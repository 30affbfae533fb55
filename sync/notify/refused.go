package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/keyrota/keyrota/sync/ledger"
)

const (
	// A message that a sink does not take is tried again after firstRefused, then
	// twice as long each time, up to mostRefused.
	firstRefused = time.Minute
	mostRefused  = 30 * time.Minute
	// givenUpAfter is how long the first message of a lane is refused until those
	// of the lane that are as old are given up.
	givenUpAfter = 14 * 24 * time.Hour
)

// refusals is since when a sink refuses the first message of its lanes, as the
// ledger keeps it.
type refusals struct {
	Version int                `json:"v"`
	Lanes   map[string]refusal `json:"lanes"`
}

type refusal struct {
	Message int64     `json:"message"`
	Since   time.Time `json:"since"`
}

// refused notes that the sink refused the messages of a lane, the oldest first:
// they wait, or are given up.
func (c *courier) refused(ctx context.Context, waiting []ledger.Message, why error) error {
	first, now := waiting[0], c.Now()
	since, err := c.refusedSince(ctx, first, now)
	if err != nil {
		return err
	}
	if now.Sub(since) < givenUpAfter {
		return c.Ledger.Delay(ctx, now.Add(min(firstRefused<<min(first.Tries, 10), mostRefused)), why.Error(), first.ID)
	}
	var ids []int64
	for _, m := range waiting {
		if now.Sub(m.Queued) >= givenUpAfter {
			ids = append(ids, m.ID)
		}
	}
	if err := c.Ledger.Sent(ctx, ids...); err != nil {
		return err
	}
	if c.Log != nil {
		c.Log.Error("messages are given up: the sink has refused them for too long",
			slog.String("part", "messages to "+c.to.Name), slog.String("about", first.Key), slog.Int("messages", len(ids)),
			slog.Time("since", since.UTC()), slog.String("why", why.Error()))
	}
	return nil
}

// refusedSince returns since when a message is refused, and notes it the first time.
func (c *courier) refusedSince(ctx context.Context, m ledger.Message, now time.Time) (time.Time, error) {
	name := "notify/" + c.to.Name + "/refused"
	was, err := c.Ledger.State(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	var all refusals
	if was != nil {
		if err := json.Unmarshal(was, &all); err != nil {
			return time.Time{}, fmt.Errorf("reading what %s refuses: %w", c.to.Name, err)
		}
	}
	if r, ok := all.Lanes[m.Key]; ok && r.Message == m.ID {
		return r.Since, nil
	}
	if all.Lanes == nil {
		all.Lanes = map[string]refusal{}
	}
	maps.DeleteFunc(all.Lanes, func(_ string, r refusal) bool { return now.Sub(r.Since) > 2*givenUpAfter }) // taken, or given up
	all.Version, all.Lanes[m.Key] = 1, refusal{m.ID, now.UTC()}
	document, err := json.Marshal(all)
	if err != nil {
		return time.Time{}, fmt.Errorf("noting what %s refuses: %w", c.to.Name, err)
	}
	if err := c.Ledger.Queue(ctx, name, was, document, nil); err != nil && !errors.Is(err, ledger.ErrConflict) {
		return time.Time{}, err
	}
	return now, nil
}

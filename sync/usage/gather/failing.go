package gather

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/sync/usage"
)

// Failing is a part of a source that fails look after look.
type Failing struct {
	Source usage.Source `json:"source"`
	Part   string       `json:"part,omitempty"` // empty: all of it
	Since  time.Time    `json:"since"`
	Words  string       `json:"words"`
}

const failingName = "usage/failing"

// FailingParts returns what could not be read in the last look, and since when.
func FailingParts(ctx context.Context, l Ledger) ([]Failing, error) {
	body, err := l.State(ctx, failingName)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	var all []Failing
	if json.Unmarshal(body, &all) != nil {
		return nil, nil // of another version; the next look notes it anew
	}
	return all, nil
}

// noteFailing notes what could not be read in this look.
func (l *look) noteFailing(ctx context.Context) error {
	before, err := FailingParts(ctx, l.Ledger)
	if err != nil {
		return err
	}
	var all []Failing
	for _, f := range l.report.Failed {
		now := Failing{Source: f.Source, Part: f.Part, Since: l.now, Words: f.Err.Error()}
		for _, old := range before {
			if old.Source == f.Source && old.Part == f.Part {
				now.Since = old.Since
			}
		}
		all = append(all, now)
	}
	if len(all)+len(before) == 0 {
		return nil
	}
	if len(all) == 0 {
		return l.Ledger.SetState(ctx, failingName, nil)
	}
	body, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("note what could not be read: %w", err)
	}
	return l.Ledger.SetState(ctx, failingName, body)
}

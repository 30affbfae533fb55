package findings

import (
	"context"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
	"github.com/keyrota/keyrota/rotation"
)

// watched is a store that knows the day on which a secret was last read, as AWS
// Secrets Manager does: of those that it is told to know it of.
type watched struct {
	*file.Store
	read map[rotation.Destination]time.Time
}

var _ providers.AccessReporter = watched{}

// copyEnd is what the path of a second destination ends with.
const copyEnd = "-copy"

func (w watched) Precision() time.Duration { return 24 * time.Hour }

func (w watched) LastRead(_ context.Context, ds []rotation.Destination, yield func(rotation.Destination, time.Time) error) error {
	for _, d := range ds {
		at, known := w.read[d]
		if !known {
			continue
		}
		if err := yield(d, at.Truncate(w.Precision())); err != nil {
			return err
		}
	}
	return nil
}

// know has the store know of an account's secrets when they were last read.
func (w watched) know(t history.Truth, ds []rotation.Destination) {
	for _, d := range ds {
		w.read[d] = t.Read
		if strings.HasSuffix(d.Path, copyEnd) {
			w.read[d] = t.CopyRead
		}
	}
}

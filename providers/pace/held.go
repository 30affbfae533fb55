package pace

import (
	"context"
	"time"
)

// Held is the error of a call that is held back for longer than there is time:
// nothing was sent. It wraps context.DeadlineExceeded.
type Held struct {
	Until time.Time
	Asked bool // by the service itself; else not to exceed what it allows
}

// Error says until when, where the service said so.
func (h *Held) Error() string {
	if h.Asked {
		return "held back until " + h.Until.UTC().Format("15:04:05 UTC") + ", as the service asked"
	}
	return "held back for longer than there is time, so as not to exceed what the service allows"
}

// Unwrap returns context.DeadlineExceeded.
func (h *Held) Unwrap() error { return context.DeadlineExceeded }

// After returns how long it is until then.
func (h *Held) After() time.Duration { return max(0, time.Until(h.Until)) }

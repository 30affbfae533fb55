package azuretest

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// Call is what a fault, and its hooks, can know of a call.
type Call struct {
	Operation string // such as "SetSecret"; see Server.Calls
	Vault     string // its name; empty for Entra
	Name      string // of the secret, as it is in the path
}

// Error is a refusal as Key Vault writes one.
type Error struct {
	Status     int
	Code       string // such as "Forbidden"
	Inner      string // the innererror's code, such as "ForbiddenByRbac"
	Message    string
	RetryAfter time.Duration // the header, unless zero
}

// Fault is what happens to the next Times calls of a kind, instead of or besides
// their effect. Faults are tried in the order in which they were added; the
// first that fits a call is used.
type Fault struct {
	Operation string // "" is every operation
	Vault     string // "" is every vault
	Name      string // of the secret; "" is every secret
	Times     int    // 1 if zero; negative is until Reset
	Skip      int    // so many calls of this kind pass before

	Before func(Call) error // runs before the effect; if it fails, the connection ends
	After  func(Call) error // runs after the effect, before the answer; if it fails, the connection ends
	Delay  time.Duration    // before the effect, or until the client goes away
	Error  *Error           // is answered, and has no effect
	Late   *Error           // is answered after the effect
	Refuse bool             // the connection ends before the effect
	Drop   bool             // the connection ends after the effect
}

// Inject adds a fault.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// Throttle makes the next n calls of an operation ("" is every) fail with 429,
// with a header Retry-After if it is not zero.
func (s *Server) Throttle(operation string, n int, retryAfter time.Duration) {
	e := throttled()
	e.RetryAfter = retryAfter
	s.Inject(Fault{Operation: operation, Times: n, Error: e})
}

// takeFault uses up the fault that is meant for a call. It is never nil.
func (s *Server) takeFault(c Call) *Fault {
	for i, f := range s.faults {
		if f.Operation != "" && f.Operation != c.Operation || f.Vault != "" && f.Vault != c.Vault ||
			f.Name != "" && !strings.EqualFold(f.Name, c.Name) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return f
	}
	return &Fault{}
}

// wait waits, and says whether the client is still there.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}

// cut ends the connection, or the HTTP/2 stream, without an answer.
func cut() { panic(http.ErrAbortHandler) }

func throttled() *Error {
	return &Error{
		Status: http.StatusTooManyRequests, Code: "Throttled",
		Message: "Request was not processed because too many requests were received.",
	}
}

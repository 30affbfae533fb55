package awstest

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"
)

// Call is what a fault, and its hooks, can know of a call.
type Call struct {
	Operation string   // such as "PutSecretValue"; "AssumeRole"
	Names     []string // of the secrets that are called by name or ARN
	Key       string   // the access key
	Region    string
}

// Fault is what happens to the next Times calls of a kind, instead of or besides
// their effect. Faults are tried in the order in which they were added; the
// first that fits a call is used.
type Fault struct {
	Operation string // "" is every operation
	Name      string // of the secret; "" is every secret
	Region    string // "" is every Region
	Times     int    // 1 if zero; negative is until Reset
	Skip      int    // so many calls of this kind pass before

	Before func(Call) error // runs before the effect; if it fails, the connection ends
	After  func(Call) error // runs after the effect, before the answer; if it fails, the connection ends
	Delay  time.Duration    // before the effect, or until the client goes away
	Error  *Error           // is answered, and has no effect
	Late   *Error           // is answered after the effect
	Refuse bool             // the connection ends before the effect
	Drop   bool             // the connection ends after the effect
	Reset  bool             // with Refuse, Drop and failing hooks: the connection is reset, not closed
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

// Throttle makes the next n calls of an operation ("" is every) fail with a
// ThrottlingException, with a header Retry-After if it is not zero.
func (s *Server) Throttle(operation string, n int, retryAfter time.Duration) {
	e := throttling()
	e.RetryAfter = retryAfter
	s.Inject(Fault{Operation: operation, Times: n, Error: e})
}

// takeFault uses up the fault that is meant for a call, if there is one.
func (s *Server) takeFault(c Call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Operation != "" && f.Operation != c.Operation || f.Name != "" && !slices.Contains(c.Names, f.Name) ||
			f.Region != "" && f.Region != c.Region {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return f
	}
	return nil
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

// cut ends the connection without an answer.
func cut(w http.ResponseWriter, reset bool) {
	if reset {
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if tcp, ok := connection.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = connection.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

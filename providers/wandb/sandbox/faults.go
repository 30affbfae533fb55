package sandbox

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// FaultKind is a way to fail.
type FaultKind string

// The ways in which the server can be told to fail.
const (
	FaultLatency     FaultKind = "latency"      // answer after Delay
	FaultRateLimited FaultKind = "rate_limited" // 429; with Delay, RateLimit-Reset says when to come back
	FaultServerError FaultKind = "server_error" // Status, default 503, before the effect
	FaultDropped     FaultKind = "dropped"      // the connection closes before the effect
	FaultLostAnswer  FaultKind = "lost_answer"  // the connection closes after the effect
	FaultDelayedKey  FaultKind = "delayed_key"  // the next new key is answered 401 for Delay
	FaultRefused     FaultKind = "refused"      // 200 with a GraphQL error, before the effect
)

// Fault tells the server how to fail.
type Fault struct {
	Kind FaultKind `yaml:"kind"`
	// Operation is the GraphQL field at the root of the request ("generateApiKey"), or "audit_logs",
	// "admin/audit_logs", "oidc/token" or "file_stream". Empty means any.
	Operation string `yaml:"operation,omitempty"`
	// Account is the caller's user name or name. Empty means any, and callers without valid credentials too.
	Account string `yaml:"account,omitempty"`
	// Skip lets that many matching requests pass first.
	Skip int `yaml:"skip,omitempty"`
	// Count is how many requests fail, after which the fault is gone; 0 means until it is cleared.
	Count   int           `yaml:"count,omitempty"`
	Delay   time.Duration `yaml:"delay,omitempty"`
	Status  int           `yaml:"status,omitempty"`
	Message string        `yaml:"message,omitempty"`
}

func (f Fault) check() error {
	switch f.Kind {
	case FaultLatency, FaultDelayedKey:
		if f.Delay <= 0 {
			return fmt.Errorf("a fault of kind %s needs a delay", f.Kind)
		}
	case FaultRateLimited, FaultServerError, FaultDropped, FaultLostAnswer, FaultRefused:
	default:
		return fmt.Errorf("there is no fault of kind %q", f.Kind)
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return errors.New("the status of a fault is between 400 and 599")
	}
	return nil
}

func (f Fault) hits(operations []string, a *account) bool {
	if f.Operation != "" && !slices.Contains(operations, f.Operation) {
		return false
	}
	return f.Account == "" || a != nil && (a.username == f.Account || a.name == f.Account)
}

// AddFault tells the server to fail from now on. Faults are tried in the order in which they were added.
func (s *Server) AddFault(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return nil
}

// ClearFaults makes the server well again.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Faults are the faults still to come.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.faults)
}

// suffered is what happens to one request.
type suffered struct {
	latency    time.Duration
	dropped    bool
	limited    *Fault
	failed     *Fault
	lostAnswer bool
	keyDelay   time.Duration
	refusal    string
}

func (f suffered) ends() bool {
	return f.dropped || f.limited != nil || f.failed != nil || f.refusal != ""
}

// takeFaults uses up the faults meant for a request, up to the first that keeps it from having an effect. s.mu is held.
func (s *Server) takeFaults(operations []string, a *account) suffered {
	var total suffered
	for i := range s.faults {
		f := &s.faults[i]
		if total.ends() || !f.hits(operations, a) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		taken := *f
		switch f.Kind {
		case FaultLatency:
			total.latency += f.Delay
		case FaultRateLimited:
			total.limited = &taken
		case FaultServerError:
			total.failed = &taken
		case FaultDropped:
			total.dropped = true
		case FaultLostAnswer:
			total.lostAnswer = true
		case FaultDelayedKey:
			total.keyDelay = f.Delay
		case FaultRefused:
			total.refusal = f.Message
			if total.refusal == "" {
				total.refusal = "refused by a fault of the sandbox"
			}
		}
		if f.Count > 0 {
			f.Count--
			if f.Count == 0 {
				f.Kind = "" // used up
			}
		}
	}
	s.faults = slices.DeleteFunc(s.faults, func(f Fault) bool { return f.Kind == "" })
	return total
}

// sufferBefore lets happen what happens before the effect. It says whether the request goes on.
func (s *Server) sufferBefore(w http.ResponseWriter, r *http.Request, f suffered) bool {
	if f.latency > 0 {
		wait := time.NewTimer(f.latency)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done():
		case <-s.stopping:
		}
	}
	switch {
	case f.dropped:
		panic(http.ErrAbortHandler)
	case f.limited != nil:
		if f.limited.Delay > 0 {
			w.Header().Set("RateLimit-Remaining", "0")
			w.Header().Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(f.limited.Delay.Seconds()))))
		}
		writeErrors(w, http.StatusTooManyRequests, "too many requests")
	case f.failed != nil:
		status := f.failed.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		writeErrors(w, status, "the sandbox was told to fail")
	default:
		return true
	}
	return false
}

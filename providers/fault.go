package providers

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Fault is a panic as an error, so that a fault in the code for one provider
// or one account stops nothing else. It tells where it happened, and of the
// panic's own words only those of the Go runtime: others might hold a key.
type Fault struct{ Words, At string }

// Error returns what happened, and where.
func (f *Fault) Error() string {
	return fmt.Sprintf("a fault in keyrota: %s, in %s: please report this", f.Words, f.At)
}

// Recovered makes a Fault of what recover returned, nil for nil. It is called
// by the deferred function itself.
func Recovered(panicked any) error {
	if panicked == nil {
		return nil
	}
	f := &Fault{Words: fmt.Sprintf("a panic with a %T", panicked), At: "an unknown place"}
	if e, ok := panicked.(runtime.Error); ok {
		f.Words = e.Error()
	}
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for more := true; more; {
		var frame runtime.Frame
		if frame, more = frames.Next(); frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			f.At = fmt.Sprintf("%s (%s:%d)", path.Base(frame.Function), path.Base(frame.File), frame.Line)
			break
		}
	}
	return f
}

// Guard, deferred, has a function return a panic as its error: every goroutine
// of a provider needs it, since nobody else can recover there.
func Guard(err *error) {
	if fault := Recovered(recover()); fault != nil {
		*err = fault
	}
}

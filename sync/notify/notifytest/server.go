package notifytest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// Outage is what a server answers instead of doing its work.
type Outage struct {
	Status int           // 0: no answer at all
	After  time.Duration // as Retry-After; 0: not said
	Body   string
}

// Weather is how a server is. The zero Weather is well.
type Weather struct {
	mu     sync.Mutex
	outage *Outage
	left   int // answers of the outage that are left; negative: until Up
	asked  int
}

// Down takes the server down until Up.
func (w *Weather) Down(o Outage) { w.Fail(o, -1) }

// Fail has the next requests fail.
func (w *Weather) Fail(o Outage, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outage, w.left = &o, times
}

// Up ends an outage.
func (w *Weather) Up() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outage = nil
}

// Asked returns how many requests there were, those that failed among them.
func (w *Weather) Asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// now returns the outage that this request meets; nil: none.
func (w *Weather) now() *Outage {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if w.outage == nil || w.left == 0 {
		return nil
	}
	if w.left > 0 {
		w.left--
	}
	return w.outage
}

// fails answers for an outage and says whether there is one.
func (w *Weather) fails(rw http.ResponseWriter) bool {
	o := w.now()
	if o == nil {
		return false
	}
	if o.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	if o.After > 0 {
		rw.Header().Set("Retry-After", strconv.Itoa(int(o.After.Seconds())))
	}
	rw.WriteHeader(o.Status)
	_, _ = rw.Write([]byte(o.Body))
	return true
}

var errCut = errors.New("connection reset by peer")

// Direct is a transport that hands requests to a handler, without a network: in
// a bubble of testing/synctest time passes.
func Direct(h http.Handler) http.RoundTripper { return direct{h} }

type direct struct{ http.Handler }

// RoundTrip makes one request.
func (d direct) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if cause := recover(); cause == http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
			answer, err = nil, errCut
		} else if cause != nil {
			panic(cause)
		}
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

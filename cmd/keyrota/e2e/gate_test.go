package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gate stands before a server. It lets a test look at each request before it
// has an effect, and strike at one.
type gate struct {
	URL string

	handler http.Handler
	look    watcher // before the effect
	answer  watcher // after it, before its answer
	strikes *strikes
}

// watcher is told of requests; it may be set while they come. The zero watcher is
// nobody.
type watcher struct {
	told atomic.Pointer[func(*http.Request, graphRequest)]
}

func (w *watcher) set(told func(*http.Request, graphRequest)) { w.told.Store(&told) }

func (w *watcher) tell(r *http.Request, q graphRequest) {
	if told := w.told.Load(); told != nil {
		(*told)(r, q)
	}
}

// graphRequest is what a test needs of the body of a request to the platform.
type graphRequest struct {
	Operation string         `json:"operationName"`
	Variables map[string]any `json:"variables"`
}

// text returns the first string among the variables, in whatever depth, that
// is called so.
func (g graphRequest) text(name string) string {
	var find func(map[string]any) string
	find = func(m map[string]any) string {
		for key, value := range m {
			switch v := value.(type) {
			case string:
				if key == name {
					return v
				}
			case map[string]any:
				if found := find(v); found != "" {
					return found
				}
			}
		}
		return ""
	}
	return find(g.Variables)
}

func newGate(t testing.TB, handler http.Handler, s *strikes) *gate {
	t.Helper()
	g := &gate{handler: handler, strikes: s}
	front := httptest.NewServer(g)
	t.Cleanup(front.Close)
	g.URL = front.URL
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	g.strikes.enter()
	defer g.strikes.leave()
	r.Body = io.NopCloser(bytes.NewReader(body))
	var q graphRequest
	_ = json.Unmarshal(body, &q) // what is no JSON has no operation
	s := g.strikes.next(what(r, q))
	if s != nil && s.moment == before {
		s.hit()
		panic(http.ErrAbortHandler)
	}
	if s != nil && s.moment == during {
		s.hit()
	}
	g.look.tell(r, q)
	switch {
	case s == nil, s.moment == during:
		g.handler.ServeHTTP(w, r)
		g.answer.tell(r, q) // small answers leave when the handler returns
	case s.moment == after:
		g.effect(r)
		s.hit()
		panic(http.ErrAbortHandler)
	default:
		defer time.AfterFunc(s.later, s.hit) // also of an answer that a fault lets be lost
		g.handler.ServeHTTP(w, r)
	}
}

// effect lets a request have its effect, whose answer nobody sees; the client's
// going away must not undo it.
func (g *gate) effect(r *http.Request) {
	defer func() {
		v := recover()
		if err, _ := v.(error); v != nil && !errors.Is(err, http.ErrAbortHandler) { // which is a fault's
			panic(v)
		}
	}()
	g.handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
}

// what names a request: the operation of the platform or of AWS, or the method
// and what of Vault or Azure is called.
func what(r *http.Request, q graphRequest) string {
	if q.Operation != "" {
		return q.Operation
	}
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return operation
	}
	if r.TLS != nil { // Azure alone is called by HTTPS
		switch of, _, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/"); {
		case of != "secrets" && of != "deletedsecrets":
			return "sign-in"
		case r.Header.Get("Authorization") == "":
			return "challenge"
		default:
			return r.Method + " azure"
		}
	}
	for _, part := range []string{"metadata", "data", "subkeys"} {
		if strings.Contains(r.URL.Path, "/secret/"+part+"/") {
			return r.Method + " " + part
		}
	}
	return r.Method
}

// changes says whether a request changes something.
func changes(what string) bool {
	switch method, _, _ := strings.Cut(what, " "); method {
	case "PUT", "POST", "PATCH", "GenerateApiKey", "DeleteApiKey", "CreateServiceAccount",
		"CreateSecret", "PutSecretValue", "UpdateSecretVersionStage", "UpdateSecret", "TagResource", "RestoreSecret":
		return true
	}
	return false
}

// moment is when a strike falls.
type moment string

const (
	before moment = "before"         // the effect: it does not come to pass
	during moment = "during"         // the request, which is answered
	after  moment = "after"          // the effect: its answer is lost
	later  moment = "a moment after" // the answer
)

// strike is something that happens once, at the n-th request of a kind.
type strike struct {
	n       int
	changes bool // only requests that change something count
	moment  moment
	later   time.Duration // with the moment later
	hit     func()

	at string // what was struck
}

// String names the moment of a strike that fell.
func (s *strike) String() string {
	if s.at == "" {
		return "at some time"
	}
	return string(s.moment) + " " + s.at
}

// strikes hold the strike that is next, to whichever server its request goes.
type strikes struct {
	mu     sync.Mutex
	aim    *strike
	seen   map[string]int // requests by what they are
	inside int            // requests that the servers are at
}

func (s *strikes) enter() { s.inFlight(1) }
func (s *strikes) leave() { s.inFlight(-1) }

// inFlight adds to the requests that the servers are at, and returns their number.
func (s *strikes) inFlight(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside += n
	return s.inside
}

// set puts a strike in the place of the last; nil puts none.
func (s *strikes) set(aim *strike) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aim = aim
}

// requests are how many there were, by what they are.
func (s *strikes) requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}

func (s *strikes) next(what string) *strike {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]int{}
	}
	s.seen[what]++
	if s.aim == nil || s.aim.changes && !changes(what) {
		return nil
	}
	if s.aim.n--; s.aim.n > 0 {
		return nil
	}
	struck := s.aim
	s.aim, struck.at = nil, what
	return struck
}

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// gate stands before a server. It lets a test look at each request before it
// has an effect, and strike at one.
type gate struct {
	URL string

	next    http.Handler
	look    func(*http.Request, graphRequest) // before the effect; nil: nobody looks
	strikes *strikes
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

func newGate(t testing.TB, next http.Handler, s *strikes) *gate {
	t.Helper()
	g := &gate{next: next, strikes: s}
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
	r.Body = io.NopCloser(bytes.NewReader(body))
	hit, after := g.strikes.count()
	if hit != nil && !after {
		hit()
		panic(http.ErrAbortHandler)
	}
	if g.look != nil {
		var q graphRequest
		_ = json.Unmarshal(body, &q) // what is no JSON has no operation
		g.look(r, q)
	}
	if hit == nil {
		g.next.ServeHTTP(w, r)
		return
	}
	// After the effect and before its answer: the client's going away must
	// not undo the effect.
	recorded := httptest.NewRecorder()
	g.next.ServeHTTP(recorded, r)
	hit()
	maps.Copy(w.Header(), recorded.Header())
	panic(http.ErrAbortHandler)
}

// strikes let something happen at the n-th request from now on, to whichever
// server it goes.
type strikes struct {
	mu    sync.Mutex
	left  int
	after bool
	hit   func()

	requests atomic.Int64
}

// at calls hit at the n-th request, counted from 1, before or after its
// effect.
func (s *strikes) at(n int, after bool, hit func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.after, s.hit = n, after, hit
}

func (s *strikes) none() { s.at(0, false, nil) }

func (s *strikes) count() (hit func(), after bool) {
	s.requests.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		return nil, false
	}
	if s.left--; s.left > 0 {
		return nil, false
	}
	return s.hit, s.after
}

package vaulttest

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a client and a server: it counts calls and lets some of
// them fail. It is safe for concurrent use.
type Proxy struct {
	URL string

	mu      sync.Mutex
	calls   map[string]int
	headers http.Header // of the last call
	faults  []*Fault
}

// Fault is what happens to the next Times calls of a kind (1 if zero), instead
// of or besides reaching the server.
type Fault struct {
	Kind  string // such as "POST data"; "" is every kind
	Path  string // a part of the path; "" is every path
	Times int
	Skip  int // so many calls of this kind pass before

	Before func() error  // runs before the call reaches the server; if it fails, the connection ends
	Delay  time.Duration // or until the client goes away
	Status int           // this is answered, and the server not asked
	Header http.Header   // with Status
	Body   string        // with Status
	Refuse bool          // the connection ends before the server is asked
	Drop   bool          // the server is asked, and its answer lost
}

// NewProxy starts a proxy that ends with the test.
func NewProxy(t testing.TB, s *Server) *Proxy {
	t.Helper()
	target, err := url.Parse(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.Transport = s.http.Transport
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	p := &Proxy{calls: map[string]int{}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.serve(w, r, forward)
	}))
	t.Cleanup(front.Close)
	p.URL = front.URL
	return p
}

// Inject adds a fault. The first that fits a call is used.
func (p *Proxy) Inject(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Times = max(f.Times, 1)
	p.faults = append(p.faults, &f)
}

// Calls returns how many calls of each kind came since the last Reset. A kind is
// the method and what of Vault is called: "GET metadata", "PATCH data",
// "POST login", "POST renew-self", "GET mounts", "POST capabilities-self".
func (p *Proxy) Calls() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.calls)
}

// Header returns a header of the last call.
func (p *Proxy) Header(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.headers.Get(name)
}

// Reset forgets calls and faults.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.faults = map[string]int{}, nil
}

func kind(r *http.Request) string {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/v1/"), "/"), "/")
	what := parts[len(parts)-1]
	switch {
	case strings.Contains(r.URL.Path, "/internal/ui/mounts/"):
		what = "mounts"
	case parts[0] != "sys" && parts[0] != "auth":
		for _, part := range parts {
			if part == "data" || part == "metadata" || part == "subkeys" {
				what = part
				break
			}
		}
	}
	method := r.Method
	if method == http.MethodPut { // Vault takes both for the same
		method = http.MethodPost
	}
	return method + " " + what
}

func (p *Proxy) note(r *http.Request) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := kind(r)
	p.calls[k]++
	p.headers = r.Header.Clone()
	for _, f := range p.faults {
		if f.Times == 0 || f.Kind != "" && f.Kind != k || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Times--
		return f
	}
	return nil
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	f := p.note(r)
	if f == nil {
		forward.ServeHTTP(w, r)
		return
	}
	if f.Before != nil && f.Before() != nil {
		panic(http.ErrAbortHandler)
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case f.Refuse:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		maps.Copy(w.Header(), f.Header)
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
	case f.Drop:
		forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		forward.ServeHTTP(w, r)
	}
}

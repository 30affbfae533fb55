package awssm_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm"
)

// An answer that comes while net/http still looks for the end of the request
// must not cost the connection that it is read from.
func TestARequestsBodyEndsQuietly(t *testing.T) {
	w := newWorld(t)
	w.open(t, awssm.Config{}) // sets the environment
	var bodies []io.ReadCloser
	s, err := awssm.New(awssm.Config{}, awssm.Options{HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		bodies = append(bodies, r.Body)
		return http.DefaultTransport.RoundTrip(r)
	})}})
	must(t, err)
	_, err = s.Look(t.Context(), dest("ci/absent"))
	must(t, err)
	if len(bodies) == 0 {
		t.Fatal("no request went through the client")
	}
	for _, body := range bodies {
		if _, err := io.Copy(io.Discard, body); err != nil {
			t.Errorf("a body that was closed ends in %v", err)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

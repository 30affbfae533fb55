package wandb_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/wandb"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/rotation"
)

// direct has a server answer without a network between, so that a test's clock
// can stand still, and counts what it answers.
type direct struct {
	handler http.Handler
	mu      sync.Mutex
	answers map[int]int // by status
}

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[w.Code]++
	return w.Result(), nil
}

func (d *direct) count(status int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answers[status]
}

func through(t *testing.T, h http.Handler) (*wandb.Issuer, *direct) {
	t.Helper()
	d := &direct{handler: h, answers: map[int]int{}}
	i, err := wandb.New(wandb.Config{URL: "https://wandb.example", AdminKey: fixed(orgAdminKey)}, wandb.Options{HTTPClient: &http.Client{Transport: d}})
	if err != nil {
		t.Fatal(err)
	}
	return i, d
}

// TestLimitIsObeyed: against a server that allows five calls a minute and says
// how many are left, none is refused, each credential waits for itself alone,
// and nobody waits longer than the server says.
func TestLimitIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perMinute, calls = 5, 23
		server, err := sandbox.New(sandbox.Seed{
			Organization: "acme",
			Settings:     sandbox.Settings{RateLimit: &sandbox.RateLimit{Requests: perMinute, Per: time.Minute}},
			Teams:        []sandbox.Team{{Name: "ml"}},
			People:       []sandbox.Person{{Username: "ada", Email: "ada@acme.example", Admin: true, Keys: []sandbox.Key{{Value: orgAdminKey}}}},
		}, sandbox.Options{Now: time.Now, KeyMarker: "CANARY"})
		if err != nil {
			t.Fatal(err)
		}
		i, d := through(t, server)
		begun := time.Now()
		var all sync.WaitGroup
		for _, name := range []string{"ci", "eval", "report"} {
			info, err := server.CreateServiceAccount(name, sandbox.ScopeTeam, "ml", "")
			if err != nil {
				t.Fatal(err)
			}
			_, value, err := server.CreateKey(name, "by hand")
			if err != nil {
				t.Fatal(err)
			}
			a := rotation.Account{ID: rotation.AccountID(info.ID), Name: name, Team: "ml", Scope: rotation.ScopeTeam}
			all.Go(func() {
				for range calls {
					if _, err := i.Verify(t.Context(), a, providers.NewSecret(value)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if n := d.count(http.StatusTooManyRequests); n > 0 {
			t.Errorf("%d calls were refused", n)
		}
		if took := time.Since(begun); took != (calls-1)/perMinute*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// TestLimitThatIsTold: what an answer says about limits holds the next call of
// that credential, and no other.
func TestLimitThatIsTold(t *testing.T) {
	const viewer = `{"data":{"viewer":{"id":"u1","name":"ci","apiKeys":{"edges":[{"node":{"id":"k1","name":"local-0123456789ab"}}]}}}}`
	for name, c := range map[string]struct {
		status int
		header map[string]string
		wait   time.Duration // of the next call
		atMost time.Duration
	}{
		"calls are left":          {header: map[string]string{"RateLimit-Remaining": "0.4", "RateLimit-Reset": "40"}},
		"says nothing":            {},
		"no number":               {header: map[string]string{"RateLimit-Remaining": "none", "RateLimit-Reset": "40"}},
		"none is left":            {header: map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "40"}, wait: 40 * time.Second},
		"none is left, till when": {header: map[string]string{"RateLimit-Remaining": "0"}, wait: time.Second},
		"429, when to come back":  {status: 429, header: map[string]string{"Retry-After": "17"}, wait: 17 * time.Second},
		"429 and reset":           {status: 429, header: map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "40"}, wait: 40 * time.Second},
		"429 alone":               {status: 429, atMost: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limited := true
				i, d := through(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, key, _ := r.BasicAuth()
					if limited && key == ownKey {
						limited = false
						for k, v := range c.header {
							w.Header().Set(k, v)
						}
						if c.status != 0 {
							w.WriteHeader(c.status)
						}
					}
					_, _ = io.WriteString(w, viewer)
				}))
				_, err := i.Verify(t.Context(), ci, own)
				if quiet(t, err); (err == nil) != (c.status == 0) {
					t.Fatal(err)
				}
				begun := time.Now()
				_, err = i.Verify(t.Context(), ci, providers.NewSecret(newKey))
				if quiet(t, err); time.Since(begun) != 0 {
					t.Errorf("another credential waited for %s", time.Since(begun))
				}
				sent := d.count(http.StatusOK)
				if c.wait > 0 {
					hurry, cancel := context.WithTimeout(t.Context(), c.wait/2)
					defer cancel()
					_, err := i.Verify(hurry, ci, own)
					if quiet(t, err); providers.KindOf(err) != providers.Limited || time.Since(begun) != 0 || d.count(http.StatusOK) != sent {
						t.Errorf("a call that cannot wait so long: %v after %s", err, time.Since(begun))
					}
					if after := providers.RetryAfterOf(err); after != c.wait || !strings.Contains(err.Error(), "held back until ") {
						t.Errorf("to come back after %s, want %s: %v", after, c.wait, err)
					}
				}
				if _, err = i.Verify(t.Context(), ci, own); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took < c.wait || took > c.wait+c.atMost {
					t.Errorf("waited %s, want %s", took, c.wait)
				}
			})
		})
	}
}

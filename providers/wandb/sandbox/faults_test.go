package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

func TestFaultsBeforeTheEffect(t *testing.T) {
	for name, test := range map[string]struct {
		fault  sandbox.Fault
		status int // 0: the connection broke
		reset  string
	}{
		"429":              {sandbox.Fault{Kind: sandbox.FaultRateLimited}, 429, ""},
		"429 with a reset": {sandbox.Fault{Kind: sandbox.FaultRateLimited, Delay: 30 * time.Second}, 429, "30"},
		"503":              {sandbox.Fault{Kind: sandbox.FaultServerError}, 503, ""},
		"500":              {sandbox.Fault{Kind: sandbox.FaultServerError, Status: 500}, 500, ""},
		"dropped":          {sandbox.Fault{Kind: sandbox.FaultDropped}, 0, ""},
		"refused":          {sandbox.Fault{Kind: sandbox.FaultRefused, Message: "no"}, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			test.fault.Operation, test.fault.Account, test.fault.Count = "generateApiKey", "ci", 1
			if err := b.AddFault(test.fault); err != nil {
				t.Fatal(err)
			}
			if _, r := b.viewer(ciKey, nil); r.status != 200 {
				t.Fatalf("another operation: %d", r.status)
			}
			b.mustGenerate(orgKey, "another account")
			made, messages, r := b.generate(ciKey, "")
			if r.status != test.status || made.ID != "" || r.header.Get("RateLimit-Reset") != test.reset {
				t.Errorf("%d %v, reset %q", r.status, messages, r.header.Get("RateLimit-Reset"))
			}
			if n := len(b.Keys("ci")); n != 1 {
				t.Errorf("there are %d keys", n)
			}
			b.mustGenerate(ciKey, "the fault is used up")
			if n := b.CallsBy("ci", "generateApiKey"); n != 2 {
				t.Errorf("%d calls were counted", n)
			}
			if n := b.Calls("generateApiKey"); n != 3 {
				t.Errorf("%d calls were counted in all", n)
			}
		})
	}
}

func TestLostAnswer(t *testing.T) {
	b := newBench(t, func(s *sandbox.Seed) {
		s.Faults = []sandbox.Fault{{Kind: sandbox.FaultLostAnswer, Operation: "generateApiKey", Skip: 1, Count: 1}}
	})
	b.mustGenerate(ciKey, "skipped")
	if _, _, r := b.generate(ciKey, "keyrota/lost"); r.status != 0 {
		t.Fatalf("answered %d", r.status)
	}
	keys := b.Keys("ci")
	if len(keys) != 3 || keys[2].Description != "keyrota/lost" {
		t.Errorf("keys are %+v", keys)
	}
	if left := b.Faults(); len(left) != 0 {
		t.Errorf("faults left: %v", left)
	}
}

func TestDelayedKey(t *testing.T) {
	b := newBench(t, nil)
	if err := b.AddFault(sandbox.Fault{Kind: sandbox.FaultDelayedKey, Delay: 2 * time.Minute, Count: 1}); err == nil {
		made := b.mustGenerate(ciKey, "")
		if _, r := b.viewer(made.Name, nil); r.status != 401 || b.IsLive(made.Name) {
			t.Errorf("at once: %d", r.status)
		}
		b.clock.Advance(2 * time.Minute)
		if _, r := b.viewer(made.Name, nil); r.status != 200 || !b.IsLive(made.Name) {
			t.Errorf("after the delay: %d", r.status)
		}
	} else {
		t.Fatal(err)
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed, err := sandbox.ParseSeed([]byte(seedText))
		if err != nil {
			t.Fatal(err)
		}
		seed.Faults = []sandbox.Fault{{Kind: sandbox.FaultLatency, Operation: "viewer", Delay: time.Hour, Count: 1}}
		server, err := sandbox.New(seed, sandbox.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []time.Duration{time.Hour, 0} {
			started := time.Now()
			request := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query": "{ viewer { id } }"}`))
			request.SetBasicAuth("", ciKey)
			answer := httptest.NewRecorder()
			server.ServeHTTP(answer, request)
			if waited := time.Since(started); waited != want || answer.Code != 200 {
				t.Errorf("%d after %s", answer.Code, waited)
			}
		}
	})
}

func TestRateLimit(t *testing.T) {
	b := newBench(t, func(s *sandbox.Seed) {
		s.Settings.RateLimit = &sandbox.RateLimit{Requests: 2, Per: time.Minute}
	})
	for i, want := range []struct {
		status           int
		remaining, reset string
	}{{200, "1", "60"}, {200, "0", "45"}, {429, "0", "30"}, {429, "0", "15"}, {200, "1", "60"}} {
		_, r := b.viewer(ciKey, nil)
		if r.status != want.status || r.header.Get("RateLimit-Remaining") != want.remaining || r.header.Get("RateLimit-Reset") != want.reset {
			t.Errorf("request %d: %d, %s left, %s s", i, r.status, r.header.Get("RateLimit-Remaining"), r.header.Get("RateLimit-Reset"))
		}
		b.clock.Advance(15 * time.Second)
	}
	if _, r := b.viewer(leadKey, nil); r.status != 200 {
		t.Errorf("another account is answered %d", r.status)
	}
}

func TestFaultsFromAnotherProcess(t *testing.T) {
	b := newBench(t, nil)
	post := func(key, body string) reply {
		return b.do(http.MethodPost, "/sandbox/faults", key, strings.NewReader(body), nil)
	}
	for name, test := range map[string]struct {
		key, body string
		status    int
	}{
		"admin":         {adminKey, `{"kind": "server_error", "operation": "viewer", "count": 3}`, 204},
		"YAML":          {adminKey, "kind: latency\ndelay: 1ms\noperation: users\n", 204},
		"team admin":    {leadKey, `{"kind": "dropped"}`, 403},
		"nobody":        {"", `{"kind": "dropped"}`, 403},
		"bad key":       {strings.Repeat("x", 40), `{"kind": "dropped"}`, 401},
		"unknown kind":  {adminKey, `{"kind": "gremlins"}`, 400},
		"unknown field": {adminKey, `{"kind": "dropped", "until": "noon"}`, 400},
	} {
		if r := post(test.key, test.body); r.status != test.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if _, r := b.viewer(ciKey, nil); r.status != 503 {
		t.Errorf("after adding: %d", r.status)
	}
	r := b.do(http.MethodGet, "/sandbox/faults", adminKey, nil, nil)
	if !strings.Contains(string(r.body), `"count": 2`) {
		t.Errorf("listing: %d %s", r.status, r.body)
	}
	if r := b.do(http.MethodDelete, "/sandbox/faults", adminKey, nil, nil); r.status != 204 {
		t.Errorf("clearing: %d", r.status)
	}
	if _, r := b.viewer(ciKey, nil); r.status != 200 {
		t.Errorf("after clearing: %d", r.status)
	}
}

func TestWhatAPersonClicks(t *testing.T) {
	b := newBench(t, nil)
	r := b.do(http.MethodPost, "/sandbox/service_accounts", adminKey,
		strings.NewReader(`{"name": "nightly", "scope": "organization", "team": "ml"}`), nil)
	if r.status != http.StatusCreated || !strings.Contains(string(r.body), `"username":"nightly"`) {
		t.Fatalf("%d %s", r.status, r.body)
	}
	r = b.do(http.MethodPost, "/sandbox/service_accounts/nightly/keys", adminKey, strings.NewReader(`{"description": "first"}`), nil)
	if keys := b.Keys("nightly"); r.status != http.StatusCreated || len(keys) != 1 || !strings.Contains(string(r.body), keys[0].Name) {
		t.Errorf("%d", r.status)
	}
	if r := b.do(http.MethodPost, "/sandbox/service_accounts/nightly/keys", leadKey, strings.NewReader(`{}`), nil); r.status != 403 {
		t.Errorf("by a team admin: %d", r.status)
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// siem takes events, unless it is down.
type siem struct {
	*httptest.Server
	mu   sync.Mutex
	down bool
	seqs []int64 // of the events, as they came
	head int64   // of the last head
}

func newSIEM(t *testing.T) *siem {
	s := &siem{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		for line := range strings.Lines(string(body)) {
			var e struct {
				Event struct {
					Action   string
					Sequence int64
				}
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Error(err)
			}
			if e.Event.Action == "ledger.head" {
				s.head = e.Event.Sequence
			} else {
				s.seqs = append(s.seqs, e.Event.Sequence)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *siem) turn(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *siem) got() (events int64, inOrder bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seq := range s.seqs {
		if seq > events+1 {
			return events, false
		}
		events = max(events, seq)
	}
	return events, true
}

// TestEventsGoOutAsTheyHappen: the daemon sends what is put on record, does its
// work all the same while a place is down, and tells it everything afterwards,
// in order. A reload begins with another place; the last events go out before
// the daemon ends.
func TestEventsGoOutAsTheyHappen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.KeysShown)
	to := newSIEM(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "SIEM="+to.URL, "LISTEN="+listen)
	w.more = `events: [{name: siem, webhook: "${SIEM}/", batch: 3}]`
	w.configure("overlap: 1s, every: 90d", threeAccounts)
	to.turn(true)
	r := w.start(nil, "run")
	defer func() { _ = r.cmd.Process.Kill() }()
	metrics := func() string {
		resp, err := client.Get("http://" + listen + "/metrics")
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return string(text)
	}
	steady := func() bool {
		for _, s := range w.status() {
			if s.Phase != "steady" {
				return false
			}
		}
		return true
	}
	recorded := func() int64 {
		return decode[struct{ Head struct{ Seq int64 } }](t, w.run(0, "history", "-o", "json")).Head.Seq
	}
	poll(t, endsWithin, "all accounts to be delivered", steady)
	poll(t, endsWithin, "the failures to show", func() bool {
		text := metrics()
		return strings.Contains(text, fmt.Sprintf("keyrota_events_export_waiting{target=\"siem\"} %d\n", recorded())) &&
			!strings.Contains(text, "keyrota_events_export_failures_total{target=\"siem\"} 0\n")
	})
	if n := strings.Count(r.stderr.String(), "the export of events to siem"); n != 1 {
		t.Errorf("it was told %d times:\n%s", n, r.stderr.String())
	}
	to.turn(false)
	all := func() bool {
		n, inOrder := to.got()
		if !inOrder {
			t.Fatalf("not in order: %v", to.seqs)
		}
		return n == recorded()
	}
	poll(t, endsWithin, "all events to arrive", all)

	w.more = `events: [{name: siem, webhook: "${SIEM}/", batch: 3}, {file: events.jsonl}]`
	w.configure("overlap: 1s, every: 90d", threeAccounts)
	_ = r.cmd.Process.Signal(syscall.SIGHUP)
	file := filepath.Join(w.dir, "events.jsonl")
	poll(t, endsWithin, "the file to hold all events", func() bool {
		text, _ := os.ReadFile(file)
		return int64(strings.Count(string(text), `"dataset":"keyrota.events"`)) >= recorded()
	})
	w.run(0, "rotate", "--yes", "nightly-eval")
	poll(t, endsWithin, "the rotation to begin", func() bool { return strings.Contains(w.run(0, "history", "nightly-eval").text(), "edition 2") })
	// What is done after the reload bears the new configuration's digest.
	digest := decode[struct{ Digest string }](t, w.run(0, "validate", "-o", "json")).Digest
	history := decode[struct {
		Events []struct{ Event, Config string }
	}](t, w.run(0, "history", "nightly-eval", "-o", "json")).Events
	before, after := history[0].Config, ""
	for _, e := range history {
		if e.Event == "key.offered" {
			after = e.Config
		}
	}
	if len(digest) != 64 || len(before) != 64 || before == digest || after != digest {
		t.Errorf("the digest is %s; before the reload events bear %s, after it %s", digest, before, after)
	}
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	r.wait(t)
	if !all() {
		n, _ := to.got()
		t.Errorf("%d of %d events went out before the end:\n%s", n, recorded(), r.stderr.String())
	}
	w.run(0, "sync")
	poll(t, 10*time.Second, "the head", func() bool {
		to.mu.Lock()
		defer to.mu.Unlock()
		return to.head > 0
	})
}

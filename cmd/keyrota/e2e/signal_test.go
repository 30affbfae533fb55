package e2e

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// held holds back answers of the platform: to creations of a key, and then, if
// it falls silent, all.
type held struct {
	come chan struct{} // one for each that is held
	free chan struct{} // closed when all may go
	once sync.Once
}

func (w *world) hold(t *testing.T, silent bool) *held {
	h := &held{come: make(chan struct{}, 16), free: make(chan struct{})}
	var fell atomic.Bool
	w.gate.answer.set(func(_ *http.Request, q graphRequest) {
		switch creates := q.Operation == "GenerateApiKey"; {
		case creates && silent:
			fell.Store(true)
			h.come <- struct{}{}
		case creates:
			h.come <- struct{}{}
			<-h.free
		case fell.Load():
			<-h.free
		}
	})
	t.Cleanup(h.release)
	return h
}

// comes starts the program, until one of its processes asks for what is held:
// one that begins too early finds nothing due.
func (h *held) comes(w *world, args ...string) *process {
	w.t.Helper()
	for begun := time.Now(); time.Since(begun) < endsWithin; {
		r := w.start(nil, args...)
		select {
		case <-h.come:
			return r
		case <-r.ended:
		case <-time.After(endsWithin):
			w.t.Fatalf("it asks for no key:\n%s", r.text())
		}
	}
	w.t.Fatal("nothing falls due")
	return nil
}

func (h *held) release() { h.once.Do(func() { close(h.free) }) }

// TestAskedToEndInTheMiddleOfACreation: a process that is asked to end while the
// platform creates a key waits for the key, puts it on record and brings it to
// where it belongs: no further key has to be made for it.
func TestAskedToEndInTheMiddleOfACreation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		args  []string
		code  int
		words string
	}{
		{"run", []string{"run"}, 0, "stopping"},
		{"sync", []string{"sync"}, 1, "interrupted"},
		{"rotate", []string{"rotate", "--yes", "nightly-eval"}, 1, "interrupted"},
	} {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(c.name+" "+signal.String(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, sandbox.KeysShown)
				w.configure("overlap: 1s, every: 90d", threeAccounts)
				w.deliver()
				readers := w.read(time.Second, threePlaces...)
				h := w.hold(t, false)
				w.configure("overlap: 1s, every: 1s", threeAccounts)
				r := h.comes(w, c.args...)
				if err := r.cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				w.configure("overlap: 1s, every: 90d", threeAccounts)
				poll(t, endsWithin, "the process to hear of it", func() bool { return w.heard(r) })
				if ended(r) {
					t.Fatalf("it did not wait for the key:\n%s", r.text())
				}
				h.release()
				r.wait(t)
				if r.exitCode() != c.code || !strings.Contains(r.text(), c.words) {
					t.Errorf("exit code %d, want %d and %q:\n%s", r.exitCode(), c.code, c.words, r.text())
				}
				created := w.strikes.requests()["GenerateApiKey"]
				for _, p := range threePlaces {
					key, err := w.finds(p)
					id, _ := w.platform.KeyID(key)
					if s := w.status()[team+"/"+p.account]; err != nil || s.Key != id || !slices.Contains(w.live(p.account), id) {
						t.Errorf("%s holds key %s of %v, offered is %s; %v", p.secret, id, w.live(p.account), s.Key, err)
					}
				}
				w.settle(t)
				if now := w.strikes.requests()["GenerateApiKey"]; now != created {
					t.Errorf("%d more keys had to be made", now-created)
				}
				readers.end(t)
			})
		}
	}
}

// heard says whether a signal came to a process: the kernel has it no more, and
// a daemon says so.
func (w *world) heard(r *process) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil || r.args[0] == "run" {
		return err != nil || strings.Contains(r.stderr.String(), "stopping")
	}
	return strings.Contains(string(text), "ShdPnd:\t0000000000000000")
}

// TestADrainThatTimesOut: a daemon that is told to end while the platform creates
// a key and does not answer ends when it is told a second time, when it is too
// late for an answer, or when its grace is over. The next start finds the key,
// which nobody was ever given, and deletes it.
func TestADrainThatTimesOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		again  bool // it is told a second time
		silent bool // the creation is answered, and then nothing
		within time.Duration
	}{
		{"told twice", true, false, 10 * time.Second},
		{"the creation is never answered", false, false, 30 * time.Second},
		{"nothing is answered any more", false, true, 75 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.KeysShown)
			w.configure("overlap: 1s, every: 90d", threeAccounts)
			w.deliver()
			readers := w.read(time.Second, threePlaces...)
			h := w.hold(t, c.silent)
			r := w.start(nil, "run")
			poll(t, endsWithin, "the daemon to run", func() bool { return strings.Contains(r.stderr.String(), "the engine runs") })
			w.run(0, "rotate", "--yes", "nightly-eval")
			<-h.come
			asked := time.Now()
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			poll(t, endsWithin, "the daemon to hear of it", func() bool { return w.heard(r) })
			if c.again {
				_ = r.cmd.Process.Signal(syscall.SIGTERM)
			}
			select {
			case <-r.ended:
			case <-time.After(c.within):
				t.Fatalf("it does not end:\n%s", r.text())
			}
			t.Logf("it ended %s after it was told to", time.Since(asked).Round(time.Millisecond))
			if !c.again && r.exitCode() != 0 {
				t.Errorf("exit code %d:\n%s", r.exitCode(), r.text())
			}
			h.release()
			if live := w.live("nightly-eval"); len(live) != 2 {
				t.Fatalf("keys %v: the platform made one that nobody knows", live)
			}
			r = w.start(nil, "run")
			poll(t, endsWithin, "the next daemon to put it right", func() bool {
				s := w.status()[team+"/nightly-eval"]
				return s.Phase == "steady" && slices.Equal(w.live("nightly-eval"), []string{s.Key})
			})
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			r.wait(t)
			w.settle(t)
			if events := w.run(0, "history", "nightly-eval").text(); !strings.Contains(events, "never offered") {
				t.Errorf("history does not say what became of it:\n%s", events)
			}
			w.delivered(t)
			readers.end(t)
		})
	}
}

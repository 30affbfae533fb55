package daemon_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/attempt"
	"github.com/keyrota/keyrota/sync/daemon"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/inventory"
	"github.com/keyrota/keyrota/sync/ledger"
)

// patience bounds every wait of a test; none takes it unless it fails.
const patience = time.Minute

// lease is how long a replica is waited for of which nothing is heard.
const lease = 12 * time.Second

// world is a platform and stores in memory, around a real ledger.
type world struct {
	t        testing.TB
	path     string
	platform *providertest.Platform
	stores   map[string]*providertest.Memory
	yaml     atomic.Pointer[string]
	nonces   atomic.Int64
	log      *journal
}

const twoAccounts = `
instance: test
ledger: ledger.db
sweep_every: 1h
defaults: {write_deadline: 1s, overlap: 24h}
stores: {a: {}, b: {}}
accounts:
  - {name: train, team: ml, purpose: training, owner: ml@example.org, deliver: a:ml/train#KEY}
  - {name: eval, team: ml, purpose: evaluation, owner: ml@example.org, deliver: b:ml/eval#KEY}
`

const (
	train = rotation.Ref("ml/train")
	eval  = rotation.Ref("ml/eval")
)

func newWorld(t testing.TB, yaml string) *world {
	return newWorldAt(t, filepath.Join(t.TempDir(), "ledger.db"), yaml)
}

// newWorldAt puts the ledger at a place.
func newWorldAt(t testing.TB, at, yaml string) *world {
	w := &world{
		t: t, path: at, stores: map[string]*providertest.Memory{}, log: &journal{},
		platform: providertest.NewPlatform(providertest.PlatformOptions{Now: time.Now}),
	}
	for _, name := range []string{"a", "b"} {
		w.stores[name] = providertest.NewMemory(providertest.MemoryOptions{Name: name})
	}
	w.yaml.Store(&yaml)
	return w
}

// configure changes the configuration that the next load finds.
func (w *world) configure(yaml string) { w.yaml.Store(&yaml) }

// open returns a handle of its own on the ledger, as a command has one.
func (w *world) open() *ledger.Ledger {
	w.t.Helper()
	l, err := ledger.Open(w.t.Context(), w.path, ledger.Options{Instance: "test", By: "a test"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = l.Close() })
	return l
}

// load does what cmd does with a configuration.
func (w *world) load(l *ledger.Ledger) func(context.Context) (*daemon.State, error) {
	return w.loading(l, w.yaml.Load)
}

func (w *world) loading(l *ledger.Ledger, yaml func() *string) func(context.Context) (*daemon.State, error) {
	return func(context.Context) (*daemon.State, error) {
		text := *yaml()
		c, problems := config.Parse("keyrota.yaml", []byte(text), config.Options{})
		if err := problems.Err(); err != nil {
			return nil, err
		}
		stores := map[string]providers.SecretStore{}
		for name, s := range w.stores {
			stores[name] = s
		}
		inv, err := inventory.Build(c, inventory.Providers{
			Issuer: w.platform, Stores: stores,
			Abilities: func(rotation.Account) inventory.Abilities {
				return inventory.Abilities{Admin: true, Provision: true, FirstKey: true}
			},
		}, l.ID())
		if err != nil {
			return nil, err
		}
		call := attempt.Caller{Timeout: 10 * time.Second, Attempts: 1}
		return &daemon.State{
			Inventory: inv, Observer: inventory.Observer{Issuer: w.platform, Stores: stores, Call: call},
			Worker: &execute.Worker{
				Issuer: w.platform, Stores: stores, Ledger: l, Call: call, Name: "the engine", Now: time.Now,
				Nonce: func() string { return fmt.Sprint(w.nonces.Add(1)) }, ValidWithin: time.Minute,
			},
			SweepEvery: c.SweepEvery, Workers: c.Workers, Config: fmt.Sprintf("%x", sha256.Sum256([]byte(text))),
		}, nil
	}
}

// engine is one run of the engine.
type engine struct {
	*daemon.Daemon
	w       *world
	address string
	cancel  context.CancelFunc
	ended   chan error
}

func (w *world) options() daemon.Options {
	l := w.open()
	return daemon.Options{
		Ledger: l, Load: w.load(l), Listen: "127.0.0.1:0", Version: "v0-test", Grace: patience,
		Lease: lease, Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// start runs an engine until stop, or the end of the test.
func (w *world) start(o daemon.Options) *engine {
	w.t.Helper()
	bound := make(chan net.Addr, 1)
	o.Listening = func(a net.Addr) { bound <- a }
	d, err := daemon.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	e := &engine{Daemon: d, w: w, cancel: cancel, ended: make(chan error, 1)}
	go func() { e.ended <- d.Run(ctx) }()
	w.t.Cleanup(func() { e.cancel(); <-e.ended })
	select {
	case a := <-bound:
		e.address = "http://" + a.String()
	case err := <-e.ended:
		e.ended <- err
		w.t.Fatalf("the engine ended at once: %v", err)
	case <-time.After(patience):
		w.t.Fatalf("the engine does not start\n%s", w.log)
	}
	return e
}

// stop ends the engine and returns what Run said.
func (e *engine) stop() error {
	e.w.t.Helper()
	e.cancel()
	select {
	case err := <-e.ended:
		e.ended <- err
		return err
	case <-time.After(2 * patience):
		e.w.t.Fatalf("the engine does not stop\n%s", e.w.log)
	}
	return nil
}

// get returns the status and the body of one of the engine's pages.
func (e *engine) get(page string) (int, string) {
	e.w.t.Helper()
	resp, err := http.Get(e.address + page)
	if err != nil {
		e.w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		e.w.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// until waits for something to become true.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("never came: %s\n%s", what, w.log)
		}
	}
}

// receive waits for a signal.
func (w *world) receive(what string, c <-chan struct{}) {
	w.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		w.t.Fatalf("never came: %s\n%s", what, w.log)
	}
}

func (w *world) record(l *ledger.Ledger, ref rotation.Ref) rotation.Record {
	w.t.Helper()
	r, _, err := l.Load(w.t.Context(), ref)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// delivered reports whether an account is in the phase and its readers find a
// key that works.
func (w *world) delivered(l *ledger.Ledger, ref rotation.Ref, d rotation.Destination) bool {
	r := w.record(l, ref)
	if r.Agreed.IsZero() {
		return false
	}
	value, err := w.stores[d.Store].Read(w.t.Context(), d, "")
	if err != nil {
		return false
	}
	_, key, works := w.platform.Works(value)
	return works && key == r.Offer.Key
}

func (w *world) trained(l *ledger.Ledger) bool {
	return w.delivered(l, train, rotation.Destination{Store: "a", Path: "ml/train", Field: "KEY"})
}

func (w *world) evaluated(l *ledger.Ledger) bool {
	return w.delivered(l, eval, rotation.Destination{Store: "b", Path: "ml/eval", Field: "KEY"})
}

// request does what keyrota rotate does beside the engine.
func (w *world) request(l *ledger.Ledger, ref rotation.Ref) {
	w.t.Helper()
	err := l.Update(w.t.Context(), ref, func(r rotation.Record) (rotation.Record, []rotation.Event, error) {
		r.Request = rotation.Request{Kind: rotation.RequestRotate, At: time.Now(), By: "a person"}
		return r, []rotation.Event{{Kind: rotation.EventRequested, Words: "rotate"}}, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

var errDown = errors.New("down")

// journal keeps what was logged.
type journal struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.lock.Lock()
	defer j.lock.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.lock.Lock()
	defer j.lock.Unlock()
	return j.text.String()
}

func (j *journal) count(words string) int { return strings.Count(j.String(), words) }

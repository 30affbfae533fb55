package export_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

// newLedger is a real ledger with n events.
func newLedger(t *testing.T, n int) *ledger.Ledger {
	t.Helper()
	return ledgerAt(t, filepath.Join(t.TempDir(), "ledger.db"), n)
}

func ledgerAt(t *testing.T, at string, n int) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), at, ledger.Options{Instance: "prod", By: "ada on host-1", Config: "c0ffee"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	happen(t, l, n)
	return l
}

func happen(t *testing.T, l *ledger.Ledger, n int) {
	t.Helper()
	const ref = "ml/eval"
	_, rev, err := l.Load(t.Context(), ref)
	if err == nil && n > 0 {
		events := make([]rotation.Event, n)
		for i := range events {
			events[i] = rotation.Event{Kind: rotation.EventOffered, Key: "k", Edition: 1, Words: fmt.Sprintf("with \"quotes\" and\nlines, %d", i)}
		}
		_, err = l.Save(t.Context(), ref, rotation.Record{}, rev, events...)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// inbox is a target that keeps what it was sent, unless fail says otherwise.
type inbox struct {
	mu   sync.Mutex
	got  []export.Item
	most int // items in one batch
	fail func(got int) error
}

func (b *inbox) Send(_ context.Context, items []export.Item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		if err := b.fail(len(b.got)); err != nil {
			return err
		}
	}
	b.got, b.most = append(b.got, items...), max(b.most, len(items))
	return nil
}

type read struct {
	Event struct {
		Action, ID, Hash string
		Sequence         int64
	}
}

// arrived is what came, in order: a number for an event, "head N" for a head.
func (b *inbox) arrived(t *testing.T) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, item := range b.got {
		var r read
		if err := json.Unmarshal(item.Body, &r); err != nil || r.Event.ID != item.ID || strings.Contains(string(item.Body), "\n") {
			t.Fatalf("%s: %v", item.Body, err)
		}
		s := fmt.Sprint(r.Event.Sequence)
		if r.Event.Action == "ledger.head" {
			s = "head " + s
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

var start = time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)

func exporter(l export.Ledger, targets ...export.Target) *export.Exporter {
	for i := range targets {
		targets[i].Heartbeat = time.Hour
		if targets[i].Batch == 0 {
			targets[i].Batch = 10
		}
	}
	return &export.Exporter{
		Ledger: l, Encoder: export.Encoder{Ledger: "l1", Instance: "prod"}, Targets: targets, Holder: "one",
		Now: func() time.Time { return start }, Jitter: func(d time.Duration) time.Duration { return d },
	}
}

func TestFlushSendsWhatThereIs(t *testing.T) {
	for _, c := range []struct {
		events, batch int
		want          string
	}{
		{0, 10, "head 0"}, {3, 10, "1, 2, 3, head 3"}, {3, 3, "1, 2, 3, head 3"}, {3, 2, "1, 2, 3, head 3"}, {2, 1, "1, 2, head 2"},
	} {
		l := newLedger(t, c.events)
		var in inbox
		x := exporter(l, export.Target{Name: "siem", Sink: &in, Batch: c.batch})
		if err := x.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := in.arrived(t); got != c.want || in.most > c.batch {
			t.Errorf("%d in batches of %d: %s, want %s; at most %d at once", c.events, c.batch, got, c.want, in.most)
		}
		// A second time there is nothing to say, until something happens.
		if err := x.Flush(t.Context()); err != nil || in.arrived(t) != c.want {
			t.Errorf("again: %s, %v", in.arrived(t), err)
		}
		happen(t, l, 1)
		want := fmt.Sprintf("%s, %d, head %[2]d", c.want, c.events+1)
		if err := x.Flush(t.Context()); err != nil || in.arrived(t) != want {
			t.Errorf("one more: %s, want %s, %v", in.arrived(t), want, err)
		}
	}
}

// What the ledger says of an event and what is exported of it are the same
// place in the same chain.
func TestEveryEventBearsItsPlaceInTheChain(t *testing.T) {
	l := newLedger(t, 3)
	var in inbox
	if err := exporter(l, export.Target{Name: "siem", Sink: &in}).Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, item := range in.got {
		var r read
		if err := json.Unmarshal(item.Body, &r); err != nil {
			t.Fatal(err)
		}
		h, err := ledger.ParseHead(fmt.Sprintf("%d:%s", r.Event.Sequence, r.Event.Hash))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Verify(t.Context(), h); err != nil {
			t.Errorf("%s: %v", item.Body, err)
		}
	}
}

// A target that fails in the middle is sent everything again that it did not
// confirm; the others are not held up.
func TestAFailedTargetFailsAlone(t *testing.T) {
	l := newLedger(t, 5)
	down := errors.New("it is down")
	good, bad := &inbox{}, &inbox{}
	bad.fail = func(got int) error {
		if got >= 2 {
			return down
		}
		return nil
	}
	reg := prometheus.NewRegistry()
	m, err := export.NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	x := exporter(l, export.Target{Name: "bad", Sink: bad, Batch: 2}, export.Target{Name: "good", Sink: good, Batch: 2})
	x.Metrics = m
	if err := x.Flush(t.Context()); !errors.Is(err, down) || !strings.Contains(err.Error(), "events for bad wait in the ledger") {
		t.Fatalf("got %v", err)
	}
	if got := good.arrived(t); got != "1, 2, 3, 4, 5, head 5" {
		t.Errorf("the good one got %s", got)
	}
	if got := bad.arrived(t); got != "1, 2" {
		t.Errorf("the bad one got %s", got)
	}
	for name, want := range map[string]float64{
		"keyrota_events_exported_total bad": 2, "keyrota_events_exported_total good": 5, "keyrota_events_export_failures_total bad": 1,
		"keyrota_events_export_waiting bad": 3, "keyrota_events_export_waiting good": 0,
	} {
		if got := metric(t, reg, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	bad.fail = nil
	if err := x.Flush(t.Context()); err != nil || bad.arrived(t) != "1, 2, 3, 4, 5, head 5" {
		t.Errorf("then %s, %v", bad.arrived(t), err)
	}
}

// metric reads "NAME TARGET".
func metric(t *testing.T, g prometheus.Gatherer, which string) float64 {
	t.Helper()
	name, target, _ := strings.Cut(which, " ")
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == target {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

// Between the moment that events arrived and the moment that the cursor moves,
// anything may end the process: the events come again, under the same ids.
func TestAtLeastOnce(t *testing.T) {
	l := newLedger(t, 3)
	var in inbox
	forgetful := &noCursor{Ledger: l}
	if err := exporter(forgetful, export.Target{Name: "siem", Sink: &in}).Flush(t.Context()); err == nil {
		t.Fatal("the cursor is on record")
	}
	if err := exporter(l, export.Target{Name: "siem", Sink: &in}).Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := in.arrived(t); got != "1, 2, 3, head 3, 1, 2, 3, head 3" {
		t.Errorf("arrived: %s", got)
	}
}

type noCursor struct{ *ledger.Ledger }

func (noCursor) SetCursor(context.Context, string, int64) error { return errors.New("killed") }

// Engines share a ledger: one exports at a time, and no event is missing.
func TestOneOfSeveralExports(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { severalExport(t, filepath.Join(t.TempDir(), "ledger.db")) })
	t.Run("postgres", func(t *testing.T) { severalExport(t, postgrestest.Start(t).Fresh(t)) })
}

func severalExport(t *testing.T, at string) {
	ledgerAt(t, at, 40)
	var in inbox
	var all sync.WaitGroup
	for i := range 4 {
		x := exporter(ledgerAt(t, at, 0), export.Target{Name: "siem", Sink: &in, Batch: 3})
		x.Holder = fmt.Sprint("engine ", i)
		all.Go(func() {
			for range 20 {
				if err := x.Flush(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var events []string
	for s := range strings.SplitSeq(in.arrived(t), ", ") {
		if !strings.HasPrefix(s, "head") {
			events = append(events, s)
		}
	}
	if len(events) != 40 || !slices.Equal(events, slices.Compact(slices.Clone(events))) {
		t.Errorf("arrived: %s", events)
	}
}

// An engine that slept past its lease moves no cursor.
func TestAnEngineThatSlept(t *testing.T) {
	l := newLedger(t, 3)
	var in inbox
	x := exporter(&stolen{Ledger: l}, export.Target{Name: "siem", Sink: &in})
	if err := x.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at, err := l.Cursor(t.Context(), "export/siem"); err != nil || at != 0 {
		t.Errorf("the cursor is at %d, %v", at, err)
	}
}

// stolen grants a lease once.
type stolen struct {
	*ledger.Ledger
	asked bool
}

func (s *stolen) Lease(context.Context, string, string, time.Duration) (bool, error) {
	granted := !s.asked
	s.asked = true
	return granted, nil
}

// memory is a ledger without a disk, for time that is not real.
type memory struct {
	mu      sync.Mutex
	events  []ledger.StoredEvent
	cursors map[string]int64
}

func (m *memory) happen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, ledger.StoredEvent{Seq: int64(len(m.events) + 1), Time: start, Event: rotation.Event{Kind: rotation.EventAgreed}})
}

func (m *memory) Head(context.Context) (ledger.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return ledger.Head{Seq: int64(len(m.events))}, nil
}

func (m *memory) Events(_ context.Context, after int64, limit int, _ rotation.Ref) ([]ledger.StoredEvent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events[after:min(int(after)+limit, len(m.events))]), nil
}

func (m *memory) Cursor(_ context.Context, name string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[name], nil
}

func (m *memory) SetCursor(_ context.Context, name string, seq int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cursors[name] = max(m.cursors[name], seq)
	return nil
}

func (*memory) Lease(context.Context, string, string, time.Duration) (bool, error) { return true, nil }
func (*memory) Unlease(context.Context, string, string) error                      { return nil }

// running runs an exporter in time that is not real.
func running(t *testing.T, x *export.Exporter) (stop func()) {
	x.Now = time.Now
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		x.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

func TestRunFollowsTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{cursors: map[string]int64{}}
		var in inbox
		stop := running(t, exporter(m, export.Target{Name: "siem", Sink: &in, Batch: 2}))
		defer stop()
		want := "head 0" // the heartbeat begins at once
		for i := 1; i <= 5; i++ {
			m.happen()
			want += fmt.Sprint(", ", i)
		}
		time.Sleep(2 * time.Second)
		if got := in.arrived(t); got != want && got != strings.Replace(want, "head 0, 1, 2, 3, 4, 5", "1, 2, 3, 4, 5, head 5", 1) {
			t.Fatalf("arrived: %s", got)
		}
		before := in.arrived(t)
		time.Sleep(57 * time.Minute)
		if got := in.arrived(t); got != before {
			t.Errorf("nothing happened, and yet: %s", got)
		}
		time.Sleep(5 * time.Minute)
		if got := in.arrived(t); got != before+", head 5" {
			t.Errorf("after an hour: %s", got)
		}
	})
}

// A clock that was years ahead once does not stop the heartbeat, nor hurry it.
func TestAHeartbeatFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{cursors: map[string]int64{"export/siem/head": time.Now().AddDate(50, 0, 0).Unix()}}
		var in inbox
		stop := running(t, exporter(m, export.Target{Name: "siem", Sink: &in}))
		defer stop()
		time.Sleep(90 * time.Minute)
		if got := in.arrived(t); got != "head 0, head 0" {
			t.Errorf("arrived: %s", got)
		}
	})
}

// A target that is down is tried less and less often, but at least every five
// minutes, and no more often than it asked for.
func TestATargetThatIsDown(t *testing.T) {
	for name, c := range map[string]struct {
		err         error
		least, most int // tries in an hour
	}{
		"down":    {errors.New("down"), 12, 30},
		"limited": {&providers.Error{Provider: "webhook", Kind: providers.Limited, RetryAfter: 15 * time.Minute}, 4, 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{cursors: map[string]int64{}}
				m.happen()
				tries, down := 0, true
				in := &inbox{fail: func(int) error {
					tries++
					if down {
						return c.err
					}
					return nil
				}}
				stop := running(t, exporter(m, export.Target{Name: "siem", Sink: in}))
				defer stop()
				time.Sleep(time.Hour)
				in.mu.Lock()
				if tries < c.least || tries > c.most {
					t.Errorf("%d tries in an hour", tries)
				}
				down = false
				in.mu.Unlock()
				time.Sleep(20 * time.Minute)
				if got := in.arrived(t); got != "1, head 1" {
					t.Errorf("arrived: %s", got)
				}
			})
		})
	}
}

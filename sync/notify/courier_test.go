package notify_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/notify/notifytest"
)

// refuses is a network to PagerDuty that answers 400 to what is about one
// account, as a service does that chokes on a message.
type refuses struct {
	http.RoundTripper
	about string
}

func (r *refuses) RoundTrip(q *http.Request) (*http.Response, error) {
	body, _ := q.GetBody()
	var text bytes.Buffer
	_, _ = text.ReadFrom(body)
	if r.about != "" && strings.Contains(text.String(), r.about) {
		w := &notifytest.PagerDuty{}
		w.Down(notifytest.Outage{Status: 400})
		return notifytest.Direct(w).RoundTrip(q)
	}
	return r.RoundTripper.RoundTrip(q)
}

// A message that a sink does not take holds up what is about the same finding,
// so that an alert is not resolved before it is opened, and nothing else.
func TestWhatIsNotTakenHoldsUpItsOwnAlone(t *testing.T) {
	at := monday
	w := newWorld(t, func() time.Time { return at })
	defer w.ledger.Close()
	network := &refuses{notifytest.Direct(&w.pager), "ml-platform/b"}
	pager, err := notify.NewPagerDuty(notify.PagerDutyOptions{Name: "on-call", RoutingKey: given(routingKey), Instance: "prod", Now: w.n.Now, Transport: network})
	if err != nil {
		t.Fatal(err)
	}
	w.n.Targets = []notify.Target{{Name: "on-call", Sink: pager, Severities: []finding.Severity{finding.Page}}}
	a, b, c := example("foreign_key", finding.Page, "a"), example("foreign_key", finding.Page, "b"), example("foreign_key", finding.Page, "c")
	w.tell(a, b, c)
	if err := w.n.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("%v", err)
	}
	if n := len(w.pager.Open()); n != 2 {
		t.Errorf("%d alerts are open, want those of a and c", n)
	}
	w.tell(a)
	w.flush() // b waits for its time
	if n := len(w.pager.Open()); n != 1 {
		t.Errorf("%d alerts are open, want that of a", n)
	}
	if waiting := w.waiting()["on-call"]; waiting != 2 {
		t.Errorf("%d messages wait, want the two of b", waiting)
	}
	network.about, at = "", at.Add(2*time.Minute)
	w.flush()
	if changes := w.pager.Changes(); len(changes) != 1 || !strings.Contains(changes[0].Payload.Summary, "foreign_key of b") || len(w.pager.Open()) != 1 {
		t.Errorf("changes %+v, open %v", changes, w.pager.Open())
	}
	w.wellBehaved()
}

// lostAnswer is a network that loses the answer to the first request.
type lostAnswer struct {
	http.RoundTripper
	lost bool
}

func (l *lostAnswer) RoundTrip(q *http.Request) (*http.Response, error) {
	a, err := l.RoundTripper.RoundTrip(q)
	if !l.lost && err == nil {
		l.lost = true
		_ = a.Body.Close()
		return nil, errors.New("connection reset")
	}
	return a, err
}

// Where the answer is lost the message is sent again, and is known to be the same.
func TestALostAnswer(t *testing.T) {
	at := monday
	w := newWorld(t, func() time.Time { return at })
	defer w.ledger.Close()
	pager, err := notify.NewPagerDuty(notify.PagerDutyOptions{Name: "on-call", RoutingKey: given(routingKey), Instance: "prod", Now: w.n.Now, Transport: &lostAnswer{RoundTripper: notifytest.Direct(&w.pager)}})
	if err != nil {
		t.Fatal(err)
	}
	w.n.Targets = []notify.Target{{Name: "on-call", Sink: pager, Severities: []finding.Severity{finding.Page}}}
	w.tell(example("foreign_key", finding.Page, "a"))
	if err := w.n.Flush(t.Context()); err == nil {
		t.Error("a lost answer is no error")
	}
	at = at.Add(time.Hour)
	w.flush()
	if all := w.pager.Alerts(); len(all) != 2 || all[0].DedupKey != all[1].DedupKey || len(w.pager.Open()) != 1 {
		t.Errorf("%+v", all)
	}
}

// An alert that PagerDuty took is resolved also where its answer was lost and
// the finding is over meanwhile.
func TestALostAnswerLeavesNoAlertOpen(t *testing.T) {
	at := monday
	w := newWorld(t, func() time.Time { return at })
	defer w.ledger.Close()
	pager, err := notify.NewPagerDuty(notify.PagerDutyOptions{Name: "on-call", RoutingKey: given(routingKey), Instance: "prod", Now: w.n.Now, Transport: &lostAnswer{RoundTripper: notifytest.Direct(&w.pager)}})
	if err != nil {
		t.Fatal(err)
	}
	w.n.Targets = []notify.Target{{Name: "on-call", Sink: pager, Severities: []finding.Severity{finding.Page}}}
	w.tell(example("foreign_key", finding.Page, "a"))
	if err := w.n.Flush(t.Context()); err == nil || len(w.pager.Open()) != 1 {
		t.Fatalf("%v, open: %v", err, w.pager.Open())
	}
	at = at.Add(time.Hour)
	w.tell()
	w.flush()
	if open, changes := w.pager.Open(), w.pager.Changes(); len(open) != 0 || len(changes) != 1 {
		t.Errorf("open: %v, changes: %+v", open, changes)
	}
	w.wellBehaved()
}

// forgetful is a ledger that fails to note what was sent.
type forgetful struct {
	*recorder
	fails int
}

func (f *forgetful) Sent(ctx context.Context, ids ...int64) error {
	if f.fails--; f.fails >= 0 {
		return errors.New("the disk is full")
	}
	return f.recorder.Sent(ctx, ids...)
}

// What was sent is not sent again because the ledger could not note it, and the
// log and the metrics say how it goes.
func TestALedgerThatCannotNoteWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func() time.Time { return time.Now().Round(0) })
		defer w.ledger.Close()
		var log bytes.Buffer
		registry := prometheus.NewRegistry()
		metrics, err := notify.NewMetrics(registry)
		if err != nil {
			t.Fatal(err)
		}
		w.n.Ledger, w.n.Log, w.n.Metrics = &forgetful{w.queued, 5}, slog.New(slog.NewTextHandler(&log, nil)), metrics
		w.n.Targets = w.n.Targets[:1]
		w.tell(example("foreign_key", finding.Page, "a"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.n.Run(ctx)
		}()
		time.Sleep(time.Hour)
		w.slack.Down(notifytest.Outage{Status: 503, Body: botToken})
		w.tell(example("foreign_key", finding.Page, "a"), example("unused", finding.Ticket, "b"))
		time.Sleep(time.Hour)
		stop()
		<-ended
		if n := len(w.slack.Taken()); n != 1 {
			t.Errorf("sent %d times", n)
		}
		if got := strings.Count(log.String(), "the disk is full"); got != 1 {
			t.Errorf("the log says %d times what is in the way:\n%s", got, log.String())
		}
		for _, words := range []string{"messages to chat", "nothing is in the way any more", "503"} {
			if !strings.Contains(log.String(), words) {
				t.Errorf("the log does not say %q:\n%s", words, log.String())
			}
		}
		if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP keyrota_notify_messages_total Messages that a sink took.
# TYPE keyrota_notify_messages_total counter
keyrota_notify_messages_total{sink="chat"} 1
# HELP keyrota_notify_waiting Messages in the ledger that a sink has not taken yet.
# TYPE keyrota_notify_waiting gauge
keyrota_notify_waiting{sink="chat"} 1
`), "keyrota_notify_messages_total", "keyrota_notify_waiting"); err != nil {
			t.Error(err)
		}
		if strings.Contains(log.String(), "CANARY") {
			t.Errorf("a credential is in the log:\n%s", log.String())
		}
	})
}

// A hook for restarts is told of each delivery from when it is there, and of
// none before.
func TestTheRestartHook(t *testing.T) {
	w := newWorld(t, time.Now)
	defer w.ledger.Close()
	delivered := func(words string) rotation.Event {
		return rotation.Event{Kind: rotation.EventDelivered, Edition: 7, Words: words, Destination: rotation.Destination{Store: "vault", Path: "kv/ml"}}
	}
	w.happened(delivered("long ago"))
	w.flush()
	w.happened(delivered("first"), rotation.Event{Kind: rotation.EventAgreed, Edition: 7}, delivered("second"))
	w.flush()
	w.flush()
	var got []string
	for _, e := range w.hook.Taken() {
		got = append(got, e.Type+" "+e.Subject)
		if !strings.Contains(string(e.Data), `"destination":"vault:kv/ml"`) {
			t.Errorf("%s", e.Data)
		}
	}
	if want := strings.Repeat("com.github.keyrota.key.delivered ml-platform/nightly-eval, ", 2); strings.Join(got, ", ")+", " != want {
		t.Errorf("%q", got)
	}
	if changes := w.pager.Changes(); len(changes) != 1 || !strings.HasPrefix(changes[0].Payload.Summary, "ml-platform/nightly-eval: ") {
		t.Errorf("changes: %+v", changes)
	}
	w.wellBehaved()
}

// A message of findings that a webhook refuses does not hold up the hook for
// restarts.
func TestARefusedFindingHoldsUpNoRestart(t *testing.T) {
	w := newWorld(t, time.Now)
	defer w.ledger.Close()
	network := &refuses{notifytest.Direct(&w.hook), "foreign_key"}
	hook, err := notify.NewWebhook(export.WebhookOptions{URL: "https://hook.example/in", Sign: given(signingKey), Now: time.Now, Transport: network}, w.n.Encoder)
	if err != nil {
		t.Fatal(err)
	}
	w.n.Targets = w.n.Targets[3:]
	w.n.Targets[0].Sink = hook
	w.flush()
	w.tell(example("foreign_key", finding.Page, "a"))
	w.happened(rotation.Event{Kind: rotation.EventDelivered, Edition: 7})
	if err := w.n.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("%v", err)
	}
	if taken := w.hook.Taken(); len(taken) != 1 || taken[0].Type != "com.github.keyrota.key.delivered" {
		t.Errorf("taken: %+v", taken)
	}
}

// No credential is in what is sent as text or kept in the ledger.
func TestNoCredentialIsKept(t *testing.T) {
	w := newWorld(t, time.Now)
	w.tell(many()...)
	for _, s := range []*notifytest.Weather{&w.slack.Weather, &w.pager.Weather, &w.mail.Weather, &w.hook.Weather} {
		s.Fail(notifytest.Outage{Status: 403, Body: hookPath}, 1)
	}
	if err := w.n.Flush(t.Context()); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%v", err)
	}
	w.flush()
	for _, m := range w.slack.Taken() {
		if bytes.Contains(m.Raw, []byte("CANARY")) {
			t.Error("a credential is in a message")
		}
	}
	path := strings.TrimPrefix(w.ledger.Name(), "file ")
	if err := w.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("CANARY")) {
			t.Errorf("a credential is in %s", file)
		}
	}
}

// Of two engines on one ledger one sends at a time, and the other goes on where
// the first one stopped.
func TestTwoEnginesSendOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func() time.Time { return time.Now().Round(0) })
		defer w.ledger.Close()
		other := *w.n
		other.Holder = "other"
		first, end := context.WithCancel(t.Context())
		defer end()
		second, stop := context.WithCancel(t.Context())
		ended := make(chan struct{}, 2)
		run := func(ctx context.Context, n *notify.Notifier) {
			n.Run(ctx)
			ended <- struct{}{}
		}
		go run(first, w.n)
		go run(second, &other)
		time.Sleep(time.Hour)
		for i := range 10 {
			if i == 5 {
				end()
			}
			w.tell(many()[:10+i]...)
			w.happened(rotation.Event{Kind: rotation.EventDelivered, Edition: 2})
			time.Sleep(20 * time.Minute)
		}
		stop()
		<-ended
		<-ended
		if left := w.waiting(); len(left) > 0 {
			t.Errorf("still in the outbox: %v", left)
		}
		for sink, lanes := range w.queued.queued {
			for lane, notices := range lanes {
				if got := w.counted[sink].arrived[lane]; len(got) != len(notices) {
					t.Errorf("%s, lane %q: %d notices arrived, %d were to be told", sink, lane, len(got), len(notices))
				}
			}
		}
		w.wellBehaved()
	})
}

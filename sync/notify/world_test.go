package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/notify/notifytest"
)

const (
	hookPath   = "/services/CANARY-slack-webhook-0123456789-0123456789"
	botToken   = "xoxb-CANARY-slack-bot-0123456789-0123456789-0"
	routingKey = "CANARYpagerdutyroutingkey0123456" // 32 characters, as PagerDuty's are
	mailPass   = "CANARY-mail-password-0123456789-0123456789"
	signingKey = "CANARY-signing-key-0123456789-0123456789-012"
)

func given(value string) export.Source {
	return func(context.Context) (providers.Secret, error) { return providers.NewSecret(value), nil }
}

// world is a ledger, one server of each kind, and a sink for each.
type world struct {
	t       *testing.T
	ledger  *ledger.Ledger
	slack   notifytest.Slack
	pager   notifytest.PagerDuty
	mail    notifytest.Mail
	hook    notifytest.Webhook
	n       *notify.Notifier
	counted map[string]*counted
	queued  *recorder
}

// newWorld begins without a network, so that it can be in a bubble of synctest.
func newWorld(t *testing.T, now func() time.Time) *world {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Instance: "prod", By: "test", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ledger: l, counted: map[string]*counted{}, queued: &recorder{Ledger: l}}
	w.slack.Channel, w.slack.Token = "C0123", botToken
	w.pager.RoutingKey = routingKey
	w.hook.Key, w.hook.Now = signingKey, now
	encoder := export.Encoder{Ledger: l.ID(), Instance: "prod", Version: "1.2.3"}
	slack, err := notify.NewSlack(notify.SlackOptions{
		Name: "chat", Webhook: given("https://hooks.slack.example" + hookPath), Instance: "prod", Version: "1.2.3", Now: now,
		Transport: notifytest.Direct(&w.slack),
	})
	if err != nil {
		t.Fatal(err)
	}
	pager, err := notify.NewPagerDuty(notify.PagerDutyOptions{
		Name: "on-call", RoutingKey: given(routingKey), Instance: "prod", Version: "1.2.3", Now: now, Transport: notifytest.Direct(&w.pager),
	})
	if err != nil {
		t.Fatal(err)
	}
	mail, err := notify.NewEmail(notify.EmailOptions{
		Name: "mail", Server: "127.0.0.1:25", TLS: notify.NoTLS, From: "keyrota <keyrota@acme.example>", To: []string{"sec@acme.example"},
		Owners: true, Instance: "prod", Version: "1.2.3", Now: now, Dial: w.mail.Dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	hook, err := notify.NewWebhook(export.WebhookOptions{
		URL: "https://hook.example/in", Sign: given(signingKey), Version: "1.2.3", Now: now, Transport: notifytest.Direct(&w.hook),
	}, encoder)
	if err != nil {
		t.Fatal(err)
	}
	both := []finding.Severity{finding.Page, finding.Ticket}
	w.n = &notify.Notifier{
		Ledger: w.queued, Encoder: encoder, Holder: "test", Now: now, Every: 10 * time.Minute,
		Runbook: "https://github.com/keyrota/keyrota/blob/main/deploy/RUNBOOK.md",
		Targets: []notify.Target{
			{Name: "chat", Sink: w.count("chat", slack), Severities: both},
			{Name: "on-call", Sink: w.count("on-call", pager), Severities: []finding.Severity{finding.Page}, Withdraws: true, Events: []rotation.EventKind{rotation.EventAgreed}},
			{Name: "mail", Sink: w.count("mail", mail), Severities: both, Files: true},
			{Name: "hook", Sink: w.count("hook", hook), Severities: both, Events: []rotation.EventKind{rotation.EventDelivered}},
		},
	}
	return w
}

func (w *world) count(name string, s notify.Sink) notify.Sink {
	w.counted[name] = &counted{Sink: s, arrived: map[string][]string{}}
	return w.counted[name]
}

func (w *world) tell(findings ...finding.Finding) {
	w.t.Helper()
	if err := w.n.Tell(w.t.Context(), notify.Situation{Findings: findings}); err != nil {
		w.t.Fatal(err)
	}
}

// queue puts a finding into the outbox for one lane.
func (w *world) queue(sink, lane string, f finding.Finding) {
	w.t.Helper()
	i := notify.Item{ID: f.ID(), Code: f.Code, Severity: f.Severity, Account: string(f.Account), Owner: f.Owner, Title: f.Title}
	n := notice(notify.Raised, i)
	n.ID = f.ID() + lane
	body, err := json.Marshal(n)
	if err != nil {
		w.t.Fatal(err)
	}
	was, err := w.ledger.State(w.t.Context(), "test")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.queued.Queue(w.t.Context(), "test", was, []byte(n.ID), []ledger.Message{{Sink: sink, Key: lane, Body: body}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) flush() {
	w.t.Helper()
	if err := w.n.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// happened saves events.
func (w *world) happened(events ...rotation.Event) {
	w.t.Helper()
	ctx := w.t.Context()
	const ref = "ml-platform/nightly-eval"
	r, rev, err := w.ledger.Load(ctx, ref)
	if err == nil {
		r.Seq++
		_, err = w.ledger.Save(ctx, ref, r, rev, events...)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// waiting counts what is in the outbox.
func (w *world) waiting() map[string]int {
	w.t.Helper()
	all, err := w.ledger.Backlogs(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	counts := map[string]int{}
	for _, b := range all {
		counts[b.Sink] = b.Messages
	}
	return counts
}

// wellBehaved fails where a server refused something.
func (w *world) wellBehaved() {
	w.t.Helper()
	if all := slices.Concat(w.slack.Refused(), w.pager.Refused(), w.mail.Refused(), w.hook.Refused()); len(all) > 0 {
		w.t.Errorf("refused: %q", all)
	}
}

// counted notes which notices arrived, by lane.
type counted struct {
	notify.Sink
	mu      sync.Mutex
	arrived map[string][]string
	at      map[string]time.Time
}

func (c *counted) Send(ctx context.Context, lane string, notices []notify.Notice) (int, error) {
	n, err := c.Sink.Send(ctx, lane, notices)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, notice := range notices[:n] {
		c.arrived[lane] = append(c.arrived[lane], notice.ID)
		if c.at == nil {
			c.at = map[string]time.Time{}
		}
		c.at[notice.ID] = time.Now()
	}
	return n, err
}

// recorder notes what was put into the outbox.
type recorder struct {
	*ledger.Ledger
	mu     sync.Mutex
	queued map[string]map[string][]notify.Notice // by sink and lane
}

func (r *recorder) Queue(ctx context.Context, name string, was, state []byte, messages []ledger.Message) error {
	if err := r.Ledger.Queue(ctx, name, was, state, messages); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queued == nil {
		r.queued = map[string]map[string][]notify.Notice{}
	}
	for _, m := range messages {
		var n notify.Notice
		if err := json.Unmarshal(m.Body, &n); err != nil {
			return err
		}
		if r.queued[m.Sink] == nil {
			r.queued[m.Sink] = map[string][]notify.Notice{}
		}
		r.queued[m.Sink][m.Key] = append(r.queued[m.Sink][m.Key], n)
	}
	return nil
}

var monday = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)

// example is a finding of some account.
func example(code finding.Code, severity finding.Severity, account string) finding.Finding {
	return finding.Finding{
		Code: code, Severity: severity, Account: rotation.Ref("ml-platform/" + account), Team: "ml-platform", Owner: "ml@acme.example",
		Since: monday, Title: fmt.Sprintf("%s of %s", code, account), Evidence: []string{"seen by a test"}, Do: "look at it",
		Command: "keyrota status ml-platform/" + account,
	}
}

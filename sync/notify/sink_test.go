package notify_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/export"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/notify/notifytest"
)

func notice(what notify.What, items ...notify.Item) notify.Notice {
	n := notify.Notice{ID: "n1", At: monday}
	for _, i := range items {
		n.Changes = append(n.Changes, notify.Change{What: what, Item: i})
	}
	return n
}

func anItem() notify.Item {
	return notify.Item{
		ID: "unused ml/a ", Code: "unused", Severity: finding.Page, Account: "ml/a", Title: "ml/a is unused", Do: "look", Command: "keyrota status ml/a",
		Runbook: "https://example.com/RUNBOOK.md#unused",
	}
}

// Whatever Slack answers, the error says what a person can do, and repeats no
// credential.
func TestSlackThatRefuses(t *testing.T) {
	for _, c := range []struct {
		bot    bool
		status int
		body   string
		after  time.Duration
		kind   providers.Kind
		words  string
	}{
		{false, 400, "invalid_payload", 0, providers.Invalid, "invalid_payload"},
		{false, 400, "<html>" + hookPath, 0, providers.Invalid, "no reason that Slack documents"},
		{false, 400, "no_team", 0, providers.Denied, "no_team"},
		{false, 403, "action_prohibited", 0, providers.Denied, "action_prohibited (does the webhook still exist, and its channel?)"},
		{false, 404, "no_service", 0, providers.Denied, "no_service"},
		{false, 410, "channel_is_archived", 0, providers.Denied, "channel_is_archived"},
		{false, 302, "", 0, providers.Denied, "not sent along redirects"},
		{false, 429, "rate_limited", 30 * time.Second, providers.Limited, "429"},
		{false, 500, "rollup_error", 0, providers.Transient, "500"},
		{true, 200, `{"ok":false,"error":"channel_not_found"}`, 0, providers.Denied, "channel_not_found (is the bot's token valid"},
		{true, 200, `{"ok":false,"error":"invalid_auth"}`, 0, providers.Denied, "invalid_auth"},
		{true, 200, `{"ok":false,"error":"msg_blocks_too_long"}`, 0, providers.Invalid, "msg_blocks_too_long"},
		{true, 200, `{"ok":false,"error":"ratelimited"}`, 30 * time.Second, providers.Limited, "ratelimited"},
		{true, 200, `{"ok":false,"error":"` + botToken + `"}`, 0, providers.Transient, "no reason that Slack documents"},
		{true, 200, `<html>` + botToken, 0, providers.Transient, "not Slack's"},
		{true, 429, "", 30 * time.Second, providers.Limited, "429"},
		{true, 503, "", 0, providers.Transient, "503"},
		{false, 0, "", 0, providers.Transient, "no answer"},
	} {
		var s notifytest.Slack
		s.Down(notifytest.Outage{Status: c.status, Body: c.body, After: c.after})
		server := httptest.NewServer(&s)
		o := notify.SlackOptions{Name: "chat", Webhook: given(server.URL + hookPath), Instance: "prod", Now: func() time.Time { return monday }}
		if c.bot {
			o.Webhook, o.Token, o.Channel, o.API = nil, given(botToken), "C0123", server.URL+"/api"
		}
		slack, err := notify.NewSlack(o)
		if err != nil {
			t.Fatal(err)
		}
		sent, err := slack.Send(t.Context(), "", []notify.Notice{notice(notify.Raised, anItem())})
		server.Close()
		refused(t, fmt.Sprintf("%d %s", c.status, c.body), sent, err, c.kind, c.after, c.words)
	}
}

func refused(t *testing.T, name string, sent int, err error, kind providers.Kind, after time.Duration, words string) {
	t.Helper()
	if err == nil || sent != 0 || providers.KindOf(err) != kind || providers.RetryAfterOf(err) != after || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %d sent, %v error after %s: %v\nwant a %v error after %s with %q", name, sent, providers.KindOf(err), providers.RetryAfterOf(err), err, kind, after, words)
	}
	if err != nil && strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%s: a credential is in: %v", name, err)
	}
}

// A bot posts with its token to its channel.
func TestSlackBot(t *testing.T) {
	s := notifytest.Slack{Token: botToken, Channel: "C0123"}
	server := httptest.NewServer(&s)
	defer server.Close()
	slack, err := notify.NewSlack(notify.SlackOptions{Name: "chat", Token: given(botToken), Channel: "C0123", API: server.URL + "/api", Instance: "prod", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if sent, err := slack.Send(t.Context(), "", []notify.Notice{notice(notify.Raised, anItem())}); sent != 1 || err != nil {
		t.Fatal(sent, err, s.Refused())
	}
	if taken := s.Taken(); len(taken) != 1 || taken[0].Channel != "C0123" {
		t.Errorf("taken: %+v", taken)
	}
}

// A message whose blocks Slack refuses is sent as plain text, once.
func TestSlackThatTakesNoBlocks(t *testing.T) {
	for _, bot := range []bool{false, true} {
		s := notifytest.Slack{Token: botToken, Channel: "C0123", NoBlocks: true}
		o := notify.SlackOptions{Name: "chat", Webhook: given("https://hooks.slack.example" + hookPath), Instance: "prod", Now: time.Now, Transport: notifytest.Direct(&s)}
		if bot {
			o.Webhook, o.Token, o.Channel = nil, given(botToken), "C0123"
		}
		slack, err := notify.NewSlack(o)
		if err != nil {
			t.Fatal(err)
		}
		marked, over := anItem(), anItem()
		marked.Title, over.ID, over.Account, over.Title = "<!channel> is unused", "unused ml/b ", "ml/b", "ml/b is unused"
		n := notice(notify.Raised, marked)
		n.Changes = append(n.Changes, notify.Change{What: notify.Healed, Item: over})
		if sent, err := slack.Send(t.Context(), "", []notify.Notice{n}); sent != 1 || err != nil {
			t.Fatal(sent, err, s.Refused())
		}
		taken := s.Taken()
		if len(taken) != 1 || s.Asked() != 2 || len(taken[0].Blocks) != 0 {
			t.Fatalf("%d requests, taken: %+v", s.Asked(), taken)
		}
		const want = "keyrota prod: 1 new finding, 1 over\n• page, new: &lt;!channel&gt; is unused (ml/a)\n• over: ml/b is unused"
		if taken[0].Text != want {
			t.Errorf("got  %s\nwant %s", taken[0].Text, want)
		}
	}
}

func TestSinksThatCannotBe(t *testing.T) {
	for words, err := range map[string]error{
		"either webhook, or token": func() error { _, err := notify.NewSlack(notify.SlackOptions{}); return err }(),
		"the channel":              func() error { _, err := notify.NewSlack(notify.SlackOptions{Token: given("x")}); return err }(),
		"must be https": func() error {
			_, err := notify.NewPagerDuty(notify.PagerDutyOptions{URL: "http://events.example"})
			return err
		}(),
		"host:port":   mailError(notify.EmailOptions{Server: "mail"}),
		"write to:":   mailError(notify.EmailOptions{Server: "mail:25", From: "k@acme.example"}),
		`"nobody" is`: mailError(notify.EmailOptions{Server: "mail:25", From: "k@acme.example", To: []string{"nobody"}}),
		"reads along": mailError(notify.EmailOptions{Server: "mail:25", TLS: notify.NoTLS, From: "k@acme.example", To: []string{"a@acme.example"}}),
		"not sent without TLS": mailError(notify.EmailOptions{
			Server: "127.0.0.1:25", TLS: notify.NoTLS, From: "k@acme.example", To: []string{"a@acme.example"}, User: given("k"), Password: given("p"),
		}),
		"user and password": mailError(notify.EmailOptions{Server: "mail:25", From: "k@acme.example", To: []string{"a@acme.example"}, User: given("k")}),
		`tls is "ssl"`:      mailError(notify.EmailOptions{Server: "mail:25", TLS: "ssl", From: "k@acme.example", To: []string{"a@acme.example"}}),
	} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want one with %q", err, words)
		}
	}
}

func mailError(o notify.EmailOptions) error {
	_, err := notify.NewEmail(o)
	return err
}

// What others write cannot break Slack's rules, whatever it is: the stand-in
// refuses what is too long or not escaped.
func TestSlackTakesAnyText(t *testing.T) {
	text := rapid.OneOf(
		rapid.StringN(0, 400, -1),
		rapid.SampledFrom([]string{
			"<!channel> & <https://evil.example|click>", "```", "*bold* _it_ `code`", strings.Repeat("<", 600), strings.Repeat("ä&", 300), "<!date^1^{date}|x>", "",
			"since <!here>",
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		item := rapid.Custom(func(t *rapid.T) notify.Item {
			i := notify.Item{
				ID: rapid.StringN(1, 10, -1).Draw(t, "id"), Code: "unused", Severity: rapid.SampledFrom([]finding.Severity{finding.Page, finding.Ticket, finding.Report}).Draw(t, "severity"),
				Subject: text.Draw(t, "subject"), Account: text.Draw(t, "account"), Owner: text.Draw(t, "owner"), Title: text.Draw(t, "title") + "x",
				Evidence: rapid.SliceOfN(text, 0, 5).Draw(t, "evidence"), Do: text.Draw(t, "do"), Command: text.Draw(t, "command"), Broken: text.Draw(t, "broken"),
				Runbook: "https://example.com/RUNBOOK.md#unused",
			}
			if rapid.Bool().Draw(t, "dated") {
				i.Since, i.SafeUntil = monday, monday
			}
			if rapid.Bool().Draw(t, "known") {
				i.Acknowledged = &notify.Acknowledgement{Until: monday, Reason: text.Draw(t, "reason"), By: text.Draw(t, "by")}
			}
			return i
		})
		var notices []notify.Notice
		for range rapid.IntRange(1, 3).Draw(t, "notices") {
			n := notify.Notice{ID: "n", At: monday, Link: "https://example.com/?a=1&b=<2>|3"}
			for _, i := range rapid.SliceOfN(item, 1, 20).Draw(t, "items") {
				what := rapid.SampledFrom([]notify.What{notify.Raised, notify.Changed, notify.Reminded, notify.Healed, notify.Acknowledged}).Draw(t, "what")
				n.Changes = append(n.Changes, notify.Change{What: what, Item: i})
			}
			notices = append(notices, n)
		}
		var s notifytest.Slack
		slack, err := notify.NewSlack(notify.SlackOptions{
			Name: "chat", Webhook: given("https://hooks.slack.example/x"), Instance: "prod", Now: time.Now, Transport: notifytest.Direct(&s),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := slack.Send(t.Context(), "", notices); err != nil || len(s.Refused()) > 0 {
			t.Fatal(err, s.Refused())
		}
		s.NoBlocks = true // then as plain text
		if _, err := slack.Send(t.Context(), "", notices); err != nil || len(s.Refused()) > 1 {
			t.Fatal(err, s.Refused())
		}
	})
}

func TestPagerDuty(t *testing.T) {
	server := notifytest.PagerDuty{RoutingKey: routingKey}
	pager, err := notify.NewPagerDuty(notify.PagerDutyOptions{Name: "on-call", RoutingKey: given(routingKey), Instance: "prod", Now: time.Now, Transport: notifytest.Direct(&server)})
	if err != nil {
		t.Fatal(err)
	}
	long := anItem()
	long.ID, long.Title, long.Evidence = "unused "+strings.Repeat("é", 300), strings.Repeat("ü", 3000), []string{strings.Repeat("x", 1<<20)}
	broken := anItem()
	broken.Broken = "eval fails"
	ticket := anItem()
	ticket.Severity, ticket.ID = finding.Ticket, "unused ml/b "
	for _, notices := range [][]notify.Notice{
		{notice(notify.Raised, long)}, {notice(notify.Reminded, long)}, {notice(notify.Raised, broken)}, {notice(notify.Raised, ticket)},
		{notice(notify.Healed, broken)}, {notice(notify.Raised, broken), notice(notify.Healed, broken)},
		{notice(notify.Healed, long), notice(notify.Raised, long)},
	} {
		if sent, err := pager.Send(t.Context(), notices[0].Changes[0].Item.ID, notices); sent != len(notices) || err != nil {
			t.Fatal(sent, err, server.Refused())
		}
	}
	var got []string
	for _, e := range server.Alerts() {
		got = append(got, e.Action+" "+e.Payload.Severity)
	}
	if want := "trigger error, trigger error, trigger critical, trigger warning, resolve , resolve , trigger error"; strings.Join(got, ", ") != want {
		t.Errorf("alerts: %q, want %q", strings.Join(got, ", "), want)
	}
	all := server.Alerts()
	if all[0].DedupKey != all[1].DedupKey || all[0].DedupKey != all[6].DedupKey || all[2].DedupKey != "keyrota/prod/unused ml/a " || all[2].DedupKey != all[4].DedupKey || all[2].DedupKey != all[5].DedupKey {
		t.Errorf("deduplication keys: %+v", all)
	}
	if d := all[2].Payload.Details; d["broken_now"] != "eval fails" || d["command"] != "keyrota status ml/a" || d["code"] != "unused" || all[2].Links[0].Href != "https://example.com/RUNBOOK.md#unused" {
		t.Errorf("details: %q %+v", d, all[2].Links)
	}
	if changes := server.Changes(); len(changes) != 1 || !strings.HasPrefix(changes[0].Payload.Summary, "came and went while PagerDuty could not be told: ml/a is unused") {
		t.Errorf("changes: %+v", changes)
	}
}

func TestPagerDutyThatRefuses(t *testing.T) {
	for _, c := range []struct {
		status int
		key    string
		after  time.Duration
		kind   providers.Kind
		words  string
	}{
		{400, routingKey, 0, providers.Invalid, "400"},
		{400, "CANARY-too-short", 0, providers.Denied, "has 16 characters, and those of PagerDuty have 32"},
		{404, routingKey, 0, providers.Denied, "service region"},
		{429, routingKey, time.Minute, providers.Limited, "429"},
		{503, routingKey, 0, providers.Transient, "503"},
		{301, routingKey, 0, providers.Denied, "redirects"},
		{0, routingKey, 0, providers.Transient, "no answer"},
	} {
		server := notifytest.PagerDuty{RoutingKey: routingKey}
		server.Down(notifytest.Outage{Status: c.status, After: c.after, Body: c.key})
		pager, err := notify.NewPagerDuty(notify.PagerDutyOptions{Name: "on-call", RoutingKey: given(c.key), Instance: "prod", Now: time.Now, Transport: notifytest.Direct(&server)})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := pager.Send(t.Context(), "x", []notify.Notice{notice(notify.Raised, anItem())})
		refused(t, fmt.Sprint(c.status), sent, err, c.kind, c.after, c.words)
	}
}

// A webhook is posted what it can verify, one request for each notice, and goes
// on where it was cut off.
func TestWebhookGoesOnWhereItWasCutOff(t *testing.T) {
	server := notifytest.Webhook{Key: signingKey, Now: time.Now}
	hook, err := notify.NewWebhook(export.WebhookOptions{URL: "https://hook.example/in", Sign: given(signingKey), Now: time.Now, Transport: notifytest.Direct(&server)},
		export.Encoder{Ledger: "l1", Instance: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	notices := []notify.Notice{notice(notify.Raised, anItem(), anItem()), notice(notify.Healed, anItem()), {ID: "n3", At: monday, Report: &notify.Report{Name: "weekly", Title: "Unused"}}}
	notices[1].ID = "n2"
	passing := &failAfter{RoundTripper: notifytest.Direct(&server), left: 1}
	cut, err := notify.NewWebhook(export.WebhookOptions{URL: "https://hook.example/in", Sign: given(signingKey), Now: time.Now, Transport: passing}, export.Encoder{Ledger: "l1", Instance: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := cut.Send(t.Context(), "", notices)
	if sent != 1 || err == nil {
		t.Fatalf("%d sent, %v", sent, err)
	}
	if sent, err = hook.Send(t.Context(), "", notices[sent:]); sent != 2 || err != nil {
		t.Fatalf("%d sent, %v, %q", sent, err, server.Refused())
	}
	var got []string
	for _, e := range server.Taken() {
		got = append(got, e.ID+" "+strings.TrimPrefix(e.Type, "com.github.keyrota.")+" "+e.Subject)
	}
	if want := "n1-0 finding.raised ml/a, n1-1 finding.raised ml/a, n2-0 finding.healed ml/a, n3 report.made weekly"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

// What is more than a webhook takes at once comes in several requests, each event
// under the id that it has.
func TestWebhookThatTakesLittleAtOnce(t *testing.T) {
	server := notifytest.Webhook{Key: signingKey, Now: time.Now, Most: 2}
	hook, err := notify.NewWebhook(export.WebhookOptions{URL: "https://hook.example/in", Sign: given(signingKey), Now: time.Now, Transport: notifytest.Direct(&server)},
		export.Encoder{Ledger: "l1", Instance: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	five := notice(notify.Raised, anItem(), anItem(), anItem(), anItem(), anItem())
	if sent, err := hook.Send(t.Context(), "", []notify.Notice{five}); sent != 1 || err != nil {
		t.Fatal(sent, err, server.Refused())
	}
	var ids []string
	for _, e := range server.Taken() {
		ids = append(ids, e.ID)
	}
	if want := "n1-0 n1-1 n1-2 n1-3 n1-4"; strings.Join(ids, " ") != want {
		t.Errorf("taken: %q, want %s", ids, want)
	}
	server.Down(notifytest.Outage{Status: 413}) // also of a single one
	sent, err := hook.Send(t.Context(), "", []notify.Notice{five})
	refused(t, "413", sent, err, providers.Invalid, 0, "more than it takes at once")
}

// failAfter is a network that breaks after some requests.
type failAfter struct {
	http.RoundTripper
	left int
}

func (f *failAfter) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.left--; f.left < 0 {
		return nil, errors.New("the cable is out")
	}
	return f.RoundTripper.RoundTrip(r)
}

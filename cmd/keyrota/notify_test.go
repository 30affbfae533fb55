package main

import (
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keyrota/keyrota/sync/notify/notifytest"
)

// inboxes are servers of each kind that a sink can be at.
type inboxes struct {
	slack notifytest.Slack
	pager notifytest.PagerDuty
	mail  notifytest.Mail
	hook  notifytest.Webhook
}

// Credentials of the sinks, as the service gives them.
const (
	slackPath  = "/services/" + keyMark + "-0123456789-0123456789-0123456789"
	routingKey = keyMark + "56789012345678901234567890" // 32 characters
	signingKey = keyMark + "-signing-0123456789-0123456789-0123456789"
)

// startInboxes has servers take messages, and says in the environment where
// they are.
func startInboxes(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0)
	s := of(ts)
	s.inboxes = &inboxes{}
	s.inboxes.pager.RoutingKey = routingKey
	s.inboxes.hook.Key, s.inboxes.hook.Now = signingKey, func() time.Time { return *s.now.Load() }
	slack, pager, hook := httptest.NewServer(&s.inboxes.slack), httptest.NewServer(&s.inboxes.pager), httptest.NewServer(&s.inboxes.hook)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	for _, end := range []func(){slack.Close, pager.Close, hook.Close, s.inboxes.mail.Serve(l)} {
		ts.Defer(end)
	}
	for name, value := range map[string]string{
		"SLACK_WEBHOOK": slack.URL + slackPath, "PAGERDUTY_KEY": routingKey, "PAGERDUTY_URL": pager.URL,
		"HOOK_URL": hook.URL + "/in", "HOOK_KEY": signingKey, "MAIL_SERVER": l.Addr().String(),
	} {
		ts.Setenv(name, value)
	}
}

// inbox COUNT KIND WORDS: so many messages of the kind say the words.
func inbox(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 3)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var all []string
	in := of(ts).inboxes
	switch args[1] {
	case "slack":
		for _, m := range in.slack.Taken() {
			all = append(all, m.Text+"\n"+m.All())
		}
	case "alerts":
		for _, e := range in.pager.Alerts() {
			all = append(all, e.Action+" "+e.Payload.Summary)
		}
	case "mail":
		for _, m := range in.mail.Taken() {
			all = append(all, "To: "+m.To+"\n"+m.Subject+"\n"+m.Text)
		}
	case "hook":
		for _, e := range in.hook.Taken() {
			all = append(all, e.Type+" "+string(e.Data))
		}
	default:
		ts.Fatalf("inbox: there is no kind %q", args[1])
	}
	got := 0
	for _, m := range all {
		if strings.Contains(m, args[2]) {
			got++
		}
		if strings.Contains(m, keyMark) {
			ts.Fatalf("a credential is in a message: %s", m)
		}
	}
	if got != want {
		ts.Fatalf("%d messages say %q, want %d; refused: %q\n%s", got, args[2], want,
			[][]string{in.slack.Refused(), in.pager.Refused(), in.mail.Refused(), in.hook.Refused()}, strings.Join(all, "\n----\n"))
	}
}

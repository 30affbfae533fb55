package notify_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/notify"
	"github.com/keyrota/keyrota/sync/notify/notifytest"
)

// Whatever is in a row of the outbox, what comes of it keeps to Slack's rules.
func FuzzNotice(f *testing.F) {
	for _, n := range []notify.Notice{
		notice(notify.Raised, anItem()), notice(notify.Healed, anItem()), notice("strange", anItem()),
		{ID: "n", At: monday, Report: &notify.Report{Name: "weekly", Title: "Unused", Lines: []string{"<a>"}, Link: "javascript:alert(1)"}},
		{ID: "n", At: monday, Event: &notify.Event{ID: "l-1", Kind: "key.delivered", Text: "& <"}},
	} {
		body, err := json.Marshal(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var n notify.Notice
		if json.Unmarshal(body, &n) != nil {
			t.Skip()
		}
		var s notifytest.Slack
		slack, err := notify.NewSlack(notify.SlackOptions{
			Name: "chat", Webhook: given("https://hooks.slack.example/x"), Instance: "prod", Now: time.Now, Transport: notifytest.Direct(&s),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := slack.Send(t.Context(), "", []notify.Notice{n}); err != nil {
			t.Fatal(err, s.Refused())
		}
	})
}

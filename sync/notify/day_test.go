package notify_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/notify/notifytest"
)

// A sink is down for a day. Nothing else waits for it; once it is back,
// everything that was to be told arrives, in order, and nothing twice.
func TestASinkIsDownForADay(t *testing.T) {
	for _, c := range []struct {
		sink, how string
		outage    notifytest.Outage
	}{
		{"chat", "no answer", notifytest.Outage{}},
		{"chat", "refuses all", notifytest.Outage{Status: 400, Body: "invalid_blocks"}},
		{"on-call", "no answer", notifytest.Outage{}},
		{"on-call", "too many", notifytest.Outage{Status: 429, After: 10 * time.Minute}},
		{"mail", "not now", notifytest.Outage{}},
		{"hook", "no answer", notifytest.Outage{}},
		{"hook", "denied", notifytest.Outage{Status: 401}},
	} {
		t.Run(c.sink+" "+c.how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { downForADay(t, c.sink, c.outage) })
		})
	}
}

func downForADay(t *testing.T, down string, outage notifytest.Outage) {
	w := newWorld(t, func() time.Time { return time.Now().Round(0) })
	defer w.ledger.Close()
	weather := map[string]*notifytest.Weather{"chat": &w.slack.Weather, "on-call": &w.pager.Weather, "mail": &w.mail.Weather, "hook": &w.hook.Weather}[down]
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.n.Run(ctx)
	}()
	time.Sleep(time.Hour) // the events are followed from here on

	// Every hour of a day and a half one account is in trouble, for as many hours as its
	// number says; so some are told of and over before, during and after.
	const hours = 36
	began, ends := 6, 30
	trouble := func(hour int) []finding.Finding {
		var all []finding.Finding
		for i := range hours {
			if i <= hour && hour < i+1+i%5*4 {
				severity := finding.Page
				if i%3 == 0 {
					severity = finding.Ticket
				}
				all = append(all, example("destination_failing", severity, fmt.Sprintf("account-%02d", i)))
			}
		}
		return all
	}
	for hour := range hours {
		switch hour {
		case began:
			weather.Down(outage)
		case ends:
			weather.Up()
		}
		w.tell(trouble(hour)...)
		w.happened(
			rotation.Event{Kind: rotation.EventDelivered, Edition: 2, Words: fmt.Sprintf("hour %d", hour)},
			rotation.Event{Kind: rotation.EventAgreed, Edition: 2, Words: fmt.Sprintf("hour %d", hour)},
		)
		time.Sleep(30 * time.Minute)
		waiting := w.waiting()
		if is := hour >= began && hour < ends; is != (waiting[down] > 0) && hour != ends {
			t.Errorf("hour %d: %d messages wait for %s", hour, waiting[down], down)
		}
		delete(waiting, down)
		if len(waiting) > 0 {
			t.Errorf("hour %d: another sink waits too: %v", hour, waiting)
		}
		time.Sleep(30 * time.Minute)
	}
	w.tell() // all is well
	time.Sleep(time.Hour)
	stop()
	<-ended

	if left := w.waiting(); len(left) > 0 {
		t.Errorf("still in the outbox: %v", left)
	}
	for sink, lanes := range w.queued.queued {
		for lane, notices := range lanes {
			var want []string
			for _, n := range notices {
				want = append(want, n.ID)
			}
			if got := w.counted[sink].arrived[lane]; !slices.Equal(got, want) {
				t.Errorf("%s, lane %q: %d notices arrived, %d were to be told:\n got %q\nwant %q", sink, lane, len(got), len(want), got, want)
			}
			if len(want) != len(slices.Compact(slices.Sorted(slices.Values(want)))) {
				t.Errorf("%s, lane %q: two notices with one id", sink, lane)
			}
		}
	}
	seenByPeople(t, w, hours)
}

var accounts = regexp.MustCompile(`destination_failing of (account-\d\d)`)

// seenByPeople: every account that was in trouble is told of once, and once that
// it is over, or once that it came and went.
func seenByPeople(t *testing.T, w *world, hours int) {
	t.Helper()
	told, over, passed := map[string]int{}, map[string]int{}, map[string]int{}
	count := func(in map[string]int, sink, text string) {
		once := map[string]bool{}
		for _, m := range accounts.FindAllStringSubmatch(text, -1) {
			once[m[1]] = true
		}
		for account := range once {
			in[sink+" "+account]++
		}
	}
	for _, m := range w.slack.Taken() {
		var alerts strings.Builder
		for k, b := range m.Blocks {
			switch {
			case b.Text == nil || k == 0 && strings.HasPrefix(b.Text.Text, "✅"):
			case strings.Contains(b.Text.Text, "*Over*"):
				count(over, "chat", b.Text.Text)
			case strings.Contains(b.Text.Text, "Came and went"):
				count(passed, "chat", b.Text.Text)
			default:
				alerts.WriteString(b.Text.Text)
			}
		}
		count(told, "chat", alerts.String())
	}
	ids := map[string]int{}
	for _, m := range w.mail.Taken() {
		ids[m.Header.Get("Message-Id")]++
		if m.To != "sec@acme.example" {
			continue
		}
		var alerts string
		if !strings.Contains(m.Subject, "] Over: ") {
			alerts = m.Subject
		}
		for _, part := range strings.Split(strings.ReplaceAll(m.Text, "\r\n", "\n"), strings.Repeat("-", 60)+"\n")[1:] {
			switch title, _, _ := strings.Cut(part, "\n"); {
			case title == "Over":
				count(over, "mail", part)
			case strings.HasPrefix(title, "Came and went"):
				count(passed, "mail", part)
			default:
				alerts += title
				if strings.HasPrefix(title, "And ") {
					alerts += part
				}
			}
		}
		count(told, "mail", alerts)
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("mail %s came %d times", id, n)
		}
	}
	opened := map[string]bool{}
	for _, e := range w.pager.Alerts() {
		if e.Action == "resolve" {
			if !opened[e.DedupKey] {
				continue // in case that it was
			}
			count(over, "on-call", "destination_failing of "+e.DedupKey[strings.Index(e.DedupKey, "account-"):])
		} else {
			opened[e.DedupKey] = true
			count(told, "on-call", e.Payload.Summary)
		}
	}
	changes := map[string]int{}
	for _, e := range w.pager.Changes() {
		if strings.HasPrefix(e.Payload.Summary, "came and went") {
			count(passed, "on-call", e.Payload.Summary)
		} else {
			changes[e.Payload.Summary]++
		}
	}
	if len(w.pager.Open()) > 0 {
		t.Errorf("alerts are open: %v", w.pager.Open())
	}
	restarts := 0
	for _, e := range w.hook.Taken() {
		ids[e.ID]++
		switch e.Type {
		case "com.github.keyrota.key.delivered":
			if want := fmt.Sprintf(`"event.reason":"hour %d"`, restarts); !strings.Contains(string(e.Data), fmt.Sprintf(`"reason":"hour %d"`, restarts)) {
				t.Errorf("restart %d: %s is not in %s", restarts, want, e.Data)
			}
			restarts++
		case "com.github.keyrota.finding.raised":
			count(told, "hook", string(e.Data))
		case "com.github.keyrota.finding.healed":
			count(over, "hook", string(e.Data))
		}
		if ids[e.ID] != 1 {
			t.Errorf("event %s came %d times", e.ID, ids[e.ID])
		}
	}
	if restarts != hours || len(changes) != hours {
		t.Errorf("%d restarts and %d changes, want %d each", restarts, len(changes), hours)
	}
	for i := range hours {
		for _, sink := range []string{"chat", "mail", "on-call", "hook"} {
			who := fmt.Sprintf("%s account-%02d", sink, i)
			once := told[who] == 1 && over[who] == 1 && passed[who] == 0 || told[who] == 0 && over[who] == 0 && passed[who] == 1
			if page := i%3 != 0; sink == "on-call" && !page {
				once = told[who]+over[who]+passed[who] == 0
			}
			if !once {
				t.Errorf("%s: told %d times, over %d times, came and went %d times", who, told[who], over[who], passed[who])
			}
		}
	}
	w.wellBehaved()
}

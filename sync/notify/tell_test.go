package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/notify"
)

// step is what holds at a time, and what is to be told then.
type step struct {
	after time.Duration // since the step before
	here  []finding.Finding
	blind bool // what is not here could not be looked at
	want  []string
}

func TestWhatIsTold(t *testing.T) {
	failing := example("destination_failing", finding.Page, "a")
	failing.Broken, failing.SafeUntil = "eval reads a dead key for 3 hours", monday.Add(48*time.Hour)
	with := func(change func(*finding.Finding)) finding.Finding {
		f := failing
		change(&f)
		return f
	}
	known := with(func(f *finding.Finding) {
		f.Acknowledged = &finding.Acknowledgement{Until: monday.AddDate(0, 0, 3), Reason: "mending it", By: "alice"}
	})
	unused := example("unused", finding.Ticket, "b")
	one := func(f ...finding.Finding) []finding.Finding { return f }
	for name, steps := range map[string][]step{
		"once": {
			{here: one(failing), want: []string{"raised destination_failing"}},
			{here: one(failing)},
			{after: 6 * 24 * time.Hour, here: one(failing)},
		},
		"again after the time to repeat": {
			{here: one(failing, unused), want: []string{"raised destination_failing", "raised unused"}},
			{after: 4 * 24 * time.Hour, here: one(with(func(f *finding.Finding) { f.Severity = finding.Ticket }), unused), want: []string{"changed destination_failing"}},
			{after: 3 * 24 * time.Hour, here: one(with(func(f *finding.Finding) { f.Severity = finding.Ticket }), unused), want: []string{"reminded unused"}},
		},
		"numbers change by themselves": {
			{here: one(failing), want: []string{"raised destination_failing"}},
			{here: one(with(func(f *finding.Finding) {
				f.Broken, f.Title, f.Evidence = "eval reads a dead key for 14 hours", "another title", nil
			}))},
			{here: one(with(func(f *finding.Finding) { f.Broken = "eval and train read a dead key for 14 hours" })), want: []string{"changed destination_failing"}},
			{here: one(with(func(f *finding.Finding) { f.Broken = "" })), want: []string{"changed destination_failing"}},
		},
		"due earlier": {
			{here: one(failing), want: []string{"raised destination_failing"}},
			{here: one(with(func(f *finding.Finding) { f.SafeUntil = monday.Add(96 * time.Hour) }))},
			{here: one(failing)},
			{here: one(with(func(f *finding.Finding) { f.SafeUntil = monday.Add(47*time.Hour + time.Minute) }))},
			{here: one(with(func(f *finding.Finding) { f.SafeUntil = monday.Add(46 * time.Hour) })), want: []string{"changed destination_failing"}},
		},
		"over once it stays away": {
			{here: one(failing), want: []string{"raised destination_failing"}},
			{after: time.Minute},
			{after: 9 * time.Minute},
			{after: time.Minute, want: []string{"healed destination_failing"}},
			{after: time.Hour},
			{here: one(failing), want: []string{"raised destination_failing"}},
		},
		"comes and goes": {
			{here: one(failing), want: []string{"raised destination_failing"}},
			{after: time.Minute},
			{after: 5 * time.Minute, here: one(failing)},
			{after: time.Minute},
			{after: 9 * time.Minute},
			{after: time.Minute, want: []string{"healed destination_failing"}},
		},
		"not seen is not over": {
			{here: one(failing), want: []string{"raised destination_failing"}},
			{after: time.Hour, blind: true},
			{after: time.Hour, blind: true},
			{after: time.Hour, here: one(failing)},
		},
		"acknowledged": {
			{here: one(failing), want: []string{"raised destination_failing"}},
			{here: one(known), want: []string{"acknowledged destination_failing"}},
			{after: 30 * 24 * time.Hour, here: one(known)},
			{here: one(failing), want: []string{"raised destination_failing"}},
			{here: one(known), want: []string{"acknowledged destination_failing"}},
			{after: time.Hour},
			{after: time.Hour},
		},
		"known before it is told": {
			{here: one(known)},
			{after: time.Hour},
			{after: time.Hour, here: one(failing), want: []string{"raised destination_failing"}},
		},
		"for the report only": {
			{here: one(with(func(f *finding.Finding) { f.Severity = finding.Report }))},
			{here: one(failing), want: []string{"raised destination_failing"}},
			{here: one(with(func(f *finding.Finding) { f.Severity = finding.Report }))},
			{after: time.Hour},
			{after: time.Hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := monday
			w := newWorld(t, func() time.Time { return at })
			defer w.ledger.Close()
			w.n.Settle, w.n.Targets[0].Repeat = 10*time.Minute, 7*24*time.Hour
			told := 0
			for i, s := range steps {
				at = at.Add(s.after)
				situation := notify.Situation{Findings: s.here}
				if s.blind {
					situation.Seen = func(notify.Item) bool { return false }
				}
				if err := w.n.Tell(t.Context(), situation); err != nil {
					t.Fatal(err)
				}
				notices := w.queued.queued["chat"][""]
				if diff := cmp.Diff(s.want, changes(notices[told:])); diff != "" {
					t.Errorf("step %d (-want +got):\n%s", i+1, diff)
				}
				told = len(notices)
			}
		})
	}
}

// changes writes what notices say in short.
func changes(notices []notify.Notice) []string {
	var all []string
	for _, n := range notices {
		for _, c := range n.Changes {
			all = append(all, fmt.Sprintf("%s %s", c.What, c.Item.Code))
		}
	}
	return all
}

func TestRoutes(t *testing.T) {
	page, ticket, report := example("foreign_key", finding.Page, "a"), example("unused", finding.Ticket, "b"), example("no_purpose", finding.Report, "c")
	other := example("unused", finding.Ticket, "d")
	other.Team, other.Owner, other.Account = "research", "rd@acme.example", "research/d"
	for _, c := range []struct {
		name   string
		routes []notify.Route
		want   map[string]string
	}{
		{"none", nil, map[string]string{"chat": "foreign_key a, unused b, unused d", "on-call": "foreign_key a", "mail": "foreign_key a, unused b, unused d"}},
		{"severities as the sinks take them", []notify.Route{{Sinks: []string{"chat", "on-call"}}}, map[string]string{"chat": "foreign_key a, unused b, unused d", "on-call": "foreign_key a"}},
		{"severities by name", []notify.Route{{Sinks: []string{"on-call"}, Severities: []finding.Severity{finding.Ticket}}, {Sinks: []string{"chat"}, Severities: []finding.Severity{finding.Report}}}, map[string]string{"chat": "no_purpose c", "on-call": "unused b, unused d"}},
		{"team", []notify.Route{{Sinks: []string{"chat"}, Teams: []string{"research"}}, {Sinks: []string{"mail"}, Teams: []string{"ml-platform"}, Codes: []finding.Code{"unused"}}}, map[string]string{"chat": "unused d", "mail": "unused b"}},
		{"owner and code", []notify.Route{{Owners: []string{"rd@acme.example"}, Codes: []finding.Code{"unused", "foreign_key"}}}, map[string]string{"chat": "unused d", "mail": "unused d"}},
		{"two that meet are told once", []notify.Route{{Sinks: []string{"chat"}}, {Sinks: []string{"chat"}, Teams: []string{"research"}}}, map[string]string{"chat": "foreign_key a, unused b, unused d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, func() time.Time { return monday })
			defer w.ledger.Close()
			w.n.Routes = c.routes
			w.tell(page, ticket, report, other)
			for _, sink := range []string{"chat", "on-call", "mail"} {
				var got []string
				for _, notices := range w.queued.queued[sink] {
					for _, n := range notices {
						for _, change := range n.Changes {
							got = append(got, strings.ReplaceAll(change.Item.Title, " of", ""))
						}
					}
				}
				slices.Sort(got)
				if all := strings.Join(slices.Compact(got), ", "); all != c.want[sink] {
					t.Errorf("%s is told %q, want %q", sink, all, c.want[sink])
				}
			}
		})
	}
}

// An alert is resolved too when its finding is no longer one to be woken for.
func TestWhatIsNoPageAnyMoreIsResolved(t *testing.T) {
	w := newWorld(t, func() time.Time { return monday })
	defer w.ledger.Close()
	f := example("destination_failing", finding.Page, "a")
	w.tell(f)
	w.flush()
	if len(w.pager.Open()) != 1 {
		t.Fatalf("open: %v", w.pager.Open())
	}
	f.Severity = finding.Ticket
	w.tell(f)
	w.flush()
	if len(w.pager.Open()) != 0 {
		t.Errorf("open: %v", w.pager.Open())
	}
	if last := w.slack.Taken()[1].All(); !strings.Contains(last, "_changed_") {
		t.Errorf("Slack was told:\n%s", last)
	}
}

// Several engines on one ledger tell what is news once between them.
func TestSeveralTellOnce(t *testing.T) {
	w := newWorld(t, func() time.Time { return monday })
	defer w.ledger.Close()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				if err := w.n.Tell(t.Context(), notify.Situation{Findings: many()}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	notices := w.queued.queued["chat"][""]
	if got := len(changes(notices)); got != 200 || len(notices) != 2 {
		t.Errorf("%d changes in %d notices, want 200 in 2", got, len(notices))
	}
	w.flush()
	if taken := w.slack.Taken(); len(taken) != 1 || !strings.Contains(taken[0].All(), "200 new findings") {
		t.Errorf("%d messages", len(taken))
	}
	w.wellBehaved()
}

// People are told also where the file that goes with it cannot be made.
func TestToldWithoutTheFile(t *testing.T) {
	w := newWorld(t, func() time.Time { return monday })
	defer w.ledger.Close()
	var log bytes.Buffer
	w.n.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.n.Attach = func(context.Context, []finding.Finding) ([]notify.File, error) {
		return nil, errors.New("no such template")
	}
	w.tell(many()...)
	w.flush()
	if mails := w.mail.Taken(); len(mails) == 0 || len(mails[0].Files) != 0 {
		t.Errorf("%d mails", len(mails))
	}
	if n := strings.Count(log.String(), "making the report to attach: no such template"); n != 1 {
		t.Errorf("the log says it %d times:\n%s", n, log.String())
	}
}

// A report that two processes made is told once, and the next one again.
func TestAReportIsToldOnce(t *testing.T) {
	w := newWorld(t, func() time.Time { return monday })
	defer w.ledger.Close()
	r := notify.Report{Name: "weekly", Title: "Unused accounts", Files: []notify.File{{Name: "r.html", Type: "text/html", Data: []byte("<p>")}}}
	for _, due := range []time.Time{monday, monday, monday.AddDate(0, 0, 7), monday} {
		if err := w.n.Report(t.Context(), r, due, "mail", "hook"); err != nil {
			t.Fatal(err)
		}
	}
	w.flush()
	w.wellBehaved()
	if n := len(w.hook.Taken()); n != 2 {
		t.Errorf("the webhook was told %d times, want 2", n)
	}
	if mails := w.mail.Taken(); len(mails) != 1 || len(mails[0].Files) != 1 {
		t.Errorf("mails: %+v", mails) // two that waited are one mail with the newest of each file
	}
	if len(w.slack.Taken()) != 0 {
		t.Error("Slack was told, and was not asked for")
	}
}

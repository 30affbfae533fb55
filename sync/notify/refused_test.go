package notify_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/notify/notifytest"
)

// reads counts the bodies that are read of a ledger.
type reads struct {
	*recorder
	bodies int
}

func (r *reads) MessagesOf(ctx context.Context, sink, key string, limit int) ([]ledger.Message, error) {
	all, err := r.recorder.MessagesOf(ctx, sink, key, limit)
	r.bodies += len(all)
	return all, err
}

// However much waits for those who are refused, others are told, and what waits
// for its time is not read each second.
func TestManyRefusedKeepNothingFromOthers(t *testing.T) {
	at := monday
	w := newWorld(t, func() time.Time { return at })
	defer w.ledger.Close()
	l := &reads{recorder: w.queued}
	w.n.Ledger, w.n.Targets = l, w.n.Targets[2:3]
	w.n.Targets[0].Severities = []finding.Severity{finding.Ticket}
	for i := range 600 {
		f := example("unused", finding.Ticket, "a")
		f.Owner = fmt.Sprintf("gone-%d@acme.example", i)
		w.mail.Unknown = append(w.mail.Unknown, f.Owner)
		f.Account += "x"
		f.Subject = f.Owner
		w.queue("mail", f.Owner, f)
	}
	if err := w.n.Flush(t.Context()); err == nil || l.bodies != 600 {
		t.Fatalf("%v, %d bodies were read, want 600", err, l.bodies)
	}
	w.queue("mail", "ann@acme.example", example("unused", finding.Ticket, "b"))
	w.flush()
	if mails := w.mail.Taken(); len(mails) != 1 || mails[0].To != "ann@acme.example" || l.bodies != 601 {
		t.Errorf("%d mails, %d bodies were read, want 601", len(mails), l.bodies)
	}
}

// What a sink refuses for two weeks is given up, and the log says so once. What a
// sink that is down was to be told never is.
func TestWhatIsRefusedForTooLongIsGivenUp(t *testing.T) {
	for _, c := range []struct {
		name    string
		outage  *notifytest.Outage // at first
		refused time.Duration      // for how long the address is refused after a month
		left    int                // messages that wait then
	}{
		{"refused", nil, 15 * 24 * time.Hour, 1},
		{"not long enough", nil, 13 * 24 * time.Hour, 2},
		{"down for a month before", &notifytest.Outage{Status: 421}, 13 * 24 * time.Hour, 2},
		{"down", &notifytest.Outage{Status: 421}, 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := monday
			w := newWorld(t, func() time.Time { return at })
			defer w.ledger.Close()
			var log bytes.Buffer
			w.n.Log, w.n.Targets = slog.New(slog.NewTextHandler(&log, nil)), w.n.Targets[2:3]
			const gone = "gone@acme.example"
			w.queue("mail", gone, example("unused", finding.Ticket, "a"))
			pass := func(most time.Duration) {
				for end := at.Add(most); at.Before(end); at = at.Add(12 * time.Hour) {
					_ = w.n.Flush(t.Context()) // by a process of its own each time
				}
			}
			if c.outage != nil {
				w.mail.Down(*c.outage)
				pass(30 * 24 * time.Hour)
			}
			if c.refused > 0 {
				w.mail.Up()
				w.mail.Unknown = []string{gone}
				pass(c.refused / 2)
				w.queue("mail", gone, example("unused", finding.Ticket, "b"))
				pass(c.refused / 2)
			} else {
				w.queue("mail", gone, example("unused", finding.Ticket, "b"))
			}
			if n := w.waiting()["mail"]; n != c.left {
				t.Errorf("%d wait, want %d", n, c.left)
			}
			if n := strings.Count(log.String(), "given up"); n != 2-c.left || n > 0 && !strings.Contains(log.String(), gone) {
				t.Errorf("the log:\n%s", log.String())
			}
			w.mail.Up()
			w.mail.Unknown, at = nil, at.Add(time.Hour)
			w.flush()
			if mails := w.mail.Taken(); len(mails) != 1 || !strings.Contains(mails[0].Text, "unused of b") || strings.Contains(mails[0].Text, "unused of a") != (c.left == 2) {
				t.Errorf("%+v", mails)
			}
		})
	}
}

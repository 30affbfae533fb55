package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/sync/ledger"
)

func queue(t *testing.T, l *ledger.Ledger, was, state string, messages ...ledger.Message) {
	t.Helper()
	if err := l.Queue(t.Context(), "notify/slack", []byte(was), []byte(state), messages); err != nil {
		t.Fatal(err)
	}
}

func messages(t *testing.T, l *ledger.Ledger, sink string, want ...ledger.Message) {
	t.Helper()
	got, err := l.Messages(t.Context(), sink, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAMessageStaysUntilItIsSent(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		clock := newClock()
		l := openWith(t, at, clock.options())
		queued := noon.Truncate(time.Microsecond)
		// Of the ledger's own fields nothing is taken over.
		queue(t, l, "", "told 2",
			ledger.Message{ID: 99, Sink: "slack", Key: "a", Body: []byte("one"), Tries: 3, Words: "?"},
			ledger.Message{Sink: "mail", Key: "a", Body: []byte{0, 0xff}},
			ledger.Message{Sink: "slack", Key: "a", Body: []byte{}})
		one := ledger.Message{ID: 1, Sink: "slack", Key: "a", Body: []byte("one"), Queued: queued}
		two := ledger.Message{ID: 2, Sink: "mail", Key: "a", Body: []byte{0, 0xff}, Queued: queued}
		three := ledger.Message{ID: 3, Sink: "slack", Key: "a", Queued: queued}
		messages(t, l, "slack", one, three)
		messages(t, l, "mail", two)
		if first, err := l.Messages(t.Context(), "slack", 1); err != nil || len(first) != 1 || first[0].ID != 1 {
			t.Errorf("%v, %v", first, err)
		}
		// What fails waits in its place.
		for range 2 {
			if err := l.Delay(t.Context(), noon.Add(time.Minute), "HTTP 503\x00\xff", 1, 77); err != nil {
				t.Fatal(err)
			}
		}
		one.NotBefore, one.Tries, one.Words = queued.Add(time.Minute), 2, "HTTP 503\uFFFD\uFFFD"
		messages(t, l, "slack", one, three)
		backlogs, err := l.Backlogs(t.Context())
		if err != nil || !cmp.Equal(backlogs, []ledger.Backlog{{"mail", 1, queued, 0}, {"slack", 2, queued, 2}}) {
			t.Errorf("%+v, %v", backlogs, err)
		}
		if err := l.Sent(t.Context(), 3, 1, 77); err != nil {
			t.Fatal(err)
		}
		messages(t, l, "slack")
		messages(t, l, "mail", two)
		// An id is never met twice, even when all before are gone.
		if err := l.Sent(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		clock.pass(time.Hour)
		queue(t, l, "told 2", "told 3", ledger.Message{Sink: "slack", Body: []byte("four")})
		messages(t, l, "slack", ledger.Message{ID: 4, Sink: "slack", Body: []byte("four"), Queued: queued.Add(time.Hour)})
	})
}

// TestLanes: what waits for a sink is looked at by keys, without the bodies.
func TestLanes(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		clock := newClock()
		l := openWith(t, at, clock.options())
		queued := noon.Truncate(time.Microsecond)
		message := func(sink, key, body string) ledger.Message {
			return ledger.Message{Sink: sink, Key: key, Body: []byte(body)}
		}
		queue(t, l, "", "1", message("mail", "b", "one"), message("mail", "a", "two"), message("slack", "b", "three"))
		clock.pass(time.Hour)
		queue(t, l, "1", "2", message("mail", "b", "four"), message("mail", "", "five"), message("mail", "b", "six"))
		if err := l.Delay(t.Context(), noon.Add(time.Minute), "550", 2); err != nil {
			t.Fatal(err)
		}
		lanes := func(want ...ledger.Lane) {
			t.Helper()
			got, err := l.Lanes(t.Context(), "mail")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		one := ledger.Message{ID: 1, Sink: "mail", Key: "b", Queued: queued}
		two := ledger.Message{ID: 2, Sink: "mail", Key: "a", Queued: queued, NotBefore: queued.Add(time.Minute), Tries: 1, Words: "550"}
		four := ledger.Message{ID: 4, Sink: "mail", Key: "b", Queued: queued.Add(time.Hour)}
		five := ledger.Message{ID: 5, Sink: "mail", Queued: queued.Add(time.Hour)}
		lanes(ledger.Lane{one, 3}, ledger.Lane{two, 1}, ledger.Lane{five, 1})
		one.Body, four.Body = []byte("one"), []byte("four")
		got, err := l.MessagesOf(t.Context(), "mail", "b", 2)
		if diff := cmp.Diff([]ledger.Message{one, four}, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if err := l.Sent(t.Context(), 1, 2); err != nil {
			t.Fatal(err)
		}
		four.Body = nil
		lanes(ledger.Lane{four, 2}, ledger.Lane{five, 1})
		if got, err := l.Lanes(t.Context(), "pager"); err != nil || got != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestMessagesAreQueuedWithWhatTheyFollowFrom: of two who decide by the same
// state one is told to decide again.
func TestMessagesAreQueuedWithWhatTheyFollowFrom(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		other := openAt(t, at)
		var wg sync.WaitGroup
		for i, l := range []*ledger.Ledger{l, other, l, other} {
			wg.Go(func() {
				for n := 0; n < 5; {
					was, err := l.State(t.Context(), "told")
					if err != nil {
						t.Error(err)
						return
					}
					body := []byte(string(was) + fmt.Sprintf("%d.%d ", i, n))
					err = l.Queue(t.Context(), "told", was, body, []ledger.Message{{Sink: "s", Body: body}})
					switch {
					case err == nil:
						n++
					case !errors.Is(err, ledger.ErrConflict):
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		state, err := l.State(t.Context(), "told")
		if err != nil {
			t.Fatal(err)
		}
		all, err := l.Messages(t.Context(), "s", 100)
		if err != nil || len(all) != 20 {
			t.Fatalf("%d messages, %v", len(all), err)
		}
		for i, m := range all {
			if m.ID != int64(i+1) || !strings.HasPrefix(string(state), string(m.Body)) || strings.Count(string(m.Body), " ") != i+1 {
				t.Errorf("message %d, id %d: %q", i, m.ID, m.Body)
			}
		}
		refused(t, l.Queue(t.Context(), "told", nil, []byte("x"), []ledger.Message{{Sink: "s"}}), ledger.ErrConflict, "told")
		refused(t, l.Queue(t.Context(), "another", []byte("x"), []byte("y"), nil), ledger.ErrConflict, "another")
		if all, err := l.Messages(t.Context(), "s", 100); err != nil || len(all) != 20 {
			t.Errorf("%d messages, %v", len(all), err)
		}
		if err := l.Queue(t.Context(), "told", state, nil, nil); err != nil {
			t.Fatal(err)
		}
		if state, err := l.State(t.Context(), "told"); err != nil || len(state) != 0 {
			t.Errorf("%q, %v", state, err)
		}
	})
}

// TestAMessageMayCarryAReport: of some megabytes.
func TestAMessageMayCarryAReport(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		body := []byte(strings.Repeat("report ", 600_000))
		queue(t, l, "", "", ledger.Message{Sink: "mail", Body: body})
		got, err := l.Messages(t.Context(), "mail", 1)
		if err != nil || len(got) != 1 || string(got[0].Body) != string(body) {
			t.Errorf("%d, %v", len(got), err)
		}
	})
}

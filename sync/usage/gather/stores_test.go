package gather_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/usage"
	"github.com/keyrota/keyrota/sync/usage/gather"
)

func TestReadsOfSecretsCountUnlessTheyMayBeOurs(t *testing.T) {
	w := newWorld(t)
	w.use = config.Use{Runs: true, Stores: true}
	place := func(ref rotation.Ref) rotation.Destination {
		return rotation.Destination{Store: "aws", Path: string(ref)}
	}
	on := func(daysAgo int) time.Time { return (usage.DayOf(start) - usage.Day(daysAgo)).Start() }
	read, unread, never, rotated := w.account("ml", "read", nil), w.account("ml", "unread", nil), w.account("ml", "never", nil), w.account("ml", "rotated", nil)
	noted, unknown := w.account("ml", "noted", nil), w.account("ml", "unknown", nil)
	for i := range w.accounts { // so that no key is read back
		w.accounts[i].Config.Env = nil
	}
	w.reads[place(read)], w.reads[place(unread)], w.reads[place(never)] = on(3), on(200), time.Time{}
	w.reads[place(rotated)], w.reads[place(noted)] = on(5), on(6)
	w.now = start.Add(-5 * day)
	if _, err := w.ledger.Save(t.Context(), rotated, rotation.Record{Seq: 1}, 0, rotation.Event{Kind: rotation.EventIssuing}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ledger.Freeze(t.Context(), ledger.Freeze{Ref: read, From: on(3)}); err != nil {
		t.Fatal(err)
	}
	w.now = start
	if err := w.ledger.NoteOwn(t.Context(), noted, on(6)); err != nil {
		t.Fatal(err)
	}
	w.whole()
	w.judged(read, usage.Used, "last used on 2026-11-27, as the stores' times of reading show")
	w.judged(unread, usage.Unused, "last used on 2026-05-14")
	w.judged(never, usage.Never, "in its runs or in the stores' times of reading")
	w.judged(rotated, usage.Unknown, "stores: nothing is known from before 2026-11-25")
	w.judged(noted, usage.Unknown, "stores: nothing is known from before 2026-11-24")
	w.judged(unknown, usage.Unknown, "audit log: not looked at")

	reads, err := gather.LastReads(t.Context(), w.ledger)
	want := map[rotation.Destination]time.Time{place(read): on(3), place(unread): on(200), place(never): {}}
	if diff := cmp.Diff(want, reads); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	// What was known of others' reads stays known when we read it ourselves.
	if err := w.ledger.NoteOwn(t.Context(), read, start.Add(day)); err != nil {
		t.Fatal(err)
	}
	w.now = start.Add(day)
	w.reads[place(read)] = on(-1)
	w.whole()
	if reads, err := gather.LastReads(t.Context(), w.ledger); err != nil || !reads[place(read)].Equal(on(3)) {
		t.Errorf("%v, %v", reads, err)
	}
}

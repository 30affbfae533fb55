package report_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/report"
)

// rotationRecord is what an auditor reads of a period.
type rotationRecord struct {
	Issued, Taken, Returned, Agreed, Deleted, Failed, Parked, Leaks int

	Rotations []struct {
		Edition      int
		Key, How     string
		Why, By      string
		Offered      *time.Time
		Agreed       *time.Time
		Destinations int
		Deleted      []struct{ Key, How string }
	}
	Events []struct{ Event, By string }
}

// TestRotationRecord: an account's life over a year; the period is its second
// quarter.
func TestRotationRecord(t *testing.T) {
	d := estate(0)
	d.From, d.Until = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	const ref, engine, ada = "ml/eval", "keyrota on keyrota-0", "ada on laptop"
	b := &builder{d: d}
	on := func(month time.Month, day int, by string, e rotation.Event) {
		b.event(time.Date(2026, month, day, 9, 0, 0, 0, time.UTC), ref, by, e)
	}
	at := rotation.Destination{Store: "vault", Path: "ml/eval"}
	// Adopted before the period, and everything of it ended there.
	on(1, 5, ada, rotation.Event{Kind: rotation.EventAdopted, Key: "a", Edition: 1, Words: "found by discover"})
	on(1, 6, engine, rotation.Event{Kind: rotation.EventAgreed, Key: "a", Edition: 1})
	// Replaced before it; what it replaced is deleted in it.
	on(3, 30, engine, rotation.Event{Kind: rotation.EventOffered, Key: "b", Edition: 2})
	on(3, 30, engine, rotation.Event{Kind: rotation.EventAgreed, Key: "b", Edition: 2})
	on(4, 6, engine, rotation.Event{Kind: rotation.EventCondemned, Key: "a", Edition: 1})
	on(4, 6, engine, rotation.Event{Kind: rotation.EventRevoked, Key: "a", Edition: 1})
	// A person asks; the creation fails once; a destination that is healed counts once.
	on(5, 2, ada, rotation.Event{Kind: rotation.EventRequested, Words: "rotate: laptop lost"})
	on(5, 2, engine, rotation.Event{Kind: rotation.EventIssueFailed, Edition: 3, Words: "HTTP 503"})
	on(5, 3, engine, rotation.Event{Kind: rotation.EventOffered, Key: "c", Edition: 4})
	on(5, 3, engine, rotation.Event{Kind: rotation.EventDelivered, Key: "c", Edition: 4, Destination: at})
	on(5, 3, engine, rotation.Event{Kind: rotation.EventAgreed, Key: "c", Edition: 4})
	on(5, 4, engine, rotation.Event{Kind: rotation.EventHealed, Key: "c", Edition: 4, Destination: at})
	on(5, 4, engine, rotation.Event{Kind: rotation.EventDelivered, Key: "c", Edition: 4, Destination: at})
	on(5, 5, engine, rotation.Event{Kind: rotation.EventGone, Key: "b", Edition: 2})
	// A leak; its key is not yet everywhere when the period ends.
	on(6, 20, ada, rotation.Event{Kind: rotation.EventLeaked, Edition: 4, Words: "in a public repository"})
	on(6, 30, engine, rotation.Event{Kind: rotation.EventOffered, Key: "d", Edition: 5})
	d = b.d

	var doc struct{ Rotations rotationRecord }
	if err := json.Unmarshal([]byte(one(t, d, report.JSON, report.Rotations)), &doc); err != nil {
		t.Fatal(err)
	}
	r := doc.Rotations
	counts := []int{r.Issued, r.Taken, r.Returned, r.Agreed, r.Deleted, r.Failed, r.Parked, r.Leaks}
	if diff := cmp.Diff([]int{2, 0, 0, 1, 1, 1, 0, 1}, counts); diff != "" {
		t.Error("issued, taken, returned, agreed, deleted, failed, parked, leaks:", diff)
	}
	var rows []string
	for _, row := range r.Rotations {
		text := row.Key + " " + row.How + ": " + row.Why + " (" + row.By + ")"
		if row.Agreed == nil {
			text += " not everywhere"
		}
		for _, k := range row.Deleted {
			text += " " + k.How + " " + k.Key
		}
		rows = append(rows, text)
	}
	want := []string{
		"b issued:  (" + engine + ") deleted a",
		"c issued: rotate: laptop lost (" + ada + ") gone b",
		"d issued: leaked: in a public repository (" + ada + ") not everywhere",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if n := r.Rotations[1].Destinations; n != 1 {
		t.Errorf("delivered to %d destinations, want 1", n)
	}
	var besides []string
	for _, e := range r.Events {
		besides = append(besides, e.Event)
	}
	if diff := cmp.Diff([]string{"account.requested", "key.issue_failed", "destination.healed", "key.gone", "key.leaked"}, besides); diff != "" {
		t.Error(diff)
	}
}

// A chain that does not hold is said where its head would be.
func TestBrokenChain(t *testing.T) {
	d := estate(1)
	d.Chain.Verified, d.Chain.Broken = false, "event 3 does not fit"
	for _, f := range []report.Format{report.HTML, report.Markdown} {
		page := one(t, d, f)
		if !strings.Contains(page, "The chain of events does not hold: event 3 does not fit") || strings.Contains(page, "unbroken") {
			t.Errorf("%s does not say so", f)
		}
	}
}

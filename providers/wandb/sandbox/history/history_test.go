package history_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
)

func now() time.Time { return time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC) }

func TestHistoryIsTheSameForTheSameSeed(t *testing.T) {
	setting := history.Setting{Deliver: func(a history.Truth) []string { return []string{"memory:" + a.Ref} }}
	a, b, other := history.Make(7, now(), 60), history.Make(7, now(), 60), history.Make(8, now(), 60)
	if !reflect.DeepEqual(a, b) || a.Config(setting) != b.Config(setting) {
		t.Error("one seed number makes two histories")
	}
	if reflect.DeepEqual(a.Truths, other.Truths) {
		t.Error("two seed numbers make one history")
	}
}

// TestHistoryIsWhatItSays: the truth is not taken on trust, but held against what is in the seed.
func TestHistoryIsWhatItSays(t *testing.T) {
	h := history.Make(1, now(), 500)
	if len(h.Truths) != 500 {
		t.Fatalf("%d accounts were made", len(h.Truths))
	}
	server, err := sandbox.New(h.Seed, sandbox.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]time.Time{} // of what anybody can see, by user name
	for _, r := range h.Seed.Runs {
		if r.CreatedAt.After(last[r.Account]) {
			last[r.Account] = r.CreatedAt
		}
		if r.CreatedAt.After(now()) || r.HeartbeatAt.After(now()) || r.HeartbeatAt.Before(r.CreatedAt) {
			t.Fatalf("a run from %s to %s", r.CreatedAt, r.HeartbeatAt)
		}
	}
	kinds := map[history.Kind]int{}
	for _, a := range h.Truths {
		kinds[a.Kind]++
		if live := server.IsLive(a.Key); live != (a.ID != "") {
			t.Errorf("%s (%s): its key works: %v", a.Ref, a.Kind, live)
		}
		if id, _ := server.KeyID(a.Key); id != a.KeyID {
			t.Errorf("%s (%s): its key is %q, not %q", a.Ref, a.Kind, id, a.KeyID)
		}
		if a.Kind != "reads artifacts only" && a.Kind != "quarterly, its project deleted" && !last[a.Username].Equal(a.Last) {
			t.Errorf("%s (%s) was last used at %s, and runs say %s", a.Ref, a.Kind, a.Last, last[a.Username])
		}
		if slices.Contains(a.Codes, "unused") && (a.Unknown || a.Last.IsZero() || now().Sub(a.Last) <= history.UnusedAfter) ||
			slices.Contains(a.Codes, "never_used") && !a.Last.IsZero() {
			t.Errorf("%s (%s) was used at %s, and is called %v", a.Ref, a.Kind, a.Last, a.Codes)
		}
	}
	if len(kinds) < 30 {
		t.Errorf("there are %d kinds of accounts", len(kinds))
	}
}

func TestAuditLogIsInOrderAndWhole(t *testing.T) {
	h := history.Make(1, now(), 60)
	var lines bytes.Buffer
	if err := h.AuditLog(&lines, func(e sandbox.AuditEntry) bool { return e.Action != "user:read" }); err != nil {
		t.Fatal(err)
	}
	n, before := 0, time.Time{}
	for scanner := bufio.NewScanner(&lines); scanner.Scan(); n++ {
		var e sandbox.AuditEntry
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil || e.Timestamp.Before(before) || e.Action == "user:read" {
			t.Fatalf("%v: %s", err, scanner.Bytes())
		}
		before = e.Timestamp
	}
	want := 0
	for _, e := range h.Seed.AuditLog {
		if e.Action != "user:read" {
			want++
		}
	}
	if n != want || n < 1000 {
		t.Errorf("%d entries were written of %d", n, want)
	}
}

package ledger_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

func TestARecordGoesOnUnderAnotherName(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		rec := rotation.Record{Account: "u-1", Seq: 3, Strange: []rotation.KeyID{"k"}}
		for rev := range ledger.Revision(3) {
			save(t, l, "old/name", rec, rev, rotation.Event{Kind: rotation.EventOffered})
		}
		if _, err := l.Freeze(t.Context(), ledger.Freeze{Ref: "old/name"}); err != nil {
			t.Fatal(err)
		}
		admitting{t, l}.admitted("old/name", 1, "vault 1")
		if err := l.Move(t.Context(), "old/name", "new/name"); err != nil {
			t.Fatal(err)
		}
		back, rev, err := l.Load(t.Context(), "new/name")
		if diff := cmp.Diff(rec, back); err != nil || rev != 4 || diff != "" {
			t.Errorf("revision %d, %v: %s", rev, err, diff)
		}
		if _, rev, err := l.Load(t.Context(), "old/name"); err != nil || rev != 0 {
			t.Errorf("the old name: revision %d, %v", rev, err)
		}
		if f, err := l.Freezes(t.Context()); err != nil || len(f) != 1 || f[0].Ref != "new/name" {
			t.Errorf("%v, %v", f, err)
		}
		admitting{t, l}.admitted("new/name", 1, "vault 1")
		admitting{t, l}.held("new/name goes first", "a/two", 2, "vault 1")
		for r, words := range map[rotation.Ref]string{"old/name": "goes on as new/name", "new/name": "was old/name"} {
			events := eventsOf(t, l, 0, 0, r)
			if last := events[len(events)-1]; last.Event != (rotation.Event{Kind: rotation.EventMoved, Words: words}) || last.Revision != 4 {
				t.Errorf("%s: %+v", r, last)
			}
		}
		if _, err := l.Verify(t.Context()); err != nil {
			t.Error(err)
		}

		refused(t, l.Move(t.Context(), "old/name", "third/name"), ledger.ErrNoRecord, "old/name")
		save(t, l, "third/name", rotation.Record{}, 0)
		refused(t, l.Move(t.Context(), "new/name", "third/name"), ledger.ErrTaken, "third/name")
	})
}

// TestWhoWorksByTheOldNameLeavesItAlone: and a record can come back to where it
// was.
func TestWhoWorksByTheOldNameLeavesItAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		stale := save(t, l, "old/name", rotation.Record{Account: "u-1", Seq: 3}, 0)
		if err := l.MoveBeside(t.Context(), "old/name", "new/name"); err != nil {
			t.Fatal(err)
		}
		_, err := l.Save(t.Context(), "old/name", rotation.Record{Seq: 4}, stale)
		refused(t, err, ledger.ErrConflict, "old/name")
		left, _, err := l.Load(t.Context(), "old/name")
		if err != nil || !ledger.Went(left) || !strings.Contains(left.Parked, "new/name") || left.Left.IsZero() || !(rotation.Spec{}).Idle(left) {
			t.Errorf("%+v, %v", left, err)
		}
		refused(t, l.Move(t.Context(), "old/name", "third/name"), ledger.ErrNoRecord, "old/name")
		if err := l.Move(t.Context(), "new/name", "old/name"); err != nil {
			t.Fatal(err)
		}
		if back, _, err := l.Load(t.Context(), "old/name"); err != nil || ledger.Went(back) || back.Seq != 3 {
			t.Errorf("%+v, %v", back, err)
		}
	})
}

// TestNobodySavesOverANameThatBeganAnew: a process that was paused with the
// record that went elsewhere wakes when the name is another account's.
func TestNobodySavesOverANameThatBeganAnew(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		stale := save(t, l, "a/one", rotation.Record{Seq: 1}, 0)
		if err := l.Move(t.Context(), "a/one", "b/one"); err != nil {
			t.Fatal(err)
		}
		rev := ledger.Revision(0)
		for range 4 {
			rev = save(t, l, "a/one", rotation.Record{Account: "another"}, rev)
			if rev == stale {
				t.Fatalf("revision %d for the second time", rev)
			}
		}
		_, err := l.Save(t.Context(), "a/one", rotation.Record{Seq: 2}, stale)
		refused(t, err, ledger.ErrConflict)
		if err := l.Move(t.Context(), "b/one", "c/one"); err != nil {
			t.Fatal(err)
		}
		if err := l.Move(t.Context(), "a/one", "b/one"); err != nil {
			t.Fatal(err)
		}
	})
}

package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

func TestAFreezeStandsUntilItsEndOrUntilItIsLifted(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		clock := newClock()
		l := openWith(t, at, clock.options())
		frozen := func(f ledger.Freeze) ledger.Freeze {
			t.Helper()
			f, err := l.Freeze(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		all := frozen(ledger.Freeze{Reason: "audit", By: "alice"})
		team := frozen(ledger.Freeze{Team: "ml", Until: noon.Add(time.Hour)})
		one := frozen(ledger.Freeze{Ref: ref, From: noon.Add(time.Hour), Until: noon.Add(3 * time.Hour)})
		standing := func(want ...ledger.Freeze) {
			t.Helper()
			got, err := l.Freezes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		standing(all, team, one)
		if all.From != noon || all.By != "alice" || team.By != "engine on test" {
			t.Errorf("%+v, %+v", all, team)
		}
		clock.pass(time.Hour)
		standing(all, one)
		refused(t, l.Unfreeze(t.Context(), team.ID, ""), ledger.ErrNoFreeze)
		if err := l.Unfreeze(t.Context(), all.ID, "the audit is over"); err != nil {
			t.Fatal(err)
		}
		refused(t, l.Unfreeze(t.Context(), all.ID, ""), ledger.ErrNoFreeze)
		standing(one)
		if next := frozen(ledger.Freeze{}); next.ID == all.ID || next.ID == one.ID {
			t.Errorf("the id %d again", next.ID)
		}
		var told []string
		for _, e := range eventsOf(t, l, 0, 0, "") {
			told = append(told, string(e.Ref)+" "+string(e.Event.Kind)+" "+e.Event.Words)
		}
		if diff := cmp.Diff([]string{
			" freeze.begun freeze 1 of all accounts from 2026-03-01T12:00:00Z: audit",
			" freeze.begun freeze 2 of team ml from 2026-03-01T12:00:00Z until 2026-03-01T13:00:00Z",
			"ml-platform/nightly-eval freeze.begun freeze 3 of account ml-platform/nightly-eval from 2026-03-01T13:00:00Z until 2026-03-01T15:00:00Z",
			" freeze.lifted freeze 1 of all accounts: the audit is over",
			" freeze.begun freeze 5 of all accounts from 2026-03-01T13:00:00Z",
		}, told); diff != "" {
			t.Error(diff)
		}
		if head, err := l.Verify(t.Context()); err != nil || head.Seq != 5 {
			t.Errorf("%v, %v", head, err)
		}
	})
}

func TestAFreezeThatCannotBeSavedSaysSo(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		openAt(t, at)
		r, err := ledger.OpenReadOnly(t.Context(), at, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer closed(t, r)
		_, err = r.Freeze(t.Context(), ledger.Freeze{Ref: rotation.Ref(ref)})
		refused(t, err, ledger.ErrReadOnly, string(ref))
		refused(t, r.Unfreeze(t.Context(), 1, ""), ledger.ErrReadOnly)
	})
}

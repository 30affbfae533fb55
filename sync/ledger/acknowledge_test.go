package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/sync/ledger"
)

func TestAnAcknowledgementEndsByItselfOrIsTakenBack(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		clock := newClock()
		l := openWith(t, at, clock.options())
		acknowledged := func(a ledger.Acknowledgement) ledger.Acknowledgement {
			t.Helper()
			a, err := l.Acknowledge(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		standing := func(want ...ledger.Acknowledgement) {
			t.Helper()
			got, err := l.Acknowledgements(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		one := acknowledged(ledger.Acknowledgement{Code: "unused", Ref: ref, Until: noon.Add(2 * time.Hour), Reason: "yearly", By: "alice"})
		two := acknowledged(ledger.Acknowledgement{Code: "store_failing", Subject: "vault", Until: noon.Add(time.Hour), Reason: "moving \x00house"})
		if one.ID != 1 || one.By != "alice" || !one.From.Equal(noon) || two.By != "engine on test" || two.Reason != "moving \uFFFDhouse" {
			t.Errorf("%+v, %+v", one, two)
		}
		standing(one, two)
		clock.pass(time.Hour)
		standing(one)
		refused(t, l.Unacknowledge(t.Context(), two.ID, ""), ledger.ErrNoAcknowledgement, "2")
		if err := l.Unacknowledge(t.Context(), one.ID, "it was a mistake"); err != nil {
			t.Fatal(err)
		}
		refused(t, l.Unacknowledge(t.Context(), one.ID, ""), ledger.ErrNoAcknowledgement)
		standing()
		var told []string
		for _, e := range eventsOf(t, l, 0, 0, "") {
			told = append(told, string(e.Ref)+" "+string(e.Event.Kind)+" "+e.Event.Words)
		}
		if diff := cmp.Diff([]string{
			"ml-platform/nightly-eval finding.acknowledged unused of ml-platform/nightly-eval until 2026-03-01T14:00:00Z: yearly",
			" finding.acknowledged store_failing (vault) until 2026-03-01T13:00:00Z: moving \uFFFDhouse",
			"ml-platform/nightly-eval finding.unacknowledged acknowledgement 1 of unused of ml-platform/nightly-eval: it was a mistake",
		}, told); diff != "" {
			t.Error(diff)
		}
		if head, err := l.Verify(t.Context()); err != nil || head.Seq != 3 {
			t.Errorf("%v, %v", head, err)
		}
	})
}

// TestAnAcknowledgementWithoutReasonOrEndIsRefused: it would hide a finding for
// good, and nobody would know why.
func TestAnAcknowledgementWithoutReasonOrEndIsRefused(t *testing.T) {
	l := openAt(t, newPath(t))
	good := ledger.Acknowledgement{Code: "unused", Ref: ref, Until: noon.Add(time.Hour), Reason: "yearly"}
	for name, spoil := range map[string]func(*ledger.Acknowledgement){
		"no code":           func(a *ledger.Acknowledgement) { a.Code = "" },
		"no reason":         func(a *ledger.Acknowledgement) { a.Reason = " \n" },
		"no end":            func(a *ledger.Acknowledgement) { a.Until = time.Time{} },
		"over":              func(a *ledger.Acknowledgement) { a.Until = noon },
		"over as it begins": func(a *ledger.Acknowledgement) { a.From = a.Until },
	} {
		a := good
		spoil(&a)
		_, err := l.Acknowledge(t.Context(), a)
		refused(t, err, ledger.ErrUnfounded)
		if all, err := l.Acknowledgements(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
	if _, err := l.Acknowledge(t.Context(), good); err != nil {
		t.Error(err)
	}
}

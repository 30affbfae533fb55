package survey_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/survey"
)

// A sink fails that takes nothing; one that refuses some of its lanes and takes
// others does not.
func TestWhichSinksFail(t *testing.T) {
	s := newStage(t, text)
	message := func(sink, key string) ledger.Message { return ledger.Message{Sink: sink, Key: key, Body: []byte("{}")} }
	err := s.ledger.Queue(t.Context(), "test", nil, []byte("told"), []ledger.Message{
		message("some", "gone"), message("some", "here"), // 1, 2
		message("all", "gone"), message("all", "gone too"), message("all", "gone"), // 3, 4, 5
		message("down", "gone"), message("down", "b"), message("down", "c"), // 6, 7, 8
		message("waits", "a"), // 9
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int64{1, 3, 4, 6} {
		if err := s.ledger.Delay(t.Context(), s.now.Add(time.Hour), "refused", id); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ledger.Delay(t.Context(), time.Time{}, "no answer", 7); err != nil {
		t.Fatal(err)
	}
	known, err := survey.Ask(t.Context(), s.ledger, []string{"some", "all", "down", "waits", "idle"})
	if err != nil {
		t.Fatal(err)
	}
	want := []finding.Part{
		{Name: "some"}, {Name: "all", FailingSince: s.now, Words: "refused"}, {Name: "down", FailingSince: s.now, Words: "no answer"}, {Name: "waits"}, {Name: "idle"},
	}
	if diff := cmp.Diff(want, known.Sinks); diff != "" {
		t.Error(diff)
	}
}

package providers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyrota/keyrota/providers"
)

func TestTurnIsWaitedForNoLongerThanAContextLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := providers.NewTurns().Of("ci/wandb")
		if err := turn.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := turn.Take(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second one has the turn, or is told %v", err)
		}
		time.AfterFunc(time.Second, turn.Give)
		if err := turn.Take(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

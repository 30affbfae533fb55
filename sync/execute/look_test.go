package execute_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// TestAFaultOfALookIsTheAccountsOwn: looks are taken side by side, where a
// panic would end the program.
func TestAFaultOfALookIsTheAccountsOwn(t *testing.T) {
	w := newWorld(t, oneAccount, providertest.PlatformOptions{})
	for range 3 {
		w.pass()
	}
	w.worker.Call.Observed = func(_, op string, _ error, _ time.Duration) {
		if op == "list" {
			panic("CANARY")
		}
	}
	_, err := w.worker.Pass(t.Context(), w.inv.Accounts[0])
	var fault *providers.Fault
	if !errors.As(err, &fault) {
		t.Error(err)
	}
}

// disabler is a store whose old versions stay readable, and that takes down
// which keys were said to be live.
type disabler struct {
	providers.SecretStore
	providers.Reader
	live  [][]rotation.KeyID
	fails bool
}

func (s *disabler) Disable(_ context.Context, _ rotation.Destination, live []rotation.KeyID) error {
	s.live = append(s.live, slices.Clone(live))
	if s.fails {
		return &providers.Error{Provider: "disabler", Kind: providers.Denied}
	}
	return nil
}

// TestOldVersionsAreDisabledAfterTheirKey: with what still works named, and
// never in the way of the deletion.
func TestOldVersionsAreDisabledAfterTheirKey(t *testing.T) {
	for name, fails := range map[string]bool{"works": false, "fails": true} {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(t, oneAccount, providertest.PlatformOptions{})
			s := &disabler{SecretStore: w.stores["a"], Reader: w.stores["a"], fails: fails}
			w.worker.Stores["a"] = s
			w.pass()
			time.Sleep(40 * 24 * time.Hour)
			w.pass()
			if len(s.live) > 0 {
				t.Errorf("disabled while the old key works: %v", s.live)
			}
			time.Sleep(10 * 24 * time.Hour)
			w.pass()
			if w.live() != 1 || len(s.live) != 1 || !slices.Equal(s.live[0], []rotation.KeyID{w.record().Offer.Key}) {
				t.Errorf("%d keys work, %v was said to, %+v on record", w.live(), s.live, w.record())
			}
		})
	}
}

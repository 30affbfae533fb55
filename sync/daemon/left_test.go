package daemon_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/rotation"
)

const oneAccount = `
instance: test
ledger: ledger.db
sweep_every: 1h
defaults: {write_deadline: 1s, overlap: 24h}
stores: {a: {}, b: {}}
accounts:
  - {name: train, team: ml, purpose: training, owner: ml@example.org, deliver: a:ml/train#KEY}
`

// TestAccountsThatLeaveAreMarkedOnce: by a configuration that loaded as a whole,
// and by no other; their keys go on working, and when they come back that is on
// record too.
func TestAccountsThatLeaveAreMarkedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoAccounts)
	e := w.start(w.options())
	beside := w.open()
	w.until("both accounts delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	kinds := func(kind rotation.EventKind) int {
		events, err := beside.Events(t.Context(), 0, 0, eval)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range events {
			if e.Event.Kind == kind {
				n++
			}
		}
		return n
	}

	w.configure(strings.Replace(oneAccount, "deliver: a:", "deliver: nowhere:", 1))
	e.Reload()
	w.until("the bad configuration refused", func() bool { return w.log.count("the new configuration is refused") == 1 })
	if !w.record(beside, eval).Left.IsZero() {
		t.Fatal("a configuration that was refused has marked an account")
	}

	for n := 1; n <= 2; n++ {
		w.configure(oneAccount)
		e.Reload()
		w.until("loaded", func() bool { return w.log.count("the configuration was loaded again") == n })
		swept := w.log.count("msg=swept")
		e.Sweep()
		w.until("swept", func() bool { return w.log.count("msg=swept") > swept })
	}
	w.until("marked as left", func() bool { return !w.record(beside, eval).Left.IsZero() })
	if left, told := kinds(rotation.EventLeft), w.log.count(`msg="no longer in the configuration: ml/eval`); left != 1 || told != 1 {
		t.Errorf("%d events, told %d times, want once", left, told)
	}
	events, err := beside.Events(t.Context(), 0, 0, eval)
	if last := events[len(events)-1]; err != nil || last.Event.Kind != rotation.EventLeft || last.Config != fmt.Sprintf("%x", sha256.Sum256([]byte(oneAccount))) {
		t.Errorf("%v: not told by the configuration that it left: %+v", err, last)
	}
	if !w.evaluated(beside) || !w.record(beside, train).Left.IsZero() {
		t.Error("its key works no more, or the other account is marked too")
	}

	w.configure(twoAccounts)
	e.Reload()
	w.until("back", func() bool { return w.record(beside, eval).Left.IsZero() })
	was := w.record(beside, eval).Offer
	w.request(beside, eval)
	w.until("rotated again", func() bool { return w.record(beside, eval).Offer.Edition > was.Edition && w.evaluated(beside) })
	if kinds(rotation.EventReturned) != 1 {
		t.Error("nobody said that it is back")
	}
}

// TestAnEmptyConfigurationIsSaidLoudly: everybody leaves at once, which is a
// mistake more often than not, and nothing but marks comes of it.
func TestAnEmptyConfigurationIsSaidLoudly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoAccounts)
	e := w.start(w.options())
	beside := w.open()
	w.until("both accounts delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	w.configure(oneAccount[:strings.Index(oneAccount, "accounts:")] + "accounts: []\n")
	e.Reload()
	w.until("said", func() bool {
		return w.log.count("level=WARN msg=\"2 OF 2 ACCOUNTS ON RECORD LEFT THE CONFIGURATION AT ONCE (ml/eval, ml/train)") == 1
	})
	if !w.trained(beside) || !w.evaluated(beside) {
		t.Error("a key works no more")
	}
}

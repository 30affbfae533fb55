package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// chained returns a ledger with n events of two accounts.
func chained(t testing.TB, at string, n int) *ledger.Ledger {
	l := openAt(t, at)
	revs := map[rotation.Ref]ledger.Revision{}
	for i := range n {
		r := []rotation.Ref{"a/one", "b/two"}[i%2]
		revs[r] = save(t, l, r, rotation.Record{Tries: i}, revs[r], rotation.Event{Kind: rotation.EventOffered, Words: fmt.Sprint("event ", i+1)})
	}
	return l
}

func TestAnUntouchedChainHolds(t *testing.T) {
	for _, n := range []int{0, 1, 7} {
		everywhere(t, func(t *testing.T, at string) {
			l := chained(t, at, n)
			head, err := l.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if proved, err := l.Verify(t.Context()); err != nil || proved != head || head.Seq != int64(n) {
				t.Errorf("%d events: proved %v, head %v, %v", n, proved, head, err)
			}
		})
	}
}

func TestVerifyWalksAChainOfManyPages(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		events := make([]rotation.Event, 2500)
		save(t, l, ref, rotation.Record{}, 0, events...)
		if head, err := l.Verify(t.Context()); err != nil || head.Seq != 2500 {
			t.Errorf("head %v, %v", head, err)
		}
	})
}

func TestVerifyNamesTheFirstBreak(t *testing.T) {
	for name, c := range map[string]struct {
		tamper string
		at     string
	}{
		"words changed":            {`UPDATE ledger_event SET body = replace(body, 'event 3', 'event X') WHERE seq = 3`, "event 3"},
		"two changed":              {`UPDATE ledger_event SET body = replace(body, '"event ', '"EVENT ') WHERE seq IN (6, 4)`, "event 4"},
		"a space added":            {`UPDATE ledger_event SET body = body || ' ' WHERE seq = 2`, "event 2"},
		"filed elsewhere":          {`UPDATE ledger_event SET ref = 'b/two' WHERE seq = 1`, "event 1"},
		"one removed":              {`DELETE FROM ledger_event WHERE seq = 5`, "event 5"},
		"the end removed":          {`DELETE FROM ledger_event WHERE seq > 5`, "event 6"},
		"all removed":              {`DELETE FROM ledger_event`, "event 1"},
		"removed and renumbered":   {`DELETE FROM ledger_event WHERE seq = 2; UPDATE ledger_event SET seq = -seq WHERE seq > 2; UPDATE ledger_event SET seq = -seq - 1 WHERE seq < 0`, "event 2"},
		"two swapped":              {`UPDATE ledger_event SET seq = -3 WHERE seq = 3; UPDATE ledger_event SET seq = 3 WHERE seq = 5; UPDATE ledger_event SET seq = 5 WHERE seq = -3`, "event 3"},
		"one added at the end":     {`INSERT INTO ledger_event SELECT 8, ref, replace(body, '"seq":7', '"seq":8'), hash FROM ledger_event WHERE seq = 7`, "event 8"},
		"a hash changed":           {`UPDATE ledger_event SET hash = zeroblob(32) WHERE seq = 7`, "event 7"},
		"no JSON":                  {`UPDATE ledger_event SET body = 'x' WHERE seq = 2`, "event 2"},
		"the head moved":           {`UPDATE ledger_meta SET head_hash = zeroblob(32)`, "event 7"},
		"put into another's chain": {`UPDATE ledger_meta SET id = 'somebodyelses0id'`, "event 1"},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, at string) {
				l := chained(t, at, 7)
				tamper := c.tamper
				if l.Shared() {
					tamper = strings.ReplaceAll(tamper, "zeroblob(32)", `decode(repeat('00', 32), 'hex')`)
				}
				for statement := range strings.SplitSeq(tamper, "; ") {
					alter(t, l, statement)
				}
				reader, err := ledger.OpenReadOnly(t.Context(), at, ledger.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer closed(t, reader)
				_, err = reader.Verify(t.Context())
				refused(t, err, ledger.ErrBroken, "broken at "+c.at+":")
			})
		})
	}
}

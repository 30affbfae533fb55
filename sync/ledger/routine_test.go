package ledger_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// admitting asks for routine rotations, and says what came of it.
type admitting struct {
	t *testing.T
	l *ledger.Ledger
}

func (a admitting) ask(ref rotation.Ref, limit int, lanes ...string) string {
	a.t.Helper()
	words, err := a.l.Admit(a.t.Context(), ledger.Routine{Ref: ref, Limit: limit, Lanes: lanes})
	if err != nil {
		a.t.Fatal(err)
	}
	return words
}

func (a admitting) admitted(ref rotation.Ref, limit int, lanes ...string) {
	a.t.Helper()
	if words := a.ask(ref, limit, lanes...); words != "" {
		a.t.Errorf("%s is held back: %s", ref, words)
	}
}

func (a admitting) held(why string, ref rotation.Ref, limit int, lanes ...string) {
	a.t.Helper()
	words := a.ask(ref, limit, lanes...)
	for _, want := range []string{why, "keyrota rotate " + string(ref)} {
		if !strings.Contains(words, want) {
			a.t.Errorf("%s: %q does not say %q", ref, words, want)
		}
	}
}

func TestOnlySoManyRotationsBeginInADay(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		a := admitting{t, l}
		a.admitted("a/one", 2)
		a.admitted("a/two", 2)
		a.held("max_rotations_per_day is 2", "a/three", 2)
		a.admitted("a/one", 2) // again
		a.admitted("a/three", 3)
		a.held("the next may begin at", "a/four", 3)
		a.held("max_rotations_per_day is 0", "a/five", 0)
		alter(t, l, `UPDATE ledger_routine SET began = began - 86400000000 WHERE ref = 'a/one'`)
		a.admitted("a/four", 3)
		a.held("max_rotations_per_day is 3", "a/one", 3)
	})
}

func TestOfManyProcessesOnlySoManyAreAdmitted(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		handles := []*ledger.Ledger{openAt(t, at), openAt(t, at)}
		var admitted atomic.Int32
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				words, err := handles[i%2].Admit(t.Context(), ledger.Routine{Ref: rotation.Ref(fmt.Sprint("a/", i)), Limit: 5})
				if err != nil {
					t.Error(err)
				}
				if words == "" {
					admitted.Add(1)
				}
			})
		}
		wg.Wait()
		if admitted.Load() != 5 {
			t.Errorf("%d were admitted", admitted.Load())
		}
	})
}

func TestOneAccountGoesFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		a := admitting{t, l}
		for _, r := range []rotation.Ref{"a/one", "a/two", "a/three"} {
			save(t, l, r, rotation.Record{Seq: 1}, 0)
		}
		proves := func(ref rotation.Ref) {
			t.Helper()
			if err := l.Prove(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
		a.admitted("a/one", 9, "vault 1", "aws 1")
		a.held("a/one goes first", "a/two", 9, "aws 1")
		a.held("a/one goes first", "a/two", 9, "vault 1", "azure 1")
		a.admitted("a/three", 9, "azure 1") // a/two was not admitted, and has taken no place
		proves("a/two")                     // has nothing to prove
		a.held("a/one goes first", "a/two", 9, "aws 1")
		a.admitted("a/one", 9, "vault 1", "aws 1")
		proves("a/one")
		a.admitted("a/two", 9, "aws 1", "vault 1")
		a.held("a/three goes first", "a/two", 9, "aws 1", "azure 1")

		// Its format was corrected before it agreed: what it had to prove no
		// longer is proven by it.
		a.admitted("a/three", 9, "azure 2")
		a.held("a/three goes first", "a/two", 9, "azure 2")
		proves("a/three")
		a.admitted("a/two", 9, "azure 2")
		a.admitted("a/one", 9, "azure 1") // the first on it now
		a.held("a/one goes first", "a/two", 9, "azure 1")

		// It leaves the configuration, and another goes first.
		save(t, l, "a/one", rotation.Record{Seq: 1, Left: noon}, 1)
		a.admitted("a/two", 9, "azure 1")
	})
}

func TestWhoIsHeldBackByTheLimitHoldsBackNobody(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		a := admitting{t, openAt(t, at)}
		a.admitted("a/one", 1)
		a.held("max_rotations_per_day is 1", "a/two", 1, "vault 1")
		a.admitted("a/three", 2, "vault 1")
		a.held("a/three goes first", "a/two", 9, "vault 1")
	})
}

// alter changes what is stored, past the ledger.
func alter(t *testing.T, l *ledger.Ledger, query string) {
	t.Helper()
	if _, err := l.DB().ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func TestACanaryThatNeverCameIsReplaced(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		a := admitting{t, l}
		a.admitted("a/gone", 9, "vault 1") // there never is a record of it
		a.held("a/gone goes first", "a/two", 9, "vault 1")
		alter(t, l, `UPDATE ledger_lane SET since = since - 86400000000`)
		a.admitted("a/two", 9, "vault 1")
	})
}

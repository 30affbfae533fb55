package ledger_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// admitting asks for routine rotations, and says what came of it.
type admitting struct {
	t *testing.T
	l *ledger.Ledger
}

func (a admitting) ask(ref rotation.Ref, limit int, lanes ...string) rotation.Hold {
	a.t.Helper()
	hold, err := a.l.Admit(a.t.Context(), ledger.Routine{Ref: ref, Limit: limit, Lanes: lanes})
	if err != nil {
		a.t.Fatal(err)
	}
	return hold
}

func (a admitting) admitted(ref rotation.Ref, limit int, lanes ...string) {
	a.t.Helper()
	if hold := a.ask(ref, limit, lanes...); hold != (rotation.Hold{}) {
		a.t.Errorf("%s is held back: %+v", ref, hold)
	}
}

func (a admitting) held(why string, ref rotation.Ref, limit int, lanes ...string) {
	a.t.Helper()
	hold := a.ask(ref, limit, lanes...)
	words := fmt.Sprintf("%+v", hold)
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
		if hold := a.ask("a/four", 3); !hold.Until.After(noon.Add(23*time.Hour)) || hold.Stuck {
			t.Errorf("%+v", hold)
		}
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
				hold, err := handles[i%2].Admit(t.Context(), ledger.Routine{Ref: rotation.Ref(fmt.Sprint("a/", i)), Limit: 5})
				if err != nil {
					t.Error(err)
				}
				if hold == (rotation.Hold{}) {
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
			if err := l.Prove(t.Context(), ref, time.Now().Add(time.Hour), []string{"vault 1", "aws 1", "azure 1", "azure 2"}); err != nil {
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

// TestHeldSaysWhatAdmitWould: in order, as if those before had begun, and
// nothing of it is put on record; where the ledger may only be read, too.
func TestHeldSaysWhatAdmitWould(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		all := []ledger.Routine{
			{Ref: "a/one", Limit: 3, Lanes: []string{"vault 1"}}, {Ref: "a/two", Limit: 3, Lanes: []string{"vault 1"}},
			{Ref: "a/three", Limit: 3}, {Ref: "a/four", Limit: 3}, {Ref: "a/five", Limit: 3}, {Ref: "a/one", Limit: 3, Lanes: []string{"vault 1"}},
		}
		var before [][]rotation.Hold
		for range 2 {
			held, err := l.Held(t.Context(), all)
			if err != nil {
				t.Fatal(err)
			}
			before = append(before, held)
		}
		var admitted []rotation.Hold
		for _, r := range all {
			hold, err := l.Admit(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			admitted = append(admitted, hold)
		}
		for i := range all {
			if before[0][i].Words != before[1][i].Words || before[0][i].Words != admitted[i].Words {
				t.Errorf("%d %s: %+v, then %+v, and then %+v", i, all[i].Ref, before[0][i], before[1][i], admitted[i])
			}
		}
	})
}

// TestAnyoneOnTheLaneProvesIt: a person lets another go in place of one that
// cannot, and the words say that it cannot.
func TestAnyoneOnTheLaneProvesIt(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		a := admitting{t, l}
		save(t, l, "a/one", rotation.Record{Seq: 1}, 0)
		a.admitted("a/one", 9, "vault 1")
		save(t, l, "a/one", rotation.Record{Seq: 1, Parked: "a person must look"}, 1)
		a.held("and it is parked", "a/two", 9, "vault 1")
		save(t, l, "a/one", rotation.Record{Seq: 1, Tries: 2}, 2)
		a.held("no key could be created for it (2 tries)", "a/two", 9, "vault 1")
		if !a.ask("a/two", 9, "vault 1").Stuck {
			t.Error("nobody is told")
		}
		if err := l.Begin(t.Context(), "a/three", []string{"vault 1", "aws 1"}); err != nil {
			t.Fatal(err)
		}
		a.held("a/three goes first", "a/two", 9, "vault 1")
		if err := l.Prove(t.Context(), "a/three", noon.Add(-time.Hour), []string{"vault 1", "aws 1"}); err != nil { // of an agreement before it began
			t.Fatal(err)
		}
		a.held("a/three goes first", "a/two", 9, "vault 1")
		if err := l.Prove(t.Context(), "a/three", time.Now().Add(time.Hour), []string{"vault 1", "aws 1"}); err != nil {
			t.Fatal(err)
		}
		if err := l.Begin(t.Context(), "a/one", []string{"vault 1"}); err != nil { // proven is proven
			t.Fatal(err)
		}
		a.admitted("a/two", 9, "vault 1", "aws 1")
	})
}

// TestAnAccountThatCannotBeginHoldsBackNobody: what fails before a key is
// offered says nothing of the store and the form.
func TestAnAccountThatCannotBeginHoldsBackNobody(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		a := admitting{t, l}
		for i, stays := range []rotation.Record{{Parked: "a person must look"}, {Tries: 1}} {
			lane, ref := fmt.Sprint("vault ", i), rotation.Ref(fmt.Sprint("a/one", i))
			stays.Seq, stays.Agreed = 1, noon
			a.admitted(ref, 9, lane)
			save(t, l, ref, stays, 0)
			a.admitted("a/two", 9, lane)
			a.held("a/two goes first", ref, 9, lane)
		}
		a.admitted("a/idle", 9, "aws 1")
		save(t, l, "a/idle", rotation.Record{Seq: 1, Agreed: noon}, 0)
		a.held("a/idle goes first", "a/two", 9, "vault 0", "vault 1", "aws 1")
		alter(t, l, `UPDATE ledger_lane SET since = since - 1800000000 WHERE canary = 'a/idle'`)
		a.admitted("a/two", 9, "vault 0", "vault 1", "aws 1")
	})
}

// TestAStoreThatIsDownHoldsBackNoOther: where the key of the first has arrived,
// others follow, also while it is on its way elsewhere.
func TestAStoreThatIsDownHoldsBackNoOther(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		a := admitting{t, l}
		save(t, l, "a/one", rotation.Record{Seq: 1}, 0)
		a.admitted("a/one", 9, "vault 1", "aws 1")
		if err := l.Prove(t.Context(), "a/one", time.Now().Add(time.Hour), []string{"vault 1"}); err != nil {
			t.Fatal(err)
		}
		a.admitted("a/two", 9, "vault 1")
		a.held("a/one goes first", "a/three", 9, "aws 1")
	})
}

// TestAProofIsSeenWhereNobodySaidIt: whoever was to call Prove was cut short.
func TestAProofIsSeenWhereNobodySaidIt(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		l := openAt(t, at)
		a := admitting{t, l}
		save(t, l, "a/one", rotation.Record{Seq: 1, Agreed: noon}, 0)
		a.admitted("a/one", 9, "vault 1")
		a.held("a/one goes first", "a/two", 9, "vault 1")
		issued := rotation.Record{Seq: 2, Old: []rotation.Old{{Key: "k1", Edition: 1}}}
		save(t, l, "a/one", issued, 1)
		a.held("a/one goes first", "a/two", 9, "vault 1")
		issued.Agreed = time.Now().Add(time.Hour)
		save(t, l, "a/one", issued, 2)
		a.admitted("a/two", 9, "vault 1")
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

// TestTheWholeInstanceIsToldOfOnce in a while.
func TestTheWholeInstanceIsToldOfOnce(t *testing.T) {
	now := noon
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Instance: "prod", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tells := func(want bool, kind rotation.EventKind) {
		t.Helper()
		told, err := l.TellOnce(t.Context(), 24*time.Hour, rotation.Event{Kind: kind, Words: "2 accounts wait"})
		if err != nil || told != want {
			t.Errorf("told: %t, %v", told, err)
		}
	}
	tells(true, rotation.EventHeld)
	tells(false, rotation.EventHeld)
	tells(true, rotation.EventFrozen)
	now = now.Add(24 * time.Hour)
	tells(true, rotation.EventHeld)
	now = now.Add(-48 * time.Hour) // a clock that is set back says it again
	tells(true, rotation.EventHeld)
	events, err := l.Events(t.Context(), 0, 0, "")
	if err != nil || len(events) != 4 || events[0].Ref != "" || events[0].Event.Words != "2 accounts wait" {
		t.Errorf("%+v, %v", events, err)
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

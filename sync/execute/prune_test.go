package execute_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/execute"
	"github.com/keyrota/keyrota/sync/ledger"
)

const fewerDestinations = `
instance: test
ledger: ledger.db
stores: {a: {}, b: {}}
accounts:
  - name: ci-train
    team: ml
    purpose: training
    owner: ml@example.org
    every: 30d
    deliver: a:ml/train#WANDB_API_KEY
`

// pruned is a world in which one destination has left the configuration.
func pruned(t *testing.T) (*world, rotation.Destination) {
	t.Helper()
	w := newWorld(t, oneAccount, providertest.PlatformOptions{})
	w.pass()
	w.configure(fewerDestinations)
	w.worker.Call.Attempts = 1
	w.pass()
	return w, rotation.Destination{Store: "b", Path: "ml/train", Field: "KEY"}
}

func (w *world) prune(d rotation.Destination) string {
	w.t.Helper()
	trouble, err := w.worker.Prune(w.t.Context(), w.inv.Accounts[0], d, "a reason")
	if err != nil {
		w.t.Fatal(err)
	}
	return trouble
}

func (w *world) struck(d rotation.Destination) bool {
	return !slices.Contains(w.ledger.record["ml/ci-train"].Dests, d)
}

func TestPruneDeletesAndStrikes(t *testing.T) {
	w, d := pruned(t)
	writes := w.stores["b"].Calls().Writes
	if seen, trouble, err := w.worker.Prunable(t.Context(), w.inv.Accounts[0], d); err != nil || trouble != "" || seen.State != rotation.StateMarked {
		t.Fatalf("%+v, %q, %v", seen, trouble, err)
	}
	if got := w.stores["b"].Calls().Writes; got != writes || w.struck(d) {
		t.Error("looking changed something")
	}
	if trouble := w.prune(d); trouble != "" || !w.struck(d) {
		t.Fatalf("%q, struck: %v", trouble, w.struck(d))
	}
	if _, there := w.stores["b"].Value(d); there {
		t.Error("it is still there")
	}
	if got := w.ledger.events[len(w.ledger.events)-2:]; !slices.Equal(got, []string{"destination.pruning", "destination.pruned"}) {
		t.Error(got)
	}
	w.pass()
	if _, there := w.stores["b"].Value(d); there {
		t.Error("it came back")
	}
}

// TestPruneWhoseAnswerIsLost: nobody knows, and the next try finds it done.
func TestPruneWhoseAnswerIsLost(t *testing.T) {
	w, d := pruned(t)
	w.stores["b"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "remove" && s.Point == providertest.After {
			return providertest.Lost("remove", s.Destination.Path)
		}
		return nil
	})
	if trouble := w.prune(d); !strings.Contains(trouble, "is not known") || w.struck(d) {
		t.Fatalf("%q, struck: %v", trouble, w.struck(d))
	}
	if trouble := w.prune(d); trouble != "" || !w.struck(d) {
		t.Fatalf("%q, struck: %v", trouble, w.struck(d))
	}
}

// TestPruneBesideTheEngine: what the engine saves meanwhile stays, and what a
// person edits in the moment of the deletion too.
func TestPruneBesideTheEngine(t *testing.T) {
	w, d := pruned(t)
	ref := rotation.Ref("ml/ci-train")
	w.stores["b"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "remove" && s.Point == providertest.After {
			r := w.ledger.record[ref].Clone()
			r.Strange = []rotation.KeyID{"x"}
			w.ledger.record[ref], w.ledger.revision[ref] = r, w.ledger.revision[ref]+1
		}
		return nil
	})
	if trouble := w.prune(d); trouble != "" || !w.struck(d) || len(w.ledger.record[ref].Strange) != 1 {
		t.Fatalf("%q, %+v", trouble, w.ledger.record[ref])
	}

	w, d = pruned(t)
	w.stores["b"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
		if s.Op == "remove" && s.Point == providertest.Before {
			w.stores["b"].Edit(d.Path, `{"theirs":"x"}`)
		}
		return nil
	})
	if trouble := w.prune(d); !strings.Contains(trouble, "it was not deleted") || w.struck(d) {
		t.Fatalf("%q, struck: %v", trouble, w.struck(d))
	}
	if text, _ := w.stores["b"].Raw(d.Path); text != `{"theirs":"x"}` {
		t.Error(text)
	}
}

// TestPruneKeepsTheLastPlace: while the store in the configuration is down,
// nobody can tell whether the key is anywhere else.
func TestPruneKeepsTheLastPlace(t *testing.T) {
	w, d := pruned(t)
	w.stores["a"].Unreachable(true)
	if trouble := w.prune(d); !strings.Contains(trouble, "may be its last place") || w.struck(d) {
		t.Errorf("%q, struck: %v", trouble, w.struck(d))
	}
	w.stores["a"].Unreachable(false)
	w.platform.Unreachable(true)
	if trouble := w.prune(d); !strings.Contains(trouble, "may be its last place") || w.struck(d) {
		t.Errorf("the platform is down: %q, struck: %v", trouble, w.struck(d))
	}
}

// TestAStoreThatCannotDelete says what a person does instead.
func TestAStoreThatCannotDelete(t *testing.T) {
	w, d := pruned(t)
	w.worker.Stores["b"] = struct {
		providers.SecretStore
		providers.Reader
	}{w.stores["b"], w.stores["b"]}
	if trouble := w.prune(d); !strings.Contains(trouble, "keyrota release ml/ci-train b:ml/train#KEY") || w.struck(d) {
		t.Errorf("%q, struck: %v", trouble, w.struck(d))
	}
	trouble, err := w.worker.Unmark(t.Context(), w.inv.Accounts[0], d)
	if err != nil || !strings.Contains(trouble, "by hand") {
		t.Errorf("%q, %v", trouble, err)
	}
}

func TestUnmark(t *testing.T) {
	w, d := pruned(t)
	unmark := func() string {
		t.Helper()
		trouble, err := w.worker.Unmark(t.Context(), w.inv.Accounts[0], d)
		if err != nil {
			t.Fatal(err)
		}
		return trouble
	}
	before := w.ledger.record["ml/ci-train"].Stamp()
	w.stores["b"].Unreachable(true)
	if trouble := unmark(); !strings.Contains(trouble, "cannot be looked at") {
		t.Error(trouble)
	}
	w.stores["b"].Unreachable(false)
	for range 2 { // the second time there is nothing to do
		if trouble := unmark(); trouble != "" {
			t.Fatal(trouble)
		}
		if h := providertest.Look(t, w.stores["b"], d); h.State != rotation.StateBare {
			t.Errorf("seen as %s", h.State)
		}
	}
	if n := strings.Count(strings.Join(w.ledger.events, " "), "destination.unmarking"); n != 1 {
		t.Errorf("%d times on record", n)
	}
	if w.ledger.record["ml/ci-train"].Stamp() != before {
		t.Error("the record changed")
	}
}

// List makes a memoryLedger a Lister.
func (l *memoryLedger) List(context.Context) ([]ledger.Entry, error) {
	var all []ledger.Entry
	for ref, r := range l.record {
		all = append(all, ledger.Entry{Ref: ref, Record: r.Clone(), Revision: l.revision[ref]})
	}
	slices.SortFunc(all, func(a, b ledger.Entry) int { return strings.Compare(string(a.Ref), string(b.Ref)) })
	return all, nil
}

// TestEnroll: whoever else saves the record meanwhile loses nothing.
func TestEnroll(t *testing.T) {
	w, _ := pruned(t)
	w.ledger.record["ml/gone"] = rotation.Record{Account: "x", Seq: 1}
	w.ledger.revision["ml/gone"] = 4
	w.ledger.record["ml/forgotten"] = rotation.Record{}
	once := true
	w.ledger.saving = func(rotation.Record) {
		if once {
			once = false
			w.ledger.record["ml/gone"] = rotation.Record{Account: "x", Seq: 2}
			w.ledger.revision["ml/gone"]++
		}
	}
	found, err := execute.Enroll(t.Context(), w.ledger, w.inv, time.Now())
	if err != nil || !slices.Equal(found.Left, []rotation.Ref{"ml/gone"}) || len(found.Returned) > 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	if r := w.ledger.record["ml/gone"]; r.Seq != 2 || r.Left.IsZero() {
		t.Errorf("%+v", r)
	}
	if words := found.Warning(); !strings.HasPrefix(words, "no longer in the configuration: ml/gone:") {
		t.Error(words)
	}
	if found, err := execute.Enroll(t.Context(), w.ledger, w.inv, time.Now()); err != nil || found.Warning() != "" {
		t.Errorf("told twice: %+v, %v", found, err)
	}
}

func TestManyDeparturesAreSaidLoudly(t *testing.T) {
	left := func(n int) (refs []rotation.Ref) {
		for i := range n {
			refs = append(refs, rotation.Ref(rune('a'+i)))
		}
		return refs
	}
	for name, row := range map[string]struct {
		d    execute.Departures
		want string
	}{
		"nobody":            {execute.Departures{Before: 3, Stayed: 3}, ""},
		"one of three":      {execute.Departures{Left: left(1), Before: 3, Stayed: 2}, "no longer in the configuration: a:"},
		"half":              {execute.Departures{Left: left(2), Before: 4, Stayed: 2}, "no longer in the configuration: a, b:"},
		"most":              {execute.Departures{Left: left(7), Before: 10, Stayed: 3}, "7 OF 10 ACCOUNTS ON RECORD LEFT THE CONFIGURATION AT ONCE (a, b, c, d, e and 2 more):"},
		"the only one":      {execute.Departures{Left: left(1), Before: 1}, "1 OF 1 "},
		"all, for new ones": {execute.Departures{Left: left(2), Before: 2, Stayed: 0}, "2 OF 2 "},
	} {
		if got := row.d.Warning(); row.want == "" && got != "" || !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestPruneBesideAnOlderConfiguration: a daemon that has not loaded this one yet
// delivers there again, and what it put there has readers, and counts.
func TestPruneBesideAnOlderConfiguration(t *testing.T) {
	w, d := pruned(t)
	older := w.inv.Accounts[0]
	w.configure(oneAccount)
	older, now := w.inv.Accounts[0], older
	once := true
	w.stores["b"].Intercept(func(ctx context.Context, s providertest.StoreStep) error {
		if s.Op == "remove" && s.Point == providertest.After && once {
			once = false
			if _, err := w.worker.Pass(ctx, older); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	trouble, err := w.worker.Prune(t.Context(), now, d, "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := w.stores["b"].Look(t.Context(), d)
	if err != nil || h.State == rotation.StateMarked && w.struck(d) {
		t.Errorf("%v: it holds the offered key, and no longer counts: %q, %+v", err, trouble, w.record())
	}
}

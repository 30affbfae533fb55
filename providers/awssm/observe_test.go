package awssm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func observe(t *testing.T, s *awssm.Store, ds ...rotation.Destination) map[rotation.Destination]rotation.Holding {
	t.Helper()
	seen := map[rotation.Destination]rotation.Holding{}
	must(t, s.Observe(t.Context(), ds, func(d rotation.Destination, h rotation.Holding) error {
		if _, twice := seen[d]; twice || h.Fresh {
			t.Errorf("%s yielded twice, or as fresh", d)
		}
		seen[d] = h
		return nil
	}))
	return seen
}

// Three thousand secrets among as many of others cost thirty calls and no
// value, at every pass.
func TestObserveThreeThousand(t *testing.T) {
	const secrets = 3_000
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	var ds []rotation.Destination
	for n := range secrets {
		d := dest(fmt.Sprintf("ci/secret/%d", n))
		if n%3 == 0 {
			d.Field = "KEY"
		}
		_, err := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf(fmt.Sprint(n), 1), rotation.Holding{State: rotation.StateAbsent})
		must(t, err)
		must(t, w.Create(fmt.Sprintf("theirs/%d", n), "theirs", map[string]string{"owner": "them"}))
		ds = append(ds, d)
	}
	for range 2 {
		w.only(t, calls{"ListSecrets": secrets / 100}, func() {
			seen := observe(t, s, ds...)
			for n, d := range ds {
				if h := seen[d]; h.State != rotation.StateMarked || h.Mark != providertest.MarkOf(fmt.Sprint(n), 1) {
					t.Fatalf("%s: %+v", d, h)
				}
			}
		})
	}
	w.only(t, calls{"ListSecrets": 1}, func() { observe(t, s, ds[:40]...) }) // as soon as all were seen
}

// What a listing does not show may be there all the same.
func TestObserveYieldsOnlyWhatItSees(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	ours, field, edited := dest("ci/ours"), dest("ci/two#A"), dest("ci/edited")
	for _, d := range []rotation.Destination{ours, field, edited} {
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	}
	must(t, w.Edit(edited.Path, "by hand"))
	must(t, w.Create("ci/bare", "theirs", nil))
	deleted := dest("ci/deleted")
	providertest.Put(t, s, deleted, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	must(t, w.Delete(deleted.Path))
	w.SetLags(awstest.Lags{List: awstest.Lag{Hold: true}})
	late := dest("ci/late")
	providertest.Put(t, s, late, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	seen := observe(t, s, ours, field, edited, deleted, late, dest("ci/bare"), dest("ci/absent"), dest("ci/two#B"))
	if len(seen) != 3 || seen[ours].State != rotation.StateMarked || seen[field].State != rotation.StateMarked || seen[edited].State != rotation.StateEdited {
		t.Errorf("saw %+v", seen)
	}
}

// Pages that are short or empty, as AWS gives them where it filters, are not
// taken for the end.
func TestObserveShortPages(t *testing.T) {
	w := newWorld(t, awstest.Options{FilterScan: 10})
	s := w.open(t, awssm.Config{})
	first, last := dest("ci/first"), dest("ci/last")
	providertest.Put(t, s, first, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	for n := range 50 {
		must(t, w.Create(fmt.Sprintf("theirs/%d", n), "theirs", nil))
	}
	providertest.Put(t, s, last, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	if seen := observe(t, s, first, last); len(seen) != 2 {
		t.Errorf("saw %+v", seen)
	}
	listed := 0
	must(t, s.List(t.Context(), "ci/last", func(providers.Listed) error { listed++; return nil }))
	if listed != 1 {
		t.Errorf("listed %d, want the last", listed)
	}
}

// A page that fails leaves the rest unknown; an error of whoever is yielded to
// ends the pass and comes back as it is.
func TestObserveCutShort(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	var ds []rotation.Destination
	for n := range 150 {
		d := dest(fmt.Sprintf("ci/secret/%d", n))
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
		ds = append(ds, d)
	}
	w.Inject(awstest.Fault{Operation: "ListSecrets", Skip: 1, Error: &awstest.Error{Code: "ThrottlingException", RetryAfter: 3 * time.Second}})
	seen := 0
	err := s.Observe(t.Context(), ds, func(_ rotation.Destination, h rotation.Holding) error {
		if seen++; h.State != rotation.StateMarked {
			t.Errorf("saw %+v", h)
		}
		return nil
	})
	providertest.WantKind(t, err, providers.Limited)
	if after := providers.RetryAfterOf(err); seen != 100 || after != 3*time.Second {
		t.Errorf("saw %d, come back after %s", seen, after)
	}
	stop, times := errors.New("enough"), 0
	err = w.open(t, awssm.Config{}).Observe(t.Context(), ds, func(rotation.Destination, rotation.Holding) error { times++; return stop })
	if !errors.Is(err, stop) || times != 1 {
		t.Errorf("yielded %d times, then %v", times, err)
	}
}

func TestList(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	for n := range 120 {
		must(t, w.Create(fmt.Sprintf("ci/theirs/%d", n), keyOne, map[string]string{"owner": "them"}))
	}
	providertest.Put(t, s, dest("ci/whole"), providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, s, dest("ci/field#KEY"), providertest.Value(keyOne), providertest.MarkOf("b", 2))
	providertest.Put(t, s, dest("other/x"), providertest.Value(keyOne), providertest.MarkOf("c", 1))
	providertest.Put(t, s, dest("ci/deleted"), providertest.Value(keyOne), providertest.MarkOf("d", 1))
	must(t, w.Delete("ci/deleted"))
	if _, err := s.Read(t.Context(), dest("ci/whole"), ""); err != nil {
		t.Fatal(err)
	}
	found := map[string]providers.Listed{}
	list := func(prefix string) {
		clear(found)
		must(t, s.List(t.Context(), prefix, func(l providers.Listed) error {
			found[l.Path] = l
			return nil
		}))
	}
	w.only(t, calls{"ListSecrets": 2}, func() { list("ci/") })
	whole := found["ci/whole"]
	if len(found) != 122 || whole.Mark != providertest.MarkOf("a", 1) || whole.LastRead.IsZero() || whole.Changed.IsZero() ||
		found["ci/field"].Mark != providertest.MarkOf("b", 2) || !found["ci/field"].LastRead.IsZero() || found["ci/theirs/7"].Owner != "them" {
		t.Errorf("%d found: %+v", len(found), whole)
	}
	list("")
	if _, ok := found["other/x"]; !ok || len(found) != 123 {
		t.Errorf("%d found", len(found))
	}
	stop := errors.New("enough")
	if err := s.List(t.Context(), "", func(providers.Listed) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v, want the error given", err)
	}
	if text := fmt.Sprintf("%#v", found); strings.Contains(text, "CANARY") {
		t.Error("a listing holds a value")
	}
}

package awssm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// TestLastReadOfManyAndReplicas: two pages tell of 120 secrets, without a value
// being read; a reader of a replica counts, and a replica that is not there yet
// leaves it open.
func TestLastReadOfManyAndReplicas(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	var ds []rotation.Destination
	for n := range 120 {
		d := dest(fmt.Sprintf("ci/many/%03d", n))
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
		ds = append(ds, d)
	}
	if _, err := s.Read(t.Context(), ds[7], ""); err != nil {
		t.Fatal(err)
	}
	got := map[rotation.Destination]time.Time{}
	last := func(s *awssm.Store, ds []rotation.Destination) {
		clear(got)
		must(t, s.LastRead(t.Context(), ds, func(d rotation.Destination, at time.Time) error { got[d] = at; return nil }))
	}
	w.only(t, calls{"ListSecrets": 2}, func() { last(s, ds) })
	if len(got) != 120 || got[ds[7]].IsZero() || !got[ds[8]].IsZero() {
		t.Errorf("%d told of, %s, %s", len(got), got[ds[7]], got[ds[8]])
	}
	w.only(t, calls{}, func() { last(s, nil) })

	both := w.open(t, replicated(west))
	last(both, ds[:2])
	if len(got) != 0 {
		t.Errorf("told of %v, whose replicas are not there", got)
	}
	d := dest("ci/replicated")
	providertest.Put(t, both, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	last(both, []rotation.Destination{d})
	if at, told := got[d]; !told || !at.IsZero() {
		t.Errorf("%v, want never", got)
	}
	there := w.open(t, awssm.Config{Region: west})
	if _, err := there.Read(t.Context(), d, ""); err != nil {
		t.Fatal(err)
	}
	last(both, []rotation.Destination{d})
	if got[d].IsZero() {
		t.Error("read in the Region of the replica, and said to be never read")
	}
}

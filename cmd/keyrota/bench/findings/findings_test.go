package findings

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
)

var update = flag.Bool("update", false, "write the golden file anew")

func now() time.Time { return time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC) }

// few is how many accounts the tests have: each kind once or twice.
const few = 70

// TestNothingThatMayBeInUseIsCalledUnused: a key that is deleted because its
// account was called unused stops somebody's job.
func TestNothingThatMayBeInUseIsCalledUnused(t *testing.T) {
	for seed := uint64(1); seed <= 2; seed++ {
		h := history.Make(seed, now(), few)
		for i, s := range sights() {
			t.Run(fmt.Sprintf("%d/%s", seed, s.name), func(t *testing.T) {
				t.Parallel()
				found, err := find(t.Context(), h, s)
				if err != nil {
					t.Fatal(err)
				}
				idle := found.calledIdle()
				for ref, f := range idle {
					if a := found.truths[ref]; !a.Idle(now(), history.UnusedAfter) {
						t.Errorf("%s (%s), last used on %s, is called %s: %s\n%v", ref, a.Kind, a.Last, f.Code, f.Title, f.Evidence)
					}
				}
				if i == 0 && len(idle) < 5 {
					t.Errorf("%d accounts are called unused: this test could not fail", len(idle))
				}
			})
		}
	}
}

func TestPrecisionAndRecall(t *testing.T) {
	var table bytes.Buffer
	if err := compare(t.Context(), &table, history.Make(1, now(), few)); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "table.golden")
	if *update {
		if err := os.WriteFile(golden, table.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), table.String()); diff != "" {
		t.Errorf("the table changed; if it should have, run go test -update here:\n%s", diff)
	}
}

package findings

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/providers/wandb/sandbox/history"
	"github.com/keyrota/keyrota/sync/finding"
)

var update = flag.Bool("update", false, "write the golden file anew")

func now() time.Time { return time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC) }

// few is how many accounts the tests have: each kind once or twice.
const few = 64

// TestFindingsAreRight looks at one history in every way. Nothing that may be in
// use is called unused: a key that is deleted because of that stops somebody's
// job. Accounts that are used once a quarter, and those whose use cannot be seen,
// are among those that may.
func TestFindingsAreRight(t *testing.T) {
	h := history.Make(1, now(), few)
	all := make([]found, len(sights()))
	t.Run("looks", func(t *testing.T) {
		for i, s := range sights() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				var err error
				if all[i], err = find(t.Context(), h, s); err != nil {
					t.Fatal(err)
				}
				calledUnused(t, all[i])
			})
		}
	})
	if t.Failed() {
		return
	}
	var table bytes.Buffer
	compare(&table, h, all)
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

// calledUnused tells of accounts that are called unused and may be in use.
func calledUnused(t *testing.T, found found) {
	t.Helper()
	for _, f := range found.Findings {
		switch f.Code {
		case finding.Unused, finding.NeverUsed, finding.ProposeOff:
			if a := found.truths[f.Account]; !slices.Contains(a.Codes, string(f.Code)) {
				t.Errorf("%s (%s), last used on %s, is called %s: %s\n%v", f.Account, a.Kind, a.Last, f.Code, f.Title, f.Evidence)
			}
		}
	}
}

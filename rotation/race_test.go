//go:build race

package rotation

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// raceDetector says that this run is ten times slower.
const raceDetector = true

// TestExploreWithoutDetector explores the large worlds in a binary without the
// race detector: each world is explored by one goroutine.
func TestExploreWithoutDetector(t *testing.T) {
	if testing.Short() {
		t.Skip("millions of states")
	}
	binary := filepath.Join(t.TempDir(), "explore")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(binary, "-test.run", "^TestExplore$", "-test.v")
	run.Env = append(os.Environ(), mutantRun+"=1")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

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

// TestWithoutDetector explores the large worlds, and simulates as many as there
// are, in a binary without the race detector: each is the work of one goroutine.
func TestWithoutDetector(t *testing.T) {
	if testing.Short() {
		t.Skip("millions of states")
	}
	binary := filepath.Join(t.TempDir(), "explore")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(binary, "-test.run", "^(TestExplore|TestSimulate)$", "-test.v", "-rapid.nofailfile")
	run.Env = append(os.Environ(), mutantRun+"=1")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

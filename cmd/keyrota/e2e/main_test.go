package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/keyrota/keyrota/providers/vault/vaulttest"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	registerToxics()
	// Most tests wait, for overlaps, elections and leases, more than they compute.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(atOnce)
	}
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "keyrota-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("KEYROTA_BIN"); binary == "" {
		binary = filepath.Join(dir, "keyrota")
		args := []string{"build", "-o", binary}
		if raceDetector {
			args = append(args, "-race")
		}
		build := exec.Command("go", append(args, "github.com/keyrota/keyrota/cmd/keyrota")...)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building keyrota: %v\n%s", err, out)
			return 1
		}
	}
	defer func() {
		if server, err := launchVault(); err == nil {
			server.Stop()
		}
	}()
	code := m.Run()
	fmt.Println(&kills)
	if all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && !testing.Short(); all && code == 0 && kills.sum() < leastKills {
		fmt.Printf("fewer than %d\n", leastKills)
		return 1
	}
	return code
}

// atOnce is how many tests run beside each other.
const atOnce = "4"

// leastKills is how many the program has to live through in one run of all tests.
const leastKills = 200

// kills count what was killed in all tests, and lived through.
var kills tally

type tally struct {
	mu sync.Mutex
	of map[string]int
}

func (y *tally) add(what string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.of == nil {
		y.of = map[string]int{}
	}
	y.of[what]++
}

func (y *tally) sum() (n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, of := range y.of {
		n += of
	}
	return n
}

// String is the line of the report.
func (y *tally) String() string { return fmt.Sprintf("%d kills lived through: %v", y.sum(), y.of) }

// launchVault starts the one Vault that all tests share, each in paths of its
// own.
var launchVault = sync.OnceValues(func() (*vaulttest.Server, error) { return vaulttest.Launch() })

func sharedVault(t *testing.T) *vaulttest.Server {
	t.Helper()
	server, err := launchVault()
	if errors.Is(err, vaulttest.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return server
}

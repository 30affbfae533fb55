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
	return m.Run()
}

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

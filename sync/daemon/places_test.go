package daemon_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

// everywhere runs a test on each database that a ledger can live in, at a place
// where there is none yet.
func everywhere(t *testing.T, f func(t *testing.T, at string)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, filepath.Join(t.TempDir(), "ledger.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, onServer(t))
	})
}

// theServer is what the tests of this package share, once one needs it.
var theServer = sync.OnceValues(func() (*postgrestest.Server, error) {
	s, err := postgrestest.New()
	if err == nil {
		started.Store(s)
	}
	return s, err
})

var started atomic.Pointer[postgrestest.Server]

// onServer returns the URL of an empty database.
func onServer(t testing.TB) string {
	t.Helper()
	s, err := theServer()
	switch {
	case postgrestest.Missing(err) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return s.Fresh(t)
}

// TestMain ends the server that the tests shared.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("4") // they wait more than they work
	}
	code := m.Run()
	if s := started.Load(); s != nil {
		if err := s.Remove(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

package ledger

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

// theServer is what the tests of this folder share, once one needs it.
var theServer = sync.OnceValues(func() (*postgrestest.Server, error) {
	s, err := postgrestest.New()
	if err == nil {
		started.Store(s)
	}
	return s, err
})

var started atomic.Pointer[postgrestest.Server]

// SharedServer returns a PostgreSQL that tests share. None may stop it.
func SharedServer(t testing.TB) *postgrestest.Server {
	t.Helper()
	s, err := theServer()
	switch {
	case postgrestest.Missing(err) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return s
}

// RemoveSharedServer ends it after all tests.
func RemoveSharedServer() error {
	if s := started.Load(); s != nil {
		return s.Remove()
	}
	return nil
}

package ledger

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

// TestAServerThatCrashes: those who save wait for it, and what was answered is
// there.
func TestAServerThatCrashes(t *testing.T) {
	t.Parallel()
	shared := postgrestest.Start(t)
	l := openedAt(t, shared.Fresh(t))
	ctx, stop := context.WithCancel(t.Context())
	answered := make(chan Revision, 1000)
	done := make(chan error, 1)
	go func() {
		for rev := Revision(0); ; {
			next, err := l.Save(ctx, "a/one", rotation.Record{Seq: rotation.Edition(rev) + 1}, rev, rotation.Event{Kind: rotation.EventOffered})
			if err != nil {
				done <- err
				return
			}
			rev = next
			select {
			case answered <- rev:
			default:
			}
		}
	}()
	var last Revision
	for range 5 {
		for range 20 {
			select {
			case last = <-answered:
			case err := <-done:
				t.Fatal(err)
			}
		}
		if err := shared.Kill(); err != nil {
			t.Fatal(err)
		}
		for len(answered) > 0 {
			last = <-answered
		}
		if err := shared.Start(); err != nil {
			t.Fatal(err)
		}
		if _, rev, err := l.Load(t.Context(), "a/one"); err != nil || rev < last {
			t.Fatalf("revision %d, %v; %d was answered", rev, err, last)
		}
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	rec, rev, err := l.Load(t.Context(), "a/one")
	if err != nil || rotation.Edition(rev) != rec.Seq {
		t.Errorf("revision %d of seq %d, %v", rev, rec.Seq, err)
	}
	if head, err := l.Verify(t.Context()); err != nil || head.Seq != int64(rev) {
		t.Errorf("%v, %v: one event for each of %d revisions", head, err, rev)
	}
}

func TestWhatAServerRefuses(t *testing.T) {
	shared := SharedServer(t)
	shared.Exec(t, "postgres",
		`CREATE ROLE guarded LOGIN PASSWORD '`+postgrestest.Password+`'`, `CREATE ROLE guest LOGIN`,
		`CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`)
	as := func(user, at string) string { return strings.Replace(at, "keyrota@", user+"@", 1) }
	const wrong = "wrong-CANARY-000000000000000000000000000000000"
	standby := shared.Fresh(t)
	shared.Exec(t, "postgres", `ALTER DATABASE `+standby[strings.LastIndex(standby, "/")+1:strings.Index(standby, "?")]+` SET default_transaction_read_only = on`)
	for name, c := range map[string]struct {
		at    string
		kind  error
		words string
	}{
		"a wrong password":   {as("guarded:"+wrong, shared.Fresh(t)), ErrDenied, "PGPASSWORD"},
		"no database":        {shared.URL("absent"), ErrMissing, "CREATE DATABASE"},
		"no rights":          {as("guest", shared.Fresh(t)), ErrDenied, "must own the ledger's tables"},
		"may not be written": {standby, ErrDenied, "can be written to"},
		"no server":          {"postgres://keyrota@127.0.0.1:1/keyrota?sslmode=disable", ErrUnreachable, "can be reached from here"},
		"not of Unicode":     {shared.URL("ascii"), nil, "ENCODING 'UTF8'"},
		"not a URL":          {"postgres://keyrota:" + wrong + "/x@[::1/keyrota", nil, "cannot be read: write postgres://"},
		"a wrong setting":    {"postgres://keyrota:" + wrong + "@127.0.0.1/keyrota?sslmode=maybe&password=" + wrong, nil, "cannot be used: write postgres://"},
		"no certificate":     {shared.URL("x") + "&sslrootcert=/absent.pem&sslmode=verify-full", nil, "/absent.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), strings.Replace(c.at, "sslmode=disable&sslroot", "sslroot", 1), Options{Instance: "prod"})
			if err == nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v; want %v, and %q", err, c.kind, c.words)
			}
			if strings.Contains(err.Error(), "CANARY") {
				t.Errorf("it shows the password: %v", err)
			}
		})
	}
	l := openedAt(t, as("guarded:"+postgrestest.Password, shared.URL("guarded"+fresh(t, shared))))
	if strings.Contains(l.Name(), "CANARY") || !strings.Contains(l.Name(), "guarded@127.0.0.1") {
		t.Error(l.Name())
	}
}

// fresh makes a database that guarded owns, and returns the rest of its name.
func fresh(t *testing.T, s *postgrestest.Server) string {
	t.Helper()
	s.Exec(t, "postgres", `CREATE DATABASE guarded_own OWNER guarded`)
	return "_own"
}

func TestNoPasswordIsShown(t *testing.T) {
	for at, want := range map[string]string{
		"/var/lib/keyrota/ledger.db":                              "/var/lib/keyrota/ledger.db",
		"postgres://a:CANARY@db.example:5432/keyrota?sslmode=x":   "postgres://a@db.example:5432/keyrota",
		"postgresql://db.example/keyrota?user=a&password=CANARY":  "postgres://db.example/keyrota?user=a",
		"postgres:///keyrota?host=/run/pg&sslpassword=CANARY":     "postgres:///keyrota?host=%2Frun%2Fpg",
		"postgres://a:CANARY/x@h/keyrota":                         "postgres://…",
		"postgres://db.example/keyrota?search_path=ops&x=CANARY ": "postgres://db.example/keyrota?search_path=ops",
	} {
		if got := NameOf(at); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}

func TestSeveralLedgersInOneDatabase(t *testing.T) {
	shared := SharedServer(t)
	at := shared.Fresh(t)
	name := at[strings.LastIndex(at, "/")+1 : strings.Index(at, "?")]
	shared.Exec(t, name, `CREATE SCHEMA one`, `CREATE SCHEMA two`)
	one, two := openedAt(t, at+"&search_path=one"), openedAt(t, at+"&search_path=two")
	if one.ID() == two.ID() {
		t.Error("one ledger")
	}
	if _, err := one.Save(t.Context(), "a/one", rotation.Record{Seq: 1}, 0); err != nil {
		t.Fatal(err)
	}
	if _, rev, err := two.Load(t.Context(), "a/one"); err != nil || rev != 0 {
		t.Errorf("%d, %v", rev, err)
	}
}

func TestAnEngineThatWasNotHeardOfIsForgotten(t *testing.T) {
	l := openedAt(t, SharedServer(t).Fresh(t))
	e, err := l.Engage(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	if engines, err := l.Engines(t.Context()); err != nil || len(engines) != 1 || !strings.HasPrefix(engines[0].Name, "process ") || time.Since(engines[0].Seen) > time.Minute {
		t.Errorf("%v, %v", engines, err)
	}
	if _, err := l.db.ExecContext(t.Context(), `UPDATE ledger_engine SET seen = seen - 31000000`); err != nil {
		t.Fatal(err)
	}
	if engines, err := l.Engines(t.Context()); err != nil || len(engines) != 0 {
		t.Errorf("%v, %v", engines, err)
	}
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/sync/ledger"
	"github.com/keyrota/keyrota/sync/ledger/postgrestest"
)

var update = flag.Bool("update", false, "write the output that the scripts expect")

// TestMain lets scripts run keyrota: the real command line on a clock that
// stands still.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"keyrota": scriptedMain})
}

// tests end the server that scripts shared.
type tests struct{ *testing.M }

// Run runs them all.
func (t tests) Run() int {
	code := t.M.Run()
	if s := postgres.Load(); s != nil {
		if err := s.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

var postgres atomic.Pointer[postgrestest.Server]

var startPostgres = sync.OnceValues(func() (*postgrestest.Server, error) {
	s, err := postgrestest.New()
	if err == nil {
		postgres.Store(s)
	}
	return s, err
})

// database names an empty database of a real PostgreSQL.
func database(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	s, err := startPostgres()
	if postgrestest.Missing(err) && os.Getenv("CI") != "true" {
		of(ts).t.Skip(err)
	}
	ts.Check(err)
	ts.Setenv(args[0], s.Fresh(of(ts).t))
}

func scriptedMain() {
	a := newApp()
	if now, err := time.Parse(time.RFC3339, os.Getenv(clockVariable)); err == nil {
		a.now = func() time.Time { return now }
	}
	if f, err := os.OpenFile(os.Getenv(printedVariable), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err == nil {
		a.stdout, a.stderr = io.MultiWriter(a.stdout, f), io.MultiWriter(a.stderr, f)
	}
	os.Exit(run(os.Args[1:], a))
}

const (
	clockVariable   = "KEYROTA_TEST_CLOCK"   // what time it is
	printedVariable = "KEYROTA_TEST_PRINTED" // a file that gets all that was printed
)

// TestScript runs the stories of testdata/script. Besides what testscript has,
// they know:
//
//	sandbox shown|hashed                    a W&B server starts, and shows keys in listings or does not
//	click account NAME SCOPE TEAM           what a person does in W&B's own pages
//	click key ACCOUNT FILE
//	click delete ACCOUNT                    its oldest key
//	click allow-keys|forbid-keys
//	fault KIND OPERATION COUNT [DELAY]      the server fails
//	await OPERATION                         until the server is asked for it
//	clock DURATION                          time passes
//	job FILE TEAM/PROJECT/RUN [STATE]       a run beats, with the key in the file
//	live ACCOUNT COUNT                      so many keys of it work
//	holds FILE ACCOUNT                      the file has a key in it that works and is the newest of the account
//	called COUNT OPERATION                  so often was the server asked for it
//	exits CODE PROGRAM ARGS...              the program ends with this code
//	engine start|stop LEDGER                a daemon holds the ledger
//	database VARIABLE                       the URL of an empty PostgreSQL database
//	port VARIABLE, connect ADDRESS          a free port; something listens there by now
//	inboxes                                 servers take messages, as Slack, PagerDuty, mail and a webhook
//	inbox COUNT KIND WORDS                  so many messages there say the words
//	tamper LEDGER STATEMENT                 somebody changes the ledger's file with other tools
//
// No key may be anywhere but in the store's directory, secrets, and in the
// *.key files that click makes: whatever was printed and whatever was written
// is searched for the mark that every key bears.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sandbox": startSandbox, "click": click, "fault": fault, "await": await, "clock": clock, "live": live, "holds": holds,
			"called": called, "exits": exits, "engine": engine, "port": port, "connect": connect,
			"tamper": tamper, "database": database, "job": job, "inboxes": startInboxes, "inbox": inbox,
		},
	})
}

// keyMark is in every key, and in nothing else.
const keyMark = "CANARY"

const adminKey = "alice-" + keyMark + "-0123456789-0123456789-0123456789"

var monday = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)

// scene is what one script plays in.
type scene struct {
	now    atomic.Pointer[time.Time]
	server *sandbox.Server
	engine *ledger.EngineLock
	t      testing.TB

	inboxes *inboxes
}

type sceneKey struct{}

func of(ts *testscript.TestScript) *scene { return ts.Value(sceneKey{}).(*scene) }

func setUp(env *testscript.Env) error {
	s := &scene{}
	s.now.Store(&monday)
	env.Values[sceneKey{}] = s
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", examples)
	printed := filepath.Join(env.WorkDir, ".printed")
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, ".config"))
	env.Setenv("TZ", "Europe/Berlin")
	env.Setenv(clockVariable, monday.Format(time.RFC3339))
	env.Setenv(printedVariable, printed)
	t := env.T().(testing.TB)
	s.t = t
	env.Defer(func() {
		t.Helper()
		for _, file := range leaks(t, env.WorkDir) {
			t.Errorf("a key is in %s", file)
		}
		if s.engine != nil {
			_ = s.engine.Release()
		}
	})
	return nil
}

// leaks are the files with keys in them that may have none.
func leaks(t testing.TB, dir string) []string {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "secrets":
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(path, ".key") || strings.HasPrefix(d.Name(), "seed"):
			return nil
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), keyMark) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

func startSandbox(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	s := of(ts)
	server, err := sandbox.New(sandbox.Seed{
		Organization: "acme",
		Settings:     sandbox.Settings{Keys: sandbox.KeyStorage(args[0])},
		Teams:        []sandbox.Team{{Name: "ml-platform"}, {Name: "research"}},
		People: []sandbox.Person{{
			Username: "alice", Admin: true, Keys: []sandbox.Key{{Value: adminKey}},
			Teams: map[string]sandbox.Role{"ml-platform": sandbox.RoleAdmin, "research": sandbox.RoleAdmin},
		}},
	}, sandbox.Options{Now: func() time.Time { return *s.now.Load() }, KeyMarker: keyMark})
	ts.Check(err)
	web := httptest.NewServer(server)
	ts.Defer(web.Close)
	s.server = server
	ts.Setenv("WANDB_URL", web.URL)
	ts.Setenv("WANDB_ADMIN_KEY", adminKey)
}

func click(ts *testscript.TestScript, neg bool, args []string) {
	server := of(ts).server
	switch {
	case len(args) == 4 && args[0] == "account":
		_, err := server.CreateServiceAccount(args[1], sandbox.Scope(args[2]), args[3], "")
		ts.Check(err)
	case len(args) == 3 && args[0] == "key":
		_, value, err := server.CreateKey(args[1], "made by hand")
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(value+"\n"), 0o600))
	case len(args) == 2 && args[0] == "delete":
		_, err := server.DeleteKey(server.Keys(args[1])[0].ID)
		ts.Check(err)
	case len(args) == 1 && strings.HasSuffix(args[0], "-keys"):
		ts.Check(server.Configure(func(c *sandbox.Settings) { c.DisableKeyCreation = args[0] == "forbid-keys" }))
	default:
		ts.Fatalf("click: there is no such button: %q", args)
	}
}

func fault(ts *testscript.TestScript, neg bool, args []string) {
	f := sandbox.Fault{}
	if len(args) == 4 {
		var err error
		f.Delay, err = time.ParseDuration(args[3])
		ts.Check(err)
		args = args[:3]
	}
	need(ts, neg, args, 3)
	f.Kind, f.Operation, f.Count = sandbox.FaultKind(args[0]), args[1], number(ts, args[2])
	ts.Check(of(ts).server.AddFault(f))
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	poll(ts, func() error {
		if of(ts).server.Calls(args[0]) == 0 {
			return errors.New(args[0] + " was not asked for")
		}
		return nil
	})
}

func clock(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	now := of(ts).now.Load().Add(d)
	of(ts).now.Store(&now)
	ts.Setenv(clockVariable, now.Format(time.RFC3339))
}

func live(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	if n := len(of(ts).server.Keys(args[0])); n != number(ts, args[1]) {
		ts.Fatalf("%s has %d keys", args[0], n)
	}
}

func holds(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, false, args, 2)
	id, ok := of(ts).server.KeyID(pastedKey.FindString(ts.ReadFile(args[0])))
	keys := of(ts).server.Keys(args[1])
	newest := ok && len(keys) > 0 && keys[len(keys)-1].ID == id
	if newest == neg {
		ts.Fatalf("%s: a live key: %v, the newest of %s: %v", args[0], ok, args[1], newest)
	}
}

func called(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	if n := of(ts).server.Calls(args[1]); n != number(ts, args[0]) {
		ts.Fatalf("%s was called %d times", args[1], n)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != number(ts, args[0]) {
		ts.Fatalf("exit code %d", code)
	}
}

func engine(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	s := of(ts)
	if args[0] == "stop" {
		ts.Check(s.engine.Release())
		s.engine = nil
		return
	}
	var err error
	s.engine, err = ledger.Lock(context.Background(), ts.MkAbs(args[1]))
	ts.Check(err)
}

func tamper(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	l, err := ledger.Open(context.Background(), ts.MkAbs(args[0]), ledger.Options{Instance: "test"})
	ts.Check(err)
	_, err = l.DB().ExecContext(context.Background(), args[1])
	ts.Check(errors.Join(err, l.Close()))
}

func port(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

func connect(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	poll(ts, func() error {
		c, err := net.Dial("tcp", args[0])
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

func poll(ts *testscript.TestScript, try func() error) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("waited too long: %v", err)
		}
	}
}

func need(ts *testscript.TestScript, neg bool, args []string, n int) {
	if neg || len(args) != n {
		ts.Fatalf("this command takes %d arguments and no !", n)
	}
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// Package postgrestest starts a PostgreSQL server for tests: the real one, of
// Debian's package postgresql, as a throw-away cluster on the loopback
// interface. Where it is missing a test skips with a word, and fails when
// CI=true.
//
//	server := postgrestest.Start(t)
//	l, err := ledger.Open(ctx, server.Fresh(t), options)
//
// A server keeps fsync on: what it answered is on the disk. It ends with the
// test, and with the process when that is killed. It refuses to run as root;
// a test that does starts it as the user postgres, which the package makes.
package postgrestest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Password is that of the user "guarded", the one who needs one.
const Password = "postgres-CANARY-7d1f0c5be2a94c3f8e6b5a4d3c2b1a09"

const startsWithin = time.Minute

// errMissing: there is no server to run on this machine.
var errMissing = errors.New("PostgreSQL's server is not here: apt-get install postgresql")

// Server is one cluster. It may be used from several goroutines, but for Start,
// Stop and Kill.
type Server struct {
	bin  string // where its programs are
	dir  string // of data and socket
	port int
	as   *syscall.Credential // nil: whoever runs the test
	made atomic.Int64

	alive io.Closer // ends the server when closed; nil: it does not run
	gone  chan struct{}
}

// Start starts a server that ends with the test. Settings are lines of
// postgresql.conf.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := New(settings...)
	switch {
	case errors.Is(err, errMissing) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Missing reports whether an error of New is that there is no server on this
// machine.
func Missing(err error) bool { return errors.Is(err, errMissing) }

// New starts a server that many tests share: call Remove when all are done.
func New(settings ...string) (_ *Server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := whom()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "keyrota-postgres-*")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, as: as}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Remove())
		}
	}()
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, err
		}
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.init(settings); err != nil {
		return nil, err
	}
	return s, s.Start()
}

// programs finds the folder of initdb and postgres.
func programs() (string, error) {
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.Sort(folders)
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
	}
	for _, dir := range slices.Backward(folders) {
		if whole(dir) {
			return dir, nil
		}
	}
	return "", errMissing
}

func whole(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// whom returns as whom a server has to run.
func whom() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w (there is no user postgres to run it as)", errMissing)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	return cmd
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) init(settings []string) error {
	out, err := s.command(filepath.Join(s.bin, "initdb"), "--pgdata="+s.data(), "--username=keyrota",
		"--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("making a cluster: %w\n%s", err, out)
	}
	conf := strings.Join(append([]string{
		"listen_addresses = '127.0.0.1'",
		fmt.Sprintf("port = %d", s.port),
		fmt.Sprintf("unix_socket_directories = '%s'", s.dir),
		"max_connections = 200",
		"shared_buffers = 32MB",
		"logging_collector = off",
		"log_min_messages = warning",
	}, settings...), "\n") + "\n"
	return errors.Join(
		s.add("postgresql.conf", conf, false),
		s.add("pg_hba.conf", "host all guarded 127.0.0.1/32 scram-sha-256\n", true),
	)
}

// add puts lines at the end of one of the cluster's files, or before its first.
func (s *Server) add(name, lines string, first bool) error {
	path := filepath.Join(s.data(), name)
	was, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(was) + lines
	if first {
		text = lines + string(was)
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// Start starts a server that was stopped or killed.
func (s *Server) Start() error {
	// The shell ends the server when the test's process is no more, however it
	// ended.
	cmd := s.command("/bin/sh", "-c", `"$@" & read _; kill -INT $!; wait $!`, "sh",
		filepath.Join(s.bin, "postgres"), "-D", s.data())
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	s.alive, s.gone = in, make(chan struct{})
	go func() {
		defer close(s.gone)
		_ = cmd.Wait() // how the shell ended says nothing
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startsWithin)
	defer cancel()
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
			continue
		case <-ctx.Done():
		}
		return errors.Join(fmt.Errorf("PostgreSQL does not start: %w", err), s.Stop(), errors.New(said.String()))
	}
}

// URL names a database of the server, by its socket on the loopback interface.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://keyrota@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Addr is host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Socket names a database of the server, by its socket in the file system.
func (s *Server) Socket(database string) string {
	return fmt.Sprintf("postgres://keyrota@/%s?host=%s&port=%d", database, url.QueryEscape(s.dir), s.port)
}

// Fresh makes an empty database and returns its URL.
func (s *Server) Fresh(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// FreshSchema makes an empty schema, which takes a tenth of the time of a
// database, and returns the URL of a database in which it is the one used.
func (s *Server) FreshSchema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	s.Exec(t, "postgres", "CREATE SCHEMA "+name)
	return s.URL("postgres") + "&search_path=" + name
}

// Exec runs statements on a database, as its owner.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", s.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// PID is the server's own process, which starts one for every connection.
func (s *Server) PID() (int, error) {
	b, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strconv.Atoi(first)
}

// Stop ends the server as an operator does, at once for those connected.
func (s *Server) Stop() error {
	if s.alive != nil {
		s.ended()
	}
	return nil
}

// Kill ends the server as a crash does: all of its processes, without a word.
func (s *Server) Kill() error {
	if s.alive == nil {
		return nil
	}
	pid, err := s.PID()
	if err != nil {
		return err
	}
	for _, p := range append([]int{pid}, childrenOf(pid)...) {
		if e := syscall.Kill(p, syscall.SIGKILL); !errors.Is(e, syscall.ESRCH) {
			err = errors.Join(err, e)
		}
	}
	s.ended()
	return err
}

// ended lets the shell see that its server has ended, and end.
func (s *Server) ended() {
	_ = s.alive.Close()
	<-s.gone
	s.alive = nil
}

// childrenOf returns the processes that a process started; none where the
// system has no /proc: they end by themselves when they see that it has.
func childrenOf(pid int) []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	var children []int
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// pid (name) state ppid …: proc(5)
		_, after, _ := strings.Cut(string(b), ") ")
		fields := strings.Fields(after)
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			children = append(children, child)
		}
	}
	return children
}

// Remove stops the server and removes what it left.
func (s *Server) Remove() error {
	if err := s.Stop(); err != nil {
		return err
	}
	return os.RemoveAll(s.dir)
}

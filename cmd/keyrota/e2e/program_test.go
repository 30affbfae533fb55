package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the binary with a directory for everything that it may write.
type program struct {
	t   testing.TB
	dir string
	env []string

	// started is told of each process; nil: nobody is.
	started func(*process)

	above *program // takes down what is printed; nil: this one does

	mu      sync.Mutex
	printed strings.Builder // everything that any process wrote
}

func newProgram(t testing.TB, env ...string) *program {
	t.Helper()
	p := &program{t: t, dir: t.TempDir()}
	for _, d := range []string{"home", "tmp"} {
		if err := os.Mkdir(filepath.Join(p.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(p.dir, "home"), "TMPDIR=" + filepath.Join(p.dir, "tmp"),
		"TZ=UTC", "GORACE=atexit_sleep_ms=0 halt_on_error=1",
	}, env...)
	return p
}

// write makes a file in the program's directory.
func (p *program) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// process is one run of the program.
type process struct {
	cmd            *exec.Cmd
	args           []string
	stdout, stderr lockedBuffer
	ended          chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs the program without waiting for its end.
func (p *program) start(stdin io.Reader, args ...string) *process {
	p.t.Helper()
	r := &process{args: args, ended: make(chan struct{})}
	r.cmd = exec.Command(binary, args...)
	r.cmd.Dir, r.cmd.Env, r.cmd.Stdin = p.dir, p.env, stdin
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	if p.started != nil {
		p.started(r)
	}
	go func() {
		_ = r.cmd.Wait() // how it ended is in cmd.ProcessState
		to := cmp.Or(p.above, p)
		to.mu.Lock()
		to.printed.WriteString(r.stdout.String() + r.stderr.String())
		to.mu.Unlock()
		close(r.ended)
	}()
	return r
}

// startWith runs the program with another variable in its environment.
func (p *program) startWith(variable string, args ...string) *process {
	p.t.Helper()
	other := &program{t: p.t, dir: p.dir, env: append(slices.Clone(p.env), variable), started: p.started, above: p}
	return other.start(nil, args...)
}

// everythingPrinted is what all ended processes wrote.
func (p *program) everythingPrinted() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed.String()
}

// kill ends the process at once, and returns when it is gone.
func (r *process) kill() {
	_ = r.cmd.Process.Kill() // it may be gone already
	<-r.ended
}

// killed says whether the process ended by SIGKILL.
func (r *process) killed() bool {
	status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (r *process) exitCode() int { return r.cmd.ProcessState.ExitCode() }

func (r *process) text() string {
	return "keyrota " + strings.Join(r.args, " ") + "\n" + r.stdout.String() + r.stderr.String()
}

// endsWithin is longer than the grace of a minute that a daemon gives its passes.
const endsWithin = 90 * time.Second

func (r *process) wait(t testing.TB) {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(endsWithin):
		_ = r.cmd.Process.Signal(syscall.SIGQUIT) // its stacks say where it hangs
		<-r.ended
		t.Fatalf("it does not end:\n%s", r.text())
	}
}

// try runs the program to its end.
func (p *program) try(args ...string) *process {
	p.t.Helper()
	r := p.start(nil, args...)
	r.wait(p.t)
	return r
}

// run runs the program to its end, which must be with this exit code.
func (p *program) run(code int, args ...string) *process {
	p.t.Helper()
	return p.runWith(nil, code, args...)
}

func (p *program) runWith(stdin io.Reader, code int, args ...string) *process {
	p.t.Helper()
	r := p.start(stdin, args...)
	r.wait(p.t)
	if r.exitCode() != code {
		p.t.Fatalf("exit code %d, want %d:\n%s", r.exitCode(), code, r.text())
	}
	return r
}

// decode reads a process's JSON output.
func decode[T any](t testing.TB, r *process) T {
	t.Helper()
	var data T
	if err := json.Unmarshal([]byte(r.stdout.String()), &data); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, r.text())
	}
	return data
}

// What the tests look at in the program's JSON.
type (
	statusJSON struct {
		Accounts []statusAccount `json:"accounts"`
	}
	statusAccount struct {
		Account string     `json:"account"`
		Phase   string     `json:"phase"`
		Key     string     `json:"key"`
		Next    string     `json:"next"`
		Until   *time.Time `json:"until"`
		Overdue bool       `json:"overdue"`
		Parked  string     `json:"parked"`
		Old     []struct {
			Key string `json:"key"`
		} `json:"old"`
		Destinations []struct {
			Destination string `json:"destination"`
			Standing    string `json:"standing"`
			Words       string `json:"words"`
		} `json:"destinations"`
		Agree bool `json:"agree"`
	}
	passJSON struct {
		Accounts []struct {
			Account string   `json:"account"`
			Result  string   `json:"result"`
			Events  []string `json:"events"`
			Why     string   `json:"why"`
		} `json:"accounts"`
	}
	historyJSON struct {
		Events []struct {
			Account string `json:"account"`
			Event   string `json:"event"`
			Key     string `json:"key"`
			Label   string `json:"label"`
			Words   string `json:"words"`
		} `json:"events"`
	}
)

// status is what the program says of each account, by its name.
func (p *program) status() map[string]statusAccount {
	p.t.Helper()
	all := map[string]statusAccount{}
	for _, a := range decode[statusJSON](p.t, p.run(0, "status", "--output", "json")).Accounts {
		all[a.Account] = a
	}
	return all
}

// poll repeats try until it is true.
func poll(t testing.TB, within time.Duration, what string, try func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !try() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

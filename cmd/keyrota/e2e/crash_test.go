package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// allowDumps lets this process's children leave core dumps, as far as the
// machine does, and says whether one that crashes does.
func allowDumps(t *testing.T) bool {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: was.Max, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &was) })
	crash := exec.Command("sh", "-c", "kill -ABRT $$")
	crash.Dir = t.TempDir()
	_ = crash.Run()
	status, ok := crash.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.CoreDump()
}

// TestACrashLeavesNoKey crashes the program in the middle of a creation, with
// keys in memory, in every way in which Go would print all it can and leave a
// core dump. There is none, and what is printed shows no key.
func TestACrashLeavesNoKey(t *testing.T) {
	if !allowDumps(t) {
		t.Log("nothing that crashes here leaves a core dump, so that there is none says little")
	}
	w := newWorld(t, sandbox.KeysShown)
	w.configure("overlap: 1s, every: 90d", threeAccounts)
	w.env = append(w.env, "GOTRACEBACK=crash")
	w.run(0, "sync")
	for _, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGQUIT, syscall.SIGSEGV, syscall.SIGTRAP} {
		var r *process
		started := make(chan struct{})
		w.strikes.set(&strike{n: 3, changes: true, moment: before, hit: func() {
			<-started
			_ = r.cmd.Process.Signal(signal)
			<-r.ended
		}})
		r = w.start(nil, "rotate", "--yes", "nightly-eval", "ci-training", "report-builder", "--reason", "to see it crash")
		close(started)
		r.wait(t)
		w.strikes.set(nil)
		status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || !status.Signaled() && status.ExitStatus() != 2 || !strings.Contains(r.stderr.String(), "goroutine ") {
			t.Fatalf("%s: it did not crash: %s\n%s", signal, r.cmd.ProcessState, r.text())
		}
		if status.CoreDump() {
			t.Errorf("%s: it left a core dump", signal)
		}
		if how, at := holdsCanary(r.stdout.String() + r.stderr.String()); at >= 0 {
			t.Errorf("%s: what it printed shows a key (%s)", signal, how)
		}
		for _, dir := range []string{w.dir, filepath.Join(w.dir, "tmp")} {
			if cores, _ := filepath.Glob(dir + "/core*"); len(cores) > 0 {
				t.Errorf("%s: %q", signal, cores)
			}
		}
	}
	w.settle(t) // what was cut short comes to its end
}

// TestNobodyElseReadsItsMemory: other processes of the same user can read
// neither its memory nor its environment, where our credentials may be. The
// kernel then gives what it shows of a process to root.
func TestNobodyElseReadsItsMemory(t *testing.T) {
	const nobody = 65534
	me := os.Getuid()
	dir := t.TempDir()
	seed := filepath.Join(dir, "seed.yaml")
	if err := os.WriteFile(seed, []byte("organization: acme\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "sandbox", "--listen", "127.0.0.1:0", "--seed", seed)
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if me == 0 {
		me = nobody
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		for d := dir; d != filepath.Dir(os.TempDir()); d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755|os.ModeSticky); err != nil && d == dir {
				t.Fatal(err)
			}
		}
		copied := filepath.Join(dir, "keyrota")
		text, err := os.ReadFile(binary)
		if err == nil {
			err = os.WriteFile(copied, text, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path = copied
	}
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	poll(t, endsWithin, "the sandbox to listen", func() bool { return strings.Contains(out.String(), "127.0.0.1:") })
	for _, file := range []string{"mem", "environ"} {
		info, err := os.Stat("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/" + file)
		if err != nil {
			t.Fatal(err, out.String())
		}
		if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Uid != 0 {
			t.Errorf("%s is open to user %s: %d", file, fmt.Sprint(me), s.Uid)
		}
	}
}

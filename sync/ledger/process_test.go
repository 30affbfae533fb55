//go:build unix

package ledger_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/ledger"
)

// childEnv tells a test binary to be another process on the same ledger.
const childEnv = "KEYROTA_LEDGER_TEST_CHILD"

// children are what another process does. Each prints a line for what it did,
// and ends when its input ends.
var children = map[string]func(context.Context, string) error{
	// saves without end, and says each revision once Save has returned it.
	"writer": func(ctx context.Context, path string) error {
		l, err := ledger.Open(ctx, path, options())
		if err != nil {
			return err
		}
		rec, rev, err := l.Load(ctx, ref)
		if err != nil {
			return err
		}
		for {
			rec.Seq++
			words := strings.Repeat("w", int(rec.Seq%7)*1500)
			if rev, err = l.Save(ctx, ref, rec, rev,
				rotation.Event{Kind: rotation.EventOffered, Edition: rec.Seq},
				rotation.Event{Kind: rotation.EventDelivered, Edition: rec.Seq, Words: words}); err != nil {
				return err
			}
			fmt.Println(rev)
		}
	},
	// saves once at the revision that it is told, when it is told.
	"saver": func(ctx context.Context, path string) error {
		l, err := ledger.Open(ctx, path, options())
		if err != nil {
			return err
		}
		fmt.Println("ready")
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			rev, err := strconv.Atoi(in.Text())
			if err != nil {
				return err
			}
			switch _, err := l.Save(ctx, ref, rotation.Record{Tries: os.Getpid()}, ledger.Revision(rev), rotation.Event{Kind: rotation.EventOffered}); {
			case err == nil:
				fmt.Println("won")
			case errors.Is(err, ledger.ErrConflict):
				fmt.Println("conflict")
			default:
				return err
			}
		}
		return nil
	},
	// begins to save on a server, and hangs; says what came of it later.
	"paused": func(ctx context.Context, at string) error {
		l, err := ledger.Open(ctx, at, options())
		if err != nil {
			return err
		}
		tx, err := l.DB().BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for _, statement := range []string{`SELECT 1 FROM ledger_meta FOR UPDATE`, `UPDATE ledger_record SET revision = 99`} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		fmt.Println("hanging")
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			return err
		}
		fmt.Println("committed:", tx.Commit() == nil)
		return nil
	},
	// begins to write, and hangs.
	"hanging": func(ctx context.Context, path string) error {
		lock, err := ledger.Lock(ctx, path)
		if err != nil {
			return err
		}
		defer lock.Release()
		l, err := ledger.Open(ctx, path, options())
		if err != nil {
			return err
		}
		tx, err := l.DB().BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, `DELETE FROM ledger_record`); err != nil {
			return err
		}
		fmt.Println("hanging")
		_, err = io.Copy(io.Discard, os.Stdin)
		return err
	},
	// opens for writing and for reading as a user who may write nothing.
	"nobody": func(ctx context.Context, path string) error {
		if err := syscall.Setgid(65534); err != nil {
			return err
		}
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
		_, err := ledger.Open(ctx, path, options())
		fmt.Printf("write %v %v\n", errors.Is(err, ledger.ErrDenied), err)
		r, err := ledger.OpenReadOnly(ctx, path, ledger.Options{})
		if err != nil {
			return err
		}
		list, err := r.List(ctx)
		fmt.Println("read", len(list), err)
		_, err = ledger.Lock(ctx, path)
		fmt.Printf("lock %v %v\n", errors.Is(err, ledger.ErrDenied), err)
		return r.Close()
	},
}

type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func spawn(t *testing.T, role, path string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+role+"|"+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, in: in, out: bufio.NewScanner(out)}
	t.Cleanup(c.kill)
	return c
}

// kill ends the child as a crash would, and returns once it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.out.Scan() {
		t.Fatalf("the child said no more: %v", c.out.Err())
	}
	return c.out.Text()
}

// consistent checks that the record and its events tell the same story, and
// returns the revision.
func consistent(t *testing.T, path string) ledger.Revision {
	t.Helper()
	l, err := ledger.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, l)
	// A server may still be at what the killed one sent it last.
	if err := l.Writable(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec, rev, err := l.Load(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if rotation.Edition(rev) != rec.Seq {
		t.Fatalf("revision %d of seq %d", rev, rec.Seq)
	}
	events := eventsOf(t, l, 0, 0, ref)
	if len(events) != 2*int(rev) {
		t.Fatalf("%d events, want two for each of %d revisions", len(events), rev)
	}
	for i, e := range events {
		if want := ledger.Revision(i/2 + 1); e.Revision != want || e.Event.Edition != rotation.Edition(want) {
			t.Fatalf("event %d is of revision %d, edition %d; want %d", e.Seq, e.Revision, e.Event.Edition, want)
		}
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rev
}

// TestKilledWhileWriting: whatever Save has answered is there, and of the one
// that was cut short all or nothing.
func TestKilledWhileWriting(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		seed := rand.Uint64()
		t.Log("seed", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		for range 20 {
			c := spawn(t, "writer", at)
			said := c.line(t)
			deadly := time.AfterFunc(time.Duration(random.IntN(40_000))*time.Microsecond, func() { _ = c.cmd.Process.Kill() })
			for c.out.Scan() {
				said = c.out.Text()
			}
			deadly.Stop()
			c.kill()
			last, err := strconv.Atoi(said)
			if err != nil {
				t.Fatal(said)
			}
			if rev := consistent(t, at); rev != ledger.Revision(last) && rev != ledger.Revision(last)+1 {
				t.Fatalf("it is at revision %d; Save had answered %d", rev, last)
			}
		}
	})
}

// TestKilledWhileCreating: a ledger is there whole, or not at all.
func TestKilledWhileCreating(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			for range 15 {
				at := p.fresh(t)
				c := spawn(t, "writer", at)
				deadly := time.AfterFunc(time.Duration(random.IntN(120_000))*time.Microsecond, func() { _ = c.cmd.Process.Kill() })
				for c.out.Scan() {
					continue
				}
				deadly.Stop()
				c.kill()
				consistent(t, at)
			}
		})
	}
}

// TestATornLog: a log that lost its end, or holds a page that was half
// written, is played up to the last whole save.
func TestATornLog(t *testing.T) {
	from := newPath(t)
	c := spawn(t, "writer", from)
	for c.line(t) != "12" {
		continue
	}
	c.kill()
	db, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(from + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	var seen []ledger.Revision
	for name, torn := range map[string]func(n int) []byte{
		"cut": func(n int) []byte { return wal[:n] },
		"garbled": func(n int) []byte {
			b := slices.Clone(wal)
			for i := n; i < min(n+512, len(b)); i++ {
				b[i] ^= 0x5a
			}
			return b
		},
	} {
		for n := len(wal); n > 0; n -= len(wal)/12 + 1 {
			path := newPath(t)
			if err := os.WriteFile(path, db, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+"-wal", torn(n), 0o600); err != nil {
				t.Fatal(err)
			}
			rev := consistent(t, path)
			seen = append(seen, rev)
			if n == len(wal) && rev < 12 {
				t.Errorf("%s nowhere: revision %d of 12", name, rev)
			}
		}
	}
	if slices.Max(seen) == slices.Min(seen) {
		t.Errorf("no tear lost anything: %v", seen)
	}
}

func TestOfManyProcessesOneWins(t *testing.T) {
	everywhere(t, func(t *testing.T, at string) {
		openAt(t, at)
		var savers []*child
		for range 3 {
			savers = append(savers, spawn(t, "saver", at))
		}
		for _, c := range savers {
			if said := c.line(t); said != "ready" {
				t.Fatal(said)
			}
		}
		for rev := range 10 {
			for _, c := range savers {
				if _, err := fmt.Fprintln(c.in, rev); err != nil {
					t.Fatal(err)
				}
			}
			said := map[string]int{}
			for _, c := range savers {
				said[c.line(t)]++
			}
			if said["won"] != 1 || said["conflict"] != 2 {
				t.Fatalf("revision %d: %v", rev, said)
			}
		}
	})
}

func TestReadingWorksBesideAnEngineThatHangs(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	save(t, l, ref, rotation.Record{Seq: 1}, 0, rotation.Event{Kind: rotation.EventOffered})
	c := spawn(t, "hanging", path)
	if said := c.line(t); said != "hanging" {
		t.Fatal(said)
	}
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r, err := ledger.OpenReadOnly(t.Context(), path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, r)
	if list, err := r.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if head, err := r.Verify(t.Context()); err != nil || head.Seq != 1 {
		t.Errorf("%v, %v", head, err)
	}
	if holder, held, err := ledger.Locked(path); err != nil || !held || holder.PID != c.cmd.Process.Pid {
		t.Errorf("%v, %v, %v", holder, held, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := l.Save(ctx, ref, rotation.Record{Seq: 2}, 1); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ledger.ErrBusy) {
		t.Errorf("saving beside a writer that hangs: %v", err)
	}
	c.kill()
	save(t, l, ref, rotation.Record{Seq: 2}, 1)
}

// TestAPausedWriterHoldsNobodyUp: a replica that is stopped in the middle of a
// save is cut off, and harms nothing when it wakes.
func TestAPausedWriterHoldsNobodyUp(t *testing.T) {
	t.Parallel() // ten seconds, until the server cuts it off
	at := onServer(t)
	l := openAt(t, at)
	save(t, l, ref, rotation.Record{Seq: 1}, 0, rotation.Event{Kind: rotation.EventOffered})
	c := spawn(t, "paused", at)
	if said := c.line(t); said != "hanging" {
		t.Fatal(said)
	}
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Load(t.Context(), ref); err != nil {
		t.Error(err)
	}
	save(t, l, ref, rotation.Record{Seq: 2}, 1, rotation.Event{Kind: rotation.EventAgreed})
	if err := errors.Join(c.in.Close(), c.cmd.Process.Signal(syscall.SIGCONT)); err != nil {
		t.Fatal(err)
	}
	if said := c.line(t); said != "committed: false" {
		t.Error(said)
	}
	if rec, rev, err := l.Load(t.Context(), ref); err != nil || rec.Seq != 2 || rev != 2 {
		t.Errorf("seq %d, revision %d, %v", rec.Seq, rev, err)
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOneEngine(t *testing.T) {
	path := newPath(t)
	if holder, held, err := ledger.Locked(path); err != nil || held {
		t.Fatalf("nobody was there yet: %v, %v, %v", holder, held, err)
	}
	c := spawn(t, "hanging", path)
	if said := c.line(t); said != "hanging" {
		t.Fatal(said)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	_, err = ledger.Lock(t.Context(), path)
	refused(t, err, ledger.ErrLocked, path, strconv.Itoa(c.cmd.Process.Pid), host)

	c.kill() // the file stays, with the name of the dead
	if holder, held, err := ledger.Locked(path); err != nil || held {
		t.Fatalf("still held by %v (%v)", holder, err)
	}
	lock, err := ledger.Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if holder, held, err := ledger.Locked(path); err != nil || !held || holder != (ledger.Holder{PID: os.Getpid(), Host: host}) {
		t.Errorf("%v, %v, %v", holder, held, err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if holder, held, err := ledger.Locked(path); err != nil || held {
		t.Errorf("released, but held by %v (%v)", holder, err)
	}
}

// TestAskingKeepsNoEngineOut: a command that asks whether an engine runs holds
// the lock for an instant.
func TestAskingKeepsNoEngineOut(t *testing.T) {
	path := newPath(t)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for range 20_000 {
			_, _, _ = ledger.Locked(path)
		}
	}()
	for range 200 {
		lock, err := ledger.Lock(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
	}
	<-asked
}

func TestAnUnwritableDirectory(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become nobody")
	}
	path := filled(t)
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	c := spawn(t, "nobody", path)
	if said := c.line(t); !strings.HasPrefix(said, "write true") || !strings.Contains(said, "must be writable by the user") {
		t.Error(said)
	}
	if said := c.line(t); said != "read 1 <nil>" {
		t.Error(said)
	}
	if said := c.line(t); !strings.HasPrefix(said, "lock true") {
		t.Error(said)
	}
}

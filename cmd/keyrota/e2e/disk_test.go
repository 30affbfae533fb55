package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// disk is the ledger's own, a small one, that can be full.
type disk struct {
	t   testing.TB
	dir string

	mu     sync.Mutex
	filled bool
	at     map[string]int // how often it was full, by the moment
}

// newDisk mounts one. It skips the test where this process may not.
func newDisk(t testing.TB) *disk {
	t.Helper()
	d := &disk{t: t, dir: t.TempDir(), at: map[string]int{}}
	err := syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "size=16m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("a disk of its own takes the right to mount one: run the tests as root to see it full")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

// fill leaves no block free.
func (d *disk) fill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Error(err)
		return
	}
	defer f.Close()
	block := make([]byte, os.Getpagesize())
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Errorf("the disk is not full: %v", err)
	}
	d.filled = true
}

// free gives the space back.
func (d *disk) free() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := os.Remove(d.filler()); err != nil && d.filled {
		d.t.Error(err)
	}
	d.filled = false
}

func (d *disk) filler() string { return filepath.Join(d.dir, "filler") }

// TestTheLedgersDiskIsFull fills the disk that the ledger is on before and after
// the effects of requests that change something, and at random moments, while
// keys are due all the time, and frees it again; now and then the program is
// killed while it is full. No key is made whose label is not on record, none is
// lost, no reader has a dead one; commands say what is wrong; and once there is
// space the daemon goes on by itself.
func TestTheLedgersDiskIsFull(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run", "sync"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t)
			w := newWorld(t, sandbox.KeysShown)
			w.ledger = filepath.Join(d.dir, "ledger.db")
			k := &killer{
				t: t, world: w, command: command, random: seeded(t), accounts: restlessAccounts, places: restlessPlaces, settings: w.configure,
				moments: map[string]int{}, labels: map[string]bool{},
			}
			w.gate.look.set(k.watch)
			w.put("shared", foreign)
			times := 12
			if os.Getenv("KEYROTA_SOAK") != "" {
				times *= 10
			}
			k.full(d, times)
		})
	}
}

// full lives through a full disk so many times.
func (k *killer) full(d *disk, times int) {
	t := k.t
	k.settings("overlap: 1s, every: 1s", k.accounts)
	k.deliver()
	readers := k.readEvery(30*time.Millisecond, time.Second, k.places...)
	r := k.start(nil, k.command)
	refused := 0
	for range times {
		d.fillAt(k, &r)
		switch k.random.IntN(3) {
		case 0:
			r.kill()
			kills.add(k.command + " with a full disk")
		case 1:
			k.lookAtFull()
		}
		if ended(r) { // what begins on a full disk may find room in what its files have
			r = k.start(nil, k.command)
		}
		d.wait(func() bool { return ended(r) || strings.Contains(r.stderr.String(), "disk is full") })
		if ended(r) && r.exitCode() == 1 || strings.Contains(r.text(), "disk is full") {
			refused++
		}
		d.free()
		k.freed(readers, &r)
		if t.Failed() {
			break
		}
	}
	if k.command == "run" {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
	}
	r.wait(t)
	took := k.converge()
	readers.end(t)
	counts := k.accounted()
	if how, _ := holdsCanary(k.everythingPrinted()); how != "" {
		t.Errorf("a key was printed (%s)", how)
	}
	if refused == 0 {
		t.Error("nobody noticed that the disk was full")
	}
	t.Logf("full %v, noticed by %d; converged in %s; %d reads, %d late, different keys %v\n%v", d.at, refused, took.Round(time.Millisecond),
		readers.reads, readers.late, readers.different(), counts)
}

func ended(r *process) bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// fillAt fills the disk at a moment that is drawn, of a process that begins
// anew until it comes.
func (d *disk) fillAt(k *killer, r **process) {
	s := &strike{
		n: 1 + k.random.IntN(8), changes: true, moment: []moment{before, during, after, later}[k.random.IntN(4)],
		later: time.Duration(k.random.IntN(4000)) * time.Microsecond, hit: d.fill,
	}
	k.strikes.set(s)
	poll(k.t, endsWithin, "something to be changed", func() bool {
		if ended(*r) && !d.full() {
			*r = k.start(nil, k.command)
		}
		return d.full()
	})
	d.at[s.String()]++
}

func (d *disk) full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.filled
}

// wait gives a program the time to notice that the disk is full: what its files
// have already, it can write on.
func (d *disk) wait(noticed func() bool) {
	for begun := time.Now(); !noticed() && time.Since(begun) < 3*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
}

// lookAtFull is what people can do all the same: look.
func (k *killer) lookAtFull() {
	k.run(0, "status")
	k.run(0, "history")
}

// freed waits until everything is rotated again at all its readers.
func (k *killer) freed(readers *readers, r **process) {
	first := readers.different()
	poll(k.t, endsWithin, "everything to be rotated again", func() bool {
		if k.command == "sync" {
			(*r).wait(k.t)
			*r = k.start(nil, "sync")
		} else if ended(*r) {
			if text := (*r).text(); (*r).exitCode() != 1 || !strings.Contains(text, "disk is full") {
				k.t.Fatalf("the daemon ended:\n%s", text)
			}
			*r = k.start(nil, "run") // the one before began while the disk was full
		}
		now := readers.different()
		for _, p := range k.places {
			if now[p.secret] == first[p.secret] {
				return false
			}
		}
		return true
	})
}

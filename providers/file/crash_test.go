package file_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/rotation"
)

const childDir = "KEYROTA_TEST_FILE_STORE"

// TestMain turns a copy of the test into the process that is to be killed: it
// puts, says so when the data is written, and never gets to the mark.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := file.New(file.Config{Path: dir})
	if err == nil {
		s.BeforeMark(func() error {
			fmt.Println("written")
			select {} // until killed
		})
		err = deliver(s, wandb, 2)
	}
	fmt.Fprintln(os.Stderr, "the child was not killed:", err)
	os.Exit(1)
}

var wandb = rotation.Destination{Store: "files", Path: "ci/wandb", Field: "WANDB_API_KEY"}

func value(n int) providers.Secret { return providers.NewSecret(fmt.Sprintf("local-CANARY_%040d", n)) }

func mark(n int) rotation.Mark {
	return rotation.Mark{Instance: "prod", Ledger: "l", Account: "a", Edition: rotation.Edition(n), Key: "k", Shape: "s"}
}

// deliver looks and puts with the background's context, for the child has no test.
func deliver(s *file.Store, d rotation.Destination, n int) error {
	seen, err := s.Look(background, d)
	if err == nil {
		_, err = s.Put(background, d, providers.Payload{Value: value(n)}, mark(n), seen)
	}
	return err
}

// TestKilledBetweenDataAndMark: SIGKILL leaves no lock behind, readers have
// the new value, and the secret is seen as edited and healed.
func TestKilledBetweenDataAndMark(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	s := open(t, dir)
	must(t, deliver(s, wandb, 1))

	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	said, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	line, _ := bufio.NewReader(said).ReadString('\n')
	must(t, child.Process.Kill())
	_ = child.Wait()
	if line != "written\n" {
		t.Fatalf("the child said %q", line)
	}

	seen, err := s.Look(t.Context(), wandb)
	must(t, err)
	if seen.State != rotation.StateEdited || seen.Mark != mark(1) {
		t.Fatalf("it is %s, marked %+v; want edited, marked as before", seen.State, seen.Mark)
	}
	got, err := s.Read(t.Context(), wandb, seen.Version)
	if err != nil || !got.Equal(value(2)) {
		t.Errorf("a reader has not the value that the child wrote: %v", err)
	}
	must(t, deliver(s, wandb, 2))
	if seen, err = s.Look(t.Context(), wandb); err != nil || seen.State != rotation.StateMarked || seen.Mark != mark(2) {
		t.Errorf("after healing: %+v, %v", seen, err)
	}
}

// TestWaitsForAnotherProcess: a process that holds the lock and hangs is
// waited for until the deadline and no longer; then nothing was written.
func TestWaitsForAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	hanging, s := open(t, dir), open(t, dir)
	must(t, deliver(s, wandb, 1))
	seen, err := s.Look(t.Context(), wandb)
	must(t, err)
	held, release := make(chan struct{}), make(chan struct{})
	hanging.BeforeMark(func() error {
		close(held)
		<-release
		return nil
	})
	var all sync.WaitGroup
	all.Go(func() {
		if err := deliver(hanging, wandb, 2); err != nil {
			t.Error(err)
		}
	})
	<-held
	ctx, cancel := contextFor(t, 20)
	defer cancel()
	_, err = s.Put(ctx, wandb, providers.Payload{Value: value(3)}, mark(3), seen)
	if err == nil || providers.KindOf(err) != providers.Transient {
		t.Errorf("put: %v, want transient", err)
	}
	ctx, cancel = contextFor(t, 20)
	defer cancel()
	if _, err = s.Look(ctx, wandb); err == nil || providers.KindOf(err) != providers.Transient {
		t.Errorf("look: %v, want transient", err)
	}
	close(release)
	all.Wait()
	got, err := s.Read(t.Context(), wandb, "")
	if err != nil || !got.Equal(value(2)) {
		t.Errorf("not the value of the one that had the lock: %v", err)
	}
}

// TestSeveralProcesses: stores that share nothing but the directory put from
// one look, and one of them wins.
func TestSeveralProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	seen, err := open(t, dir).Look(t.Context(), wandb)
	must(t, err)
	var all sync.WaitGroup
	errs := make([]error, 6)
	for n := range errs {
		s := open(t, dir)
		all.Go(func() {
			_, errs[n] = s.Put(background, wandb, providers.Payload{Value: value(n)}, mark(n), seen)
		})
	}
	all.Wait()
	winner := -1
	for n, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%d and %d both won", winner, n)
		case err == nil:
			winner = n
		case providers.KindOf(err) != providers.Conflict:
			t.Error(err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	if got, err := open(t, dir).Read(t.Context(), wandb, ""); err != nil || !got.Equal(value(winner)) {
		t.Errorf("not the winner's value: %v", err)
	}
}

// TestLeftoverIsRemoved: what a crash left before its rename goes with the
// next pass, and with the next write.
func TestLeftoverIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	s := open(t, dir)
	must(t, deliver(s, wandb, 1))
	leftover := filepath.Join(dir, file.NewFile)
	for name, pass := range map[string]func() error{
		"observe": func() error {
			return s.Observe(t.Context(), []rotation.Destination{wandb}, func(rotation.Destination, rotation.Holding) error { return nil })
		},
		"put": func() error { return deliver(s, wandb, 2) },
	} {
		must(t, os.WriteFile(leftover, []byte(canary), 0o600))
		if err := pass(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(leftover); !os.IsNotExist(err) {
			t.Errorf("%s left it behind: %v", name, err)
		}
	}
}

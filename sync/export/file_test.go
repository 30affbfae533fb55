package export_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/keyrota/keyrota/sync/export"
)

func items(ids ...string) []export.Item {
	var all []export.Item
	for _, id := range ids {
		all = append(all, export.Item{ID: id, Body: []byte(`{"id":"` + id + `"}`)})
	}
	return all
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	f := export.NewFile(path)
	defer f.Close()
	send := func(ids ...string) {
		t.Helper()
		if err := f.Send(t.Context(), items(ids...)); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(path, want string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil || string(text) != want {
			t.Errorf("%s holds %q, %v, want %q", filepath.Base(path), text, err, want)
		}
	}
	send("1", "2")
	holds(path, "{\"id\":\"1\"}\n{\"id\":\"2\"}\n")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}

	// Logs are rotated by moving them,
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	send("3")
	holds(path, "{\"id\":\"3\"}\n")
	holds(path+".1", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n")

	// by putting another file in their place, which keeps its mode,
	if err := os.Rename(path, path+".2"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	send("4")
	holds(path, "{\"id\":\"4\"}\n")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}

	// by cutting them, or by removing them.
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	send("5")
	holds(path, "{\"id\":\"5\"}\n")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	send("6")
	holds(path, "{\"id\":\"6\"}\n")
}

// Whoever was killed while writing leaves half a line: the next one begins on a
// line of its own.
func TestFileThatEndsInHalfALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(path, []byte("{\"id\":\"1\"}\n{\"id\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := export.NewFile(path)
	defer f.Close()
	for range 2 {
		if err := f.Send(t.Context(), items("2")); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if want := "{\"id\":\"1\"}\n{\"id\":\n{\"id\":\"2\"}\n{\"id\":\"2\"}\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
}

// A disk that is full, and has room again: nothing is lost, and what was cut
// off stands on a line of its own. As a full disk does, a limit of the size of
// files lets the first part through; it is of a whole process, hence the child.
func TestFileOnAFullDisk(t *testing.T) {
	const which = "KEYROTA_TEST_FULL"
	if path := os.Getenv(which); path != "" {
		fillTheDisk(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "events.jsonl")
	child := exec.Command(os.Args[0], "-test.run=^TestFileOnAFullDisk$")
	child.Env = append(os.Environ(), which+"="+path)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(path)
	if want := "{\"id\":\"1\"}\n{\"id\n{\"id\":\"1\"}\n{\"id\":\"2\"}\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
}

func fillTheDisk(t *testing.T, path string) {
	f := export.NewFile(path)
	defer f.Close()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 15, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	err := f.Send(t.Context(), items("1", "2"))
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); e != nil {
		t.Fatal(e)
	}
	if err == nil {
		t.Fatal("it has no limit here")
	}
	if err := f.Send(t.Context(), items("1", "2")); err != nil {
		t.Fatal(err)
	}
}

func TestFileThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, fs.ModePerm); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none", "events.jsonl"), filepath.Join(dir, "x", "y"), dir} {
		f := export.NewFile(path)
		if err := f.Send(t.Context(), items("1")); err == nil {
			t.Errorf("%s was written", path)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

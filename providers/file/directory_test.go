package file_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/rotation"
)

var background = context.Background()

func contextFor(t *testing.T, milliseconds int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), time.Duration(milliseconds)*time.Millisecond)
}

// TestModes: whatever it makes is ours alone, and a file that was open to
// others is closed by the next write.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	s := open(t, dir)
	must(t, deliver(s, wandb, 1))
	must(t, os.Chmod(filepath.Join(dir, wandb.Path), 0o644))
	must(t, deliver(s, wandb, 2))
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), want)
		}
		return err
	}))
}

// TestOnlyTheSecretHoldsTheKey: marks, salt and lock hold no value, and no
// temporary file stays.
func TestOnlyTheSecretHoldsTheKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	must(t, deliver(open(t, dir), wandb, 1))
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(dir, wandb.Path) {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "CANARY") || d.Name() == filepath.Base(file.NewFile) {
			t.Errorf("%s holds a value, or should not be there", path)
		}
		return err
	}))
}

// TestRefusedDirectories: it says what a person must do, and is Denied where
// only a person can help.
func TestRefusedDirectories(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
		kind providers.Kind
		says string
	}{
		{"others may read", func(t *testing.T, dir string) { must(t, os.Mkdir(dir, 0o700)); must(t, os.Chmod(dir, 0o755)) }, providers.Denied, "chmod 700"},
		{"the group may read", func(t *testing.T, dir string) { must(t, os.Mkdir(dir, 0o700)); must(t, os.Chmod(dir, 0o750)) }, providers.Denied, "chmod 700"},
		{"a file", func(t *testing.T, dir string) { must(t, os.WriteFile(dir, nil, 0o600)) }, providers.Invalid, "directory"},
		{"someone else's", func(t *testing.T, dir string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a directory away")
			}
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.Chown(dir, 12345, 12345))
		}, providers.Denied, "owner"},
		{"a disk that is not mounted", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Dir(dir))) }, providers.Transient, "mounted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent := filepath.Join(t.TempDir(), "disk")
			must(t, os.Mkdir(parent, 0o700))
			dir := filepath.Join(parent, "secrets")
			c.make(t, dir)
			s := open(t, dir)
			_, look := s.Look(t.Context(), wandb)
			_, put := s.Put(t.Context(), wandb, providers.Payload{Value: value(1)}, mark(1), rotation.Holding{State: rotation.StateAbsent})
			for op, err := range map[string]error{"look": look, "put": put} {
				if err == nil || providers.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v, want %s with %q", op, err, c.kind, c.says)
				}
			}
		})
	}
}

// TestRefusedFiles: what cannot be replaced as a plain file is left alone and
// is never absent.
func TestRefusedFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	must(t, os.Mkdir(outside, 0o700))
	target := filepath.Join(outside, "wandb")
	must(t, os.WriteFile(target, []byte("theirs"), 0o600))
	for _, c := range []struct {
		name  string
		make  func(dir string) error
		field string
	}{
		{"a symbolic link", func(dir string) error { return os.Symlink(target, filepath.Join(dir, "ci", "wandb")) }, ""},
		{"a folder that leads outside", func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "ci")); err != nil {
				return err
			}
			return os.Symlink(outside, filepath.Join(dir, "ci"))
		}, ""},
		{"a folder", func(dir string) error { return os.Mkdir(filepath.Join(dir, "ci", "wandb"), 0o700) }, ""},
		{"a file for a folder", func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "ci")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "ci"), nil, 0o600)
		}, ""},
		{"no object, for a field", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "ci", "wandb"), []byte("CANARY"), 0o600)
		}, "KEY"},
		{"a larger file than any secret", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "ci", "wandb"), make([]byte, 1<<20+1), 0o600)
		}, ""},
		{"marks that someone broke", func(dir string) error {
			beside := filepath.Join(dir, "ci", ".keyrota")
			if err := os.Mkdir(beside, 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(beside, "wandb.json"), []byte(`{"managed_by":`), 0o600)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "secrets")
			must(t, os.MkdirAll(filepath.Join(dir, "ci"), 0o700))
			must(t, c.make(dir))
			s, d := open(t, dir), rotation.Destination{Store: "files", Path: "ci/wandb", Field: c.field}
			_, look := s.Look(t.Context(), d)
			_, put := s.Put(t.Context(), d, providers.Payload{Value: value(1)}, mark(1), rotation.Holding{State: rotation.StateAbsent})
			for op, err := range map[string]error{"look": look, "put": put} {
				if err == nil || providers.KindOf(err) != providers.Invalid || strings.Contains(err.Error(), "CANARY") {
					t.Errorf("%s: %v, want invalid, and no value", op, err)
				}
			}
			if text, _ := os.ReadFile(target); string(text) != "theirs" {
				t.Error("a file outside the directory changed")
			}
		})
	}
}

// TestIdentity: however the directory is written, it is the same one.
func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	if a, b := open(t, dir).Identity(wandb), open(t, link+"/.").Identity(wandb); a != b {
		t.Errorf("%s and %s are one file", a, b)
	}
	if _, err := file.New(file.Config{}); err == nil || providers.KindOf(err) != providers.Invalid {
		t.Errorf("no directory: %v, want invalid", err)
	}
}

// TestNoVersionComesTwice: neither by another content under the same time, nor
// by the same content under a clock that was set back.
func TestNoVersionComesTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	s, path := open(t, dir), filepath.Join(dir, wandb.Path)
	must(t, deliver(s, wandb, 1))
	was, err := os.Stat(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte(`{"WANDB_API_KEY":"by hand"}`), 0o600))
	must(t, os.Chtimes(path, was.ModTime(), was.ModTime()))
	if h, err := s.Look(t.Context(), wandb); err != nil || h.State != rotation.StateEdited {
		t.Errorf("another content under the same time: %s, %v; want edited", h.State, err)
	}

	later := time.Now().Add(time.Hour)
	must(t, os.Chtimes(path, later, later))
	must(t, deliver(s, wandb, 2))
	if is, err := os.Stat(path); err != nil || !is.ModTime().After(later) {
		t.Errorf("written at %v over a file of %v: %v", is.ModTime(), later, err)
	}
	if h, err := s.Look(t.Context(), wandb); err != nil || h.State != rotation.StateMarked {
		t.Errorf("after the clock was set back: %s, %v; want delivered", h.State, err)
	}
}

package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

const canary = "local-CANARY_0000000000000000000000000000000000000001"

func TestConformance(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	value := providers.Payload{Value: providers.NewSecret(canary)}
	limit := func(name, secret, field string, p providers.Payload, invalid bool) providertest.StoreLimit {
		return providertest.StoreLimit{Name: name, Secret: secret, Field: field, Payload: p, Invalid: invalid}
	}
	providertest.TestStore(t, providertest.StoreHarness{
		Can: providertest.StoreAbilities{CompareAndSet: true, Raw: true, Fields: true, KeepsText: true},
		Open: func(t *testing.T) providertest.StoreService {
			return &service{store: open(t, filepath.Join(t.TempDir(), "secrets"))}
		},
		Limits: []providertest.StoreLimit{
			limit("every character that may be", "A-z/0.9_-.@+=~,", "", value, false),
			limit("a name of 200 bytes", "ci/"+long(200), "", value, false),
			limit("a name of 201 bytes", "ci/"+long(201), "", value, true),
			limit("a path of 1025 bytes", strings.Repeat("0123456789abcdef/", 60)+"12345", "", value, true),
			limit("a value of 1 MiB", "big", "", providers.Payload{Value: providers.NewSecret(long(1 << 20))}, false),
			limit("a value of more than 1 MiB", "big", "", providers.Payload{Value: providers.NewSecret(canary + long(1<<20))}, true),
			limit("the parent folder", "../outside", "", value, true),
			limit("a parent folder within", "ci/../outside", "", value, true),
			limit("the root", "/etc/passwd", "", value, true),
			limit("a folder", "ci/", "", value, true),
			limit("where the marks are", ".keyrota/lock", "", value, true),
			limit("where the marks of a folder are", "ci/.keyrota/wandb.json", "", value, true),
			limit("a hidden file", "ci/.netrc", "", value, true),
			limit("no path", "", "", value, true),
			limit("a backslash", `ci\wandb`, "", value, true),
			limit("a NUL", "ci\x00", "", value, true),
			limit("a blank", "ci wandb", "", value, true),
			limit("a letter that two file systems write in two ways", "é", "", value, true),
			limit("a field with every kind of letter", "s", `a "b" <é> \ 漢`, value, false),
			limit("a field that breaks the line", "s", "a\nb", value, true),
			limit("a field of 257 bytes", "s", long(257), value, true),
			limit("a field that is not UTF-8", "s", "\xff", value, true),
			limit("a value that is not UTF-8, in a field", "s", "f", providers.Payload{Value: providers.NewSecret("CANARY\xff")}, true),
			limit("a value that is not UTF-8, as the whole file", "s", "", providers.Payload{Value: providers.NewSecret("CANARY\xff")}, false),
			limit("an object in a field", "s", "f", providers.Payload{Value: providers.NewSecret("{}"), Object: true}, true),
		},
	})
}

func open(t *testing.T, dir string) *file.Store {
	t.Helper()
	s, err := file.New(file.Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// service is a directory and a person with an editor.
type service struct{ store *file.Store }

func (s *service) Store() providers.SecretStore { return s.store }

func (s *service) Destination(secret, field string) rotation.Destination {
	return rotation.Destination{Store: "files", Path: secret, Field: field}
}

// at returns a path below the directory.
func (s *service) at(parts ...string) string {
	root := strings.TrimPrefix(s.store.Identity(rotation.Destination{}), "file:")
	return filepath.Join(append([]string{root}, parts...)...)
}

func (s *service) Raw(t *testing.T, path string) (string, bool) {
	text, err := os.ReadFile(s.at(path))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text), err == nil
}

func (s *service) Edit(t *testing.T, path, content string) {
	must(t, os.MkdirAll(s.at(), 0o700))
	must(t, os.MkdirAll(filepath.Dir(s.at(path)), 0o755))
	must(t, os.WriteFile(s.at(path), []byte(content), 0o644))
}

func (s *service) Unmark(t *testing.T, path string) {
	dir, name := filepath.Split(path)
	must(t, os.Remove(s.at(dir, ".keyrota", name+".json")))
}

func (s *service) Remove(t *testing.T, path string) { must(t, os.Remove(s.at(path))) }

// Denied: someone opened the directory to others.
func (s *service) Denied(t *testing.T) providers.SecretStore {
	must(t, os.Chmod(s.at(), 0o755))
	return s.store
}

// Unreachable: the disk that the directory is on is not mounted.
func (s *service) Unreachable(t *testing.T) providers.SecretStore {
	return open(t, filepath.Join(t.TempDir(), "not-mounted", "secrets"))
}

// Break puts a folder where the secret was.
func (s *service) Break(t *testing.T, path string) {
	must(t, os.Remove(s.at(path)))
	must(t, os.Mkdir(s.at(path), 0o700))
}

func (s *service) BeforeMark(_ *testing.T, f func() error) {
	s.store.BeforeMark(func() error {
		s.store.BeforeMark(nil)
		return f()
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestListLeavesOutWhatIsNoSecret: marks, links, and names that no destination
// can have; a folder that cannot be looked into is an error, and the rest is
// listed all the same.
func TestListLeavesOutWhatIsNoSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	s, err := file.New(file.Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	list := func(prefix string) (paths []string, err error) {
		err = s.List(t.Context(), prefix, func(l providers.Listed) error {
			paths = append(paths, l.Path)
			return nil
		})
		return paths, err
	}
	if paths, err := list(""); err != nil || len(paths) > 0 {
		t.Errorf("a directory that is not there: %q, %v", paths, err)
	}
	for _, name := range []string{"ci/wandb", "ci/.hidden", "ci/with blank", ".keyrota/salt", "ci/.keyrota/x.json", "locked/in"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("CANARY"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("wandb", filepath.Join(dir, "ci", "link")); err != nil {
		t.Fatal(err)
	}
	if paths, err := list("ci/"); err != nil || len(paths) != 1 || paths[0] != "ci/wandb" {
		t.Errorf("%q, %v", paths, err)
	}
	if os.Getuid() == 0 {
		return // root looks into everything
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(locked, 0o700) })
	paths, err := list("")
	if providers.KindOf(err) != providers.Denied || len(paths) != 1 {
		t.Errorf("%q, %v", paths, err)
	}
}

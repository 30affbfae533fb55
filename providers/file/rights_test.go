package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// What may be done with a directory, without touching it.
func TestRights(t *testing.T) {
	for name, c := range map[string]struct {
		mode  os.FileMode // 0: it is not there
		write providers.Right
		fails string
	}{
		"ours":          {0o700, providers.RightGranted, ""},
		"not there yet": {0, providers.RightUnknown, ""},
		"read-only":     {0o500, providers.RightDenied, ""},
		"open":          {0o755, 0, "chmod 700"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "secrets")
			if c.mode != 0 {
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(dir, c.mode); err != nil {
					t.Fatal(err)
				}
			}
			if os.Geteuid() == 0 && c.write == providers.RightDenied {
				c.write = providers.RightGranted // nothing is denied to root
			}
			s, err := New(Config{Path: dir})
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			err = s.Rights(t.Context(), []rotation.Destination{{Store: "file", Path: "a"}}, func(_ rotation.Destination, r providers.Rights) error {
				if seen++; r.Write != c.write || (r.Missing != "") != (r.Write == providers.RightDenied) {
					t.Errorf("%+v", r)
				}
				return nil
			})
			if c.fails == "" && (err != nil || seen != 1) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("%d seen, %v", seen, err)
			}
			if _, err := os.Stat(dir); (err == nil) != (c.mode != 0) {
				t.Error("it was made")
			}
		})
	}
}

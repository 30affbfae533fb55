package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Name is the name of the configuration file.
const Name = "keyrota.yaml"

// Find returns the path of the configuration file: the explicit one if there
// is one, else ./keyrota.yaml, else keyrota/keyrota.yaml in the user's
// configuration directory (os.UserConfigDir; empty if there is none).
func Find(explicit, userConfigDir string) (string, error) {
	if explicit != "" {
		return explicit, nil
	}
	tried := []string{Name}
	if userConfigDir != "" {
		tried = append(tried, filepath.Join(userConfigDir, "keyrota", Name))
	}
	for _, path := range tried {
		// One that is there but cannot be read is for Load to tell.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	where := "./" + Name
	if len(tried) > 1 {
		where += " and " + tried[1]
	}
	return "", fmt.Errorf("no configuration found, looked for %s: run keyrota init to write one, or name one with --config", where)
}

// Load reads and checks a configuration file and those that it includes. The
// error tells that the file cannot be read; everything about its content, and
// about the included files, is in the Problems.
func Load(path string, o Options) (*Config, Problems, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && info.Size() > maxFile {
		return nil, nil, fmt.Errorf("reading the configuration %s: it has more than %d MiB: check the path", path, maxFile>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w: check --config, or run keyrota init to write a first one", err)
	}
	if o.Dir == nil {
		// Where the directory cannot be read, include: says so.
		if dir, err := os.OpenRoot(filepath.Dir(path)); err == nil {
			defer func() { _ = dir.Close() }()
			o.Dir = dir.FS()
		}
	}
	c, problems := Parse(path, data, o)
	return c, problems, nil
}

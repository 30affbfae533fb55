package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// List implements providers.Lister. It looks at names and marks, and reads no
// secret. Files that no destination can name are left out: links, and those
// whose name begins with a dot or has odd characters. What cannot be looked at
// is told at the end, and the rest is still listed.
func (s *Store) List(ctx context.Context, prefix string, yield func(providers.Listed) error) error {
	const op = "list"
	var found []providers.Listed
	var failed []error
	err := s.reading(ctx, func(root *os.Root) error {
		if root == nil {
			return nil
		}
		return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			switch {
			case err != nil && ctx.Err() != nil:
				return err
			case name == ".":
				return err
			case e != nil && e.IsDir() && !leads(name, prefix):
				return fs.SkipDir
			case err != nil:
				failed = append(failed, s.fail(op, name, err))
				return nil
			case !e.Type().IsRegular() || !strings.HasPrefix(name, prefix) || s.Check(rotation.Destination{Path: name}, providers.Payload{}) != nil:
				return nil
			}
			l, err := listed(root, name, e)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile
			}
			if err != nil {
				failed = append(failed, s.fail(op, name, err))
				return nil
			}
			found = append(found, l)
			return nil
		})
	})
	if err != nil {
		failed = append(failed, s.fail(op, prefix, err))
	}
	for _, l := range found {
		if err := yield(l); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// leads reports whether a folder may have secrets with a prefix in it.
func leads(folder, prefix string) bool {
	if path.Base(folder)[0] == '.' {
		return false
	}
	return strings.HasPrefix(folder+"/", prefix) || strings.HasPrefix(prefix, folder+"/")
}

func listed(root *os.Root, secret string, e fs.DirEntry) (providers.Listed, error) {
	info, err := e.Info()
	if err != nil {
		return providers.Listed{}, err
	}
	marks, err := readNotes(root, secret)
	if err != nil {
		return providers.Listed{}, err
	}
	l := providers.Listed{Path: secret, Changed: info.ModTime()}
	if n, ok := marks.Marks[""]; ok {
		l.Mark = n.mark()
	}
	return l, nil
}

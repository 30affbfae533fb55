package file

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/keyrota/keyrota/providers"
)

// Faults of the directory that a person must mend.
var (
	errOpen     = errors.New("others can read the directory")
	errNotOurs  = errors.New("the directory belongs to someone else")
	errNoFolder = errors.New("it is not a directory")
	errNoParent = errors.New("the directory's parent is not there")
	errOdd      = errors.New("it is no plain file")
	errLarge    = errors.New("the file has more than 1048576 bytes")
)

// fail tells err anew, with its kind and what a person can do. File systems'
// errors name files, never what is in them. Nil stays nil.
func (s *Store) fail(op, name string, err error) error {
	var already *providers.Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	e := &providers.Error{Provider: provider, Op: op, Name: name, Err: err}
	switch {
	case errors.Is(err, errOpen):
		e.Kind, e.Hint = providers.Denied, "chmod 700 "+s.path
	case errors.Is(err, errNotOurs):
		e.Kind, e.Hint = providers.Denied, "run keyrota as its owner, or chown "+s.path
	case errors.Is(err, errNoFolder):
		e.Kind, e.Hint = providers.Invalid, "give a directory for "+s.path
	case errors.Is(err, errNoParent):
		e.Kind, e.Hint = providers.Transient, "is a disk not mounted? else: mkdir -p -m 700 "+s.path
	case errors.Is(err, errOdd):
		e.Kind, e.Hint = providers.Invalid, "move it away, or deliver to another path"
	case errors.Is(err, errLarge):
		e.Kind, e.Hint = providers.Invalid, "deliver to another path"
	case errors.Is(err, errNotes):
		e.Kind, e.Hint = providers.Invalid, "remove that file, then adopt the secret"
	case errors.Is(err, providers.ErrNotObject), errors.Is(err, providers.ErrFieldTwice), errors.Is(err, providers.ErrFieldNoText), errors.Is(err, providers.ErrNotUTF8):
		e.Kind, e.Hint = providers.Invalid, "repair the file, or deliver to the whole of it"
	case errors.Is(err, fs.ErrPermission):
		e.Kind, e.Hint = providers.Denied, "give its owner the right"
	case readOnly(err):
		e.Kind, e.Hint = providers.Denied, "mount it so that it can be written"
	case full(err):
		e.Kind, e.Hint = providers.Limited, "make room"
	case misplaced(err):
		e.Kind, e.Hint = providers.Invalid, "a file stands where a folder is needed, or the reverse: deliver to another path"
	case escapes(err):
		e.Kind, e.Hint = providers.Invalid, "a symbolic link leads out of the directory: deliver to another path"
	case errors.Is(err, errors.ErrUnsupported):
		e.Kind, e.Hint = providers.Invalid, "this system has no flock: use another type of store"
	default:
		e.Kind = providers.Transient
	}
	return e
}

// escapes reports whether os.Root refused a path: what the system says has a
// number, what os.Root says has none.
func escapes(err error) bool {
	var at *fs.PathError
	var link *os.LinkError
	var number syscall.Errno
	return (errors.As(err, &at) || errors.As(err, &link)) && !errors.As(err, &number)
}

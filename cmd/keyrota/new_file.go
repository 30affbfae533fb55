package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// newFile makes a file where there is none: what is there is left alone, and the
// error, fs.ErrExist, says so.
func newFile(path string, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil, &fileThere{path}
	}
	return f, err
}

// fileThere says that a file is there.
type fileThere struct{ path string }

func (t *fileThere) Error() string {
	return fmt.Sprintf("%s is there already and was left alone: name another file", t.path)
}

func (t *fileThere) Is(err error) bool { return err == fs.ErrExist }

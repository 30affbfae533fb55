//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package file

import (
	"errors"
	"io/fs"
	"os"
)

// supported says whether this system has what the store rests on: owners and
// modes of files, and flock.
const supported = false

func tryLock(*os.File, bool) (bool, error) { return false, errors.ErrUnsupported }
func owned(fs.FileInfo) bool               { return false }
func full(error) bool                      { return false }
func misplaced(error) bool                 { return false }
func readOnly(error) bool                  { return false }

//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package file

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// supported says whether this system has what the store rests on.
const supported = true

// tryLock takes the lock of an open file without waiting: shared among
// readers, or exclusive. It goes with the file's last descriptor, so a killed
// process leaves none behind.
func tryLock(f *os.File, exclusive bool) (bool, error) {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR):
		return false, nil
	default:
		return false, err
	}
}

// owned reports whether a file belongs to the user that this process runs as.
func owned(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// full reports whether an error says that there is no room.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// misplaced reports whether an error says that a file stands where a folder is
// needed, or the reverse.
func misplaced(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.EEXIST) ||
		errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.ELOOP)
}

// readOnly reports whether an error says that nothing can be written there.
func readOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

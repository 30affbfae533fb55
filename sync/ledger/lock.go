package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrLocked: an engine runs on this ledger already.
var ErrLocked = errors.New("an engine runs on this ledger")

// Holder is who holds the lock of a ledger, as it wrote of itself.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Name    string    `json:"name,omitempty"`
	Version string    `json:"version,omitempty"`
	Since   time.Time `json:"since,omitzero"`
}

// String names the holder for people.
func (h Holder) String() string {
	switch {
	case h == (Holder{}):
		return "a process that has not named itself yet"
	case h.Name != "":
		return h.Name
	}
	return fmt.Sprintf("process %d on %s", h.PID, h.Host)
}

// EngineLock is held by the one engine of a ledger.
type EngineLock struct{ file *os.File }

const (
	// A look by Locked holds the lock for an instant; an engine that starts
	// in it tries again.
	lockTries = 20
	lockPause = 10 * time.Millisecond
)

// Lock takes the engine's lock of the ledger at path, a file with .lock at its
// end beside it. If another holds it, also a moment later, the error wraps
// ErrLocked and names who. The system frees it when the process ends, however
// it ends; the file stays. The lock spares work, it guards nothing: that is
// the revision's part.
func Lock(ctx context.Context, path string) (*EngineLock, error) {
	f, err := fileAt(path)
	if err != nil {
		return nil, err
	}
	return lockFile(ctx, f, Holder{})
}

func lockFile(ctx context.Context, f *file, h Holder) (_ *EngineLock, err error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return nil, explain(f, "make its directory", err)
	}
	for try := range lockTries {
		if try > 0 {
			select {
			case <-time.After(lockPause):
			case <-ctx.Done():
				return nil, explain(f, "lock it", ctx.Err())
			}
		}
		var l *EngineLock
		if l, err = lockOnce(f, h); err == nil || !errors.Is(err, errHeld) {
			return l, err
		}
	}
	holder, _ := readHolder(f.path + lockSuffix)
	return nil, fmt.Errorf("ledger %s: %w: %s: stop it first, or give this one a ledger of its own", f.path, ErrLocked, holder)
}

const lockSuffix = ".lock"

// errHeld is what the system answers when another holds the lock.
var errHeld = errors.New("held by another")

func lockOnce(at *file, h Holder) (_ *EngineLock, err error) {
	f, err := os.OpenFile(at.path+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain(at, "lock it", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := flock(f, true); err != nil {
		if errors.Is(err, errHeld) {
			return nil, err
		}
		return nil, fmt.Errorf("ledger %s: lock it: %w: %s", at.path, err, hintDisk)
	}
	// A lock on a file that was removed meanwhile keeps nobody out.
	mine, err := f.Stat()
	if err != nil {
		return nil, explain(at, "lock it", err)
	}
	if there, err := os.Stat(at.path + lockSuffix); err != nil || !os.SameFile(mine, there) {
		return nil, errHeld
	}
	h.PID, h.Host = os.Getpid(), hostname()
	words, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: lock it: %w", at.path, err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, append(words, '\n'))); err != nil {
		return nil, explain(at, "write who holds the lock", err)
	}
	return &EngineLock{file: f}, nil
}

func hostname() string {
	host, err := os.Hostname()
	if err != nil {
		return "an unnamed host"
	}
	return host
}

func writeAt(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	return err
}

// Release frees the lock.
func (l *EngineLock) Release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// Locked reports whether an engine runs on the ledger at path, and who. It
// makes no file and waits for nobody.
func Locked(path string) (Holder, bool, error) {
	at, err := fileAt(path)
	if err != nil {
		return Holder{}, false, err
	}
	return locked(at)
}

func locked(at *file) (Holder, bool, error) {
	f, err := os.Open(at.path + lockSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, explain(at, "ask whether an engine runs", err)
	}
	defer f.Close()
	switch err := flock(f, false); {
	case errors.Is(err, errHeld):
		holder, err := readHolder(at.path + lockSuffix)
		return holder, true, err
	case err != nil:
		return Holder{}, false, explain(at, "ask whether an engine runs", err)
	}
	return Holder{}, false, nil
}

// readHolder returns the zero Holder while the holder has not written yet.
func readHolder(file string) (Holder, error) {
	f, err := os.Open(file)
	if err != nil {
		return Holder{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return Holder{}, err
	}
	var h Holder
	if json.Unmarshal(b, &h) != nil {
		return Holder{}, nil
	}
	return h, nil
}

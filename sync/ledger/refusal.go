package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What a ledger answers when it cannot do what was asked. The errors returned
// wrap one of these, and say what a person can do.
var (
	// ErrConflict: the record was changed since it was loaded. Nothing was
	// saved; load it and decide again.
	ErrConflict = errors.New("the record was changed meanwhile")
	// ErrMissing: there is no ledger yet.
	ErrMissing = errors.New("there is none yet")
	// ErrDamaged: not a database, not a ledger, or one with broken pages.
	ErrDamaged = errors.New("damaged or not a ledger")
	// ErrNewer: written by a newer keyrota than this one.
	ErrNewer = errors.New("of a newer keyrota")
	// ErrOlder: its schema is older, and it was opened for reading only.
	ErrOlder = errors.New("of an older keyrota")
	// ErrInstance: it belongs to another instance.
	ErrInstance = errors.New("of another instance")
	// ErrDenied: this user may not write or read it.
	ErrDenied = errors.New("not allowed")
	// ErrReadOnly: it was opened for reading only.
	ErrReadOnly = errors.New("opened for reading only")
	// ErrFull: no space is left. Nothing of what was being saved is there.
	ErrFull = errors.New("the disk is full")
	// ErrUnclear: the database took a change and did not say whether it keeps
	// it.
	ErrUnclear = errors.New("it is not known whether this was saved")
	// ErrUnreachable: the server of the ledger did not answer.
	ErrUnreachable = errors.New("cannot be reached")
	// ErrBusy: another process was writing for longer than the busy timeout.
	ErrBusy = errors.New("another process is writing")
)

const (
	hintDamaged = "nothing was changed. Stop keyrota and either restore a copy of the ledger (remove the files with -wal and -shm at " +
		"their end first), or move all three away and start with an empty ledger: it is filled again from the labels of keys and the " +
		"marks on secrets, every edition is raised, and no key is deleted for one overlap"
	hintDenied = "the file and its directory must be writable by the user that keyrota runs as, the directory too because " +
		"the -wal and -shm files are made beside the ledger"
	hintFull  = "nothing of this was saved. Free some space; keyrota goes on from what was saved last"
	hintNewer = "run the version of keyrota that wrote it, or a later one; to go back, restore a copy from before the upgrade"
	hintBusy  = "look for a process that holds the ledger (a backup, an sqlite3 shell), and try again"
	hintDisk  = "the disk or file system failed; the ledger needs a local one (not NFS or SMB)"
)

// explain wraps what the database or the system answered with what was being
// done and what a person can do about it.
func explain(back backend, doing string, err error) error {
	if err == nil {
		return nil
	}
	kind, hint := back.classify(err)
	switch {
	case kind != nil:
		return fmt.Errorf("ledger %s: %s: %w (%w): %s", back.name(), doing, kind, err, hint)
	case hint != "":
		return fmt.Errorf("ledger %s: %s: %w: %s", back.name(), doing, err, hint)
	default:
		return fmt.Errorf("ledger %s: %s: %w", back.name(), doing, err)
	}
}

// Explain says what an error of the database means, and what a person can do: for
// others who work in it beside the ledger.
func (l *Ledger) Explain(doing string, err error) error { return explain(l.back, doing, err) }

func refuse(back backend, kind error, what, hint string) error {
	return fmt.Errorf("ledger %s: %w: %s: %s", back.name(), kind, what, hint)
}

func (f *file) classify(err error) (kind error, hint string) {
	var lite *sqlite.Error
	switch {
	case errors.As(err, &lite):
		switch lite.Code() & 0xff { // the primary code of an extended one
		case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
			return ErrDamaged, hintDamaged
		case sqlite3.SQLITE_FULL:
			return ErrFull, hintFull
		case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
			return ErrDenied, hintDenied
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return ErrBusy, hintBusy
		case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL:
			return nil, hintDisk
		}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull, hintFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return ErrDenied, hintDenied
	}
	return nil, ""
}

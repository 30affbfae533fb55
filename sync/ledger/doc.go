// Package ledger keeps what keyrota did: one record for each account, saved
// by compare-and-set, and the events that tell how it came about, saved in the
// same transaction and chained by hash. It holds key ids, labels and places,
// never a key: no type of this package could carry one.
//
// The ledger is one SQLite file in WAL mode. Any number of processes may have
// it open: one engine, which holds the Lock, and commands beside it. Reading
// never waits for a writer, not even for one that hangs. Correctness rests on
// the revision given to Save, never on the lock.
//
//	l, err := ledger.Open(ctx, path, ledger.Options{Instance: "prod", By: "engine on host-1"})
//	rec, rev, err := l.Load(ctx, ref)
//	rev, err = l.Save(ctx, ref, changed, rev, rotation.Event{…})
//
// A ledger that is lost is not fatal: an empty one is filled again from the
// labels of keys and the marks on secrets (the recovery rule of rotation.Next).
// It is therefore refused, never repaired, when it is damaged, newer than this
// program, or of another instance; the error says what to do.
//
// # Versions
//
// While one version of keyrota replaces another, both work on one ledger. So a
// migration only adds: tables, and columns that may be empty. A program that
// runs goes on after it, without what is new. A program that is started on a
// schema newer than its own refuses (ErrNewer): what it would miss, it cannot
// know. Records and events are stored in the oldest form that can hold them. A
// record of a newer form is refused, since saving it would drop what is new; an
// event is read as far as it is known. What must be removed or renamed one day
// takes a version that does without it, before a later one removes it.
//
// Before a migration the ledger is copied, to FILE.schema-VERSION.TIME beside
// it (Copied). To go back: stop keyrota, put the copy in the place of the file,
// remove the files with -wal and -shm at their end, and run the version before.
//
// # File
//
// The file is made whole, under another name, and then linked to its place: it
// exists with its schema and its id, or not at all. No code of this process
// may open and close the file other than through SQLite: on POSIX systems that
// drops SQLite's locks ("How To Corrupt An SQLite Database File", section 2.2,
// sqlite.org).
//
// Tables are named ledger_…, so that others, such as a job queue's, can live in
// the same file. Whoever adds them opens the ledger first.
package ledger

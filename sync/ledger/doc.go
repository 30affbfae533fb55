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

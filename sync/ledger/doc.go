// Package ledger keeps what keyrota did: one record for each account, saved
// by compare-and-set, and the events that tell how it came about, saved in the
// same transaction and chained by hash. It holds key ids, labels and places,
// never a key: no type of this package could carry one.
//
// A ledger lives in an SQLite file, on which one engine runs, or in a
// PostgreSQL database, on which any number does. Commands may have it open
// beside them. Reading never waits for a writer, not even for one that hangs.
// Correctness rests on the revision given to Save, never on a lock or a lease.
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
// Before a migration the ledger is copied, and the copy is kept (Copied): as
// FILE.schema-VERSION.TIME beside the file, or as tables named
// ledger_copy_VERSION_TIME_… beside those of a server. To go back, stop keyrota
// and run the version before on the copy. Put it in the place of the file, and
// remove the files with -wal and -shm at their end. On a server, in one
// transaction: drop the tables named ledger_… but the copies and ledger_schema,
// rename ledger_copy_VERSION_TIME_NAME to ledger_NAME, and delete the rows of
// ledger_schema whose version_id is above VERSION.
//
// # Use, findings, messages
//
// Beside the records it keeps what each source showed of each account's use
// (Usage, SaveUsage), which findings people said are known (Acknowledge), what
// its parts note for themselves (State), and the outbox: messages to people,
// from the transaction that decides on them until they are sent (Queue). None of
// it belongs to a record, so saving it conflicts with nobody's.
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
//
// # Server
//
// Tables are made in the schema that the connection's search_path names first.
// Whoever saves locks the one row of ledger_meta first, so saves and their
// events have one order, and a transaction that was not answered is known to be
// over once the row can be locked again. The server ends a transaction that is
// left standing for 10 seconds: a process that is paused in a save keeps nobody
// out for longer. Every exchange ends after 30 seconds, however quiet the
// connection is.
//
// A commit whose answer is lost is asked for again: Save answers what became
// of it. Where the server cannot be asked for a minute, and only there, the
// error is ErrUnclear.
package ledger

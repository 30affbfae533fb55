// Package rotation decides. It knows what an account wants, what was last
// recorded of it and what was just observed, and answers with the one thing to
// do next. It performs nothing: no I/O, no clock, no randomness.
//
// Next folds a Spec, a Record and an Observed into an Action: the first rule
// that matches wins, and any crash, pause or second process is just a later
// call of Next. Issue, Deliver, Retire, Discard and Provision are the
// procedures behind the actions that touch the world: plain comparable values
// that return the next Effect and take its Outcome. Whoever performs the
// effects keeps the secret values; a procedure refers to them by key id and
// cannot see them.
//
// The same code runs in production (sync/execute), in plans (sync/plan) and in
// the explorer of this package's tests, which walks every reachable state of a
// small world and checks that no reader is left with a dead key and that no
// live key is lost from sight.
//
// # What exploring added
//
// Guards that only the explorer showed to be needed, each with its mutant in
// testdata/mutants: keys once offered and deleted are remembered and never
// offered again; a listing says nothing of keys offered after it was begun; a
// look that is older than the record calls nobody and revives nothing; the
// record is loaded last before a deletion; a stray is deleted only once no
// request can be under way, and while every destination is seen to hold what
// its mark says; no request for a key is sent after a deadline; a record is
// recovered from complete looks alone, and counts every destination that bears
// our mark.
//
// # Limits
//
// The bound of three live keys (four when one has leaked) is raised by one for
// each process that is paused in the middle of a creation. A ledger restored
// from a backup may count an overlap from the agreement that the backup knows.
// A destination that left the configuration before the ledger was lost is
// unknown to the new one. A key created by a paused process after its ledger
// was lost is explained by nothing, and left for people to judge.
//
// Everything here may be copied and used from several goroutines, as long as
// no two of them change the same value.
package rotation

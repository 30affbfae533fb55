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
// Everything here may be copied and used from several goroutines, as long as
// no two of them change the same value.
package rotation

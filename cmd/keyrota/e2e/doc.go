// Package e2e holds tests alone. They build the program, run it as a person, a
// pipeline or a service manager would, and judge it by what is outside: the
// keys that a W&B-compatible server accepts, what a reader of a real Vault, or
// of stand-ins for AWS and Azure, finds, exit codes, output, files, and what the
// kernel tells of the process.
//
// A test makes a world: a sandbox server in the test's own process, where its
// keys can be looked at, a part of a real Vault, a gate before each, and a
// directory that is all of the disk that the program knows. Where a network
// fails, Toxiproxy stands between, in the test's process (toxic); a cluster of
// three Vaults loses its leader, PostgreSQL is killed, the ledger has a small
// disk of its own, which takes the right to mount one. KEYROTA_BIN names a
// program to test instead of building one, KEYROTA_SEED the randomness of the
// tests that kill it and of the schedule of networks; with KEYROTA_SOAK they go
// on ten times as long. How often it was killed is said at the end, with -v.
package e2e

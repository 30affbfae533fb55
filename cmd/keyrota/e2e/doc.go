// Package e2e holds tests alone. They build the program, run it as a person, a
// pipeline or a service manager would, and judge it by what is outside: the
// keys that a W&B-compatible server accepts, what a reader of a real Vault, or
// of stand-ins for AWS and Azure, finds, exit codes, output, files, and what the
// kernel tells of the process.
//
// A test makes a world: a sandbox server in the test's own process, where its
// keys can be looked at, a part of a real Vault, a gate before each, and a
// directory that is all of the disk that the program knows. KEYROTA_BIN names
// a program to test instead of building one, KEYROTA_SEED the randomness of the
// tests that kill it; with KEYROTA_SOAK they kill it ten times as often.
package e2e

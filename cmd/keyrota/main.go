// Command keyrota provisions W&B service accounts, rotates their API keys on
// schedule and delivers each key to the secrets managers that its readers use.
// There is a file for each command; open.go puts a configuration's parts
// together, and providers.go is the one place that knows every provider.
package main

import (
	"os"
	"runtime/debug"
)

// garbage is how much may be garbage before it is collected, in percent of
// what is in use: less than Go's own 100, since keyrota waits more than it
// computes, and lives beside others.
const garbage = 25

func main() {
	if _, chosen := os.LookupEnv("GOGC"); !chosen {
		debug.SetGCPercent(garbage)
	}
	os.Exit(run(os.Args[1:], newApp()))
}

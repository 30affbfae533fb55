// Command keyrota provisions W&B service accounts, rotates their API keys on
// schedule and delivers each key to the secrets managers that its readers use.
// There is a file for each command; open.go puts a configuration's parts
// together, and providers.go is the one place that knows every provider.
package main

import (
	"os"
)

func main() { os.Exit(run(os.Args[1:], newApp())) }

// Package examples is what users copy, as files and, for `keyrota demo`, in the
// program. Every example is loaded by a test.
package examples

import "embed"

// Quickstart is the folder quickstart: keyrota.yaml, and sandbox.yaml for the
// sandbox that it talks to.
//
//go:embed quickstart/keyrota.yaml quickstart/sandbox.yaml
var Quickstart embed.FS

// QuickstartServer is where the sandbox is, as quickstart/keyrota.yaml writes
// it.
const QuickstartServer = "${SANDBOX:-127.0.0.1:8080}"

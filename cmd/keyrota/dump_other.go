//go:build !linux

package main

import "syscall"

// noDumps has the system write no core dump of this process, which could hold
// a key.
func noDumps() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }

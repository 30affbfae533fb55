//go:build !linux

package vaulttest

import "os/exec"

func endWithParent(*exec.Cmd) {}

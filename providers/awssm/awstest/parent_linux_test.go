package awstest_test

import (
	"os/exec"
	"syscall"
)

// endWithParent ends a server with the test process, however that ends.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

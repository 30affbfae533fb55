package main

import "syscall"

// setDumpable is PR_SET_DUMPABLE of prctl(2).
const setDumpable = 4

// noDumps has the kernel write no core dump of this process, which could hold a
// key. Without the limit alone a kernel that pipes dumps to a program would
// still make one (core(5)). It also keeps other processes of the same user from
// reading this one's memory and environment (ptrace(2)).
func noDumps() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, setDumpable, 0, 0, 0, 0, 0)
}

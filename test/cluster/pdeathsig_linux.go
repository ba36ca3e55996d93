package main

import (
	"runtime"
	"syscall"
)

// The kernel sends the parent-death signal when the *thread* that started the child ends, so children are
// started only from the main goroutine, which stays on the main thread.
func init() { runtime.LockOSThread() }

// dieWithParent makes the kernel kill the child when the supervisor is gone, even a child that is frozen or
// that, unlike our own, does not watch its stdin.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }

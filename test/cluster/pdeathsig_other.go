//go:build !linux

package main

import "syscall"

// dieWithParent can do nothing here: the components watch their stdin (exitWithParent).
func dieWithParent(*syscall.SysProcAttr) {}

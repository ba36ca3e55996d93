package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// child is one component that the supervisor runs as a process of its own, so that a test may freeze or kill
// it alone. It must be started from the main goroutine: see pdeathsig_linux.go.
type child struct {
	name    string
	program string // a file to run, or "" for this program under the component's name
	args    []string
	dir     string // working directory; the log goes to logs/NAME.log in it

	command  *exec.Cmd
	lifeline io.Closer
	done     chan struct{} // closed when the process has ended
	ended    chan<- string // is told the name when it has ended
	stopping bool          // its end is wanted
}

func (c *child) logFile() string { return filepath.Join(c.dir, "logs", c.name+".log") }

func (c *child) start() error {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	program := c.program
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	command := &exec.Cmd{Path: program, Args: append([]string{c.name}, c.args...), Dir: c.dir, Stdout: log, Stderr: log}
	// A group of its own: Ctrl-C in a terminal reaches the supervisor only, which then decides.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(command.SysProcAttr)
	if c.lifeline, err = command.StdinPipe(); err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	done := make(chan struct{})
	c.command, c.done, c.stopping = command, done, false
	go func() {
		_ = command.Wait()
		close(done)
		c.ended <- c.name
	}()
	return nil
}

func (c *child) running() bool {
	if c.command == nil {
		return false
	}
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// kill ends the process without ceremony, frozen or not: everything it keeps is thrown away afterwards or,
// for etcd's data, safe in the kernel.
func (c *child) kill() {
	if !c.running() {
		return
	}
	c.stopping = true
	_ = c.command.Process.Kill()
	<-c.done
}

func (c *child) signal(signal syscall.Signal) error {
	if !c.running() {
		return fmt.Errorf("%s is not running", c.name)
	}
	return c.command.Process.Signal(signal)
}

// logTail is what a person needs to see when the component ended by itself.
func (c *child) logTail() string {
	content, err := os.ReadFile(c.logFile())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

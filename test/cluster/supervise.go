package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// supervise runs a whole control plane until its stdin closes or a signal comes, and takes every process it
// started with it. Its protocol is lines: on stdin "pause|resume|stop|start COMPONENT", on stdout one JSON
// object when the control plane is ready and one per command, in order.
func supervise(args []string) int {
	flags := flag.NewFlagSet("control-plane", flag.ContinueOnError)
	dir := flags.String("dir", "", "folder for certificates, data, logs and the audit log; made if missing")
	kubeconfig := flags.String("kubeconfig", "", "write the admin's kubeconfig to this file too; removed at the end")
	auditLog := flags.String("audit-log", "", "write the audit log to this file (default DIR/"+auditLogFile+")")
	if err := flags.Parse(args); err != nil || *dir == "" {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	plane, err := newControlPlane(*dir, *kubeconfig, *auditLog)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer plane.removeFiles()

	// The exit status says whether the end was wanted; how it was asked for does not matter.
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer cancel()
	commands := make(chan string)
	go func() {
		readLines(ctx, os.Stdin, commands)
		cancel()
	}()

	defer plane.kill()
	if err := plane.start(ctx); err != nil {
		if ctx.Err() != nil {
			return 0
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	report(plane.description(ctx))
	for {
		select {
		case <-ctx.Done():
			return 0
		case name := <-plane.ended:
			if err := plane.unexpectedEnd(name); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		case command := <-commands:
			answer := map[string]any{"command": command}
			if err := plane.obey(ctx, command); err != nil {
				answer["error"] = err.Error()
			}
			report(answer)
		}
	}
}

func readLines(ctx context.Context, in io.Reader, lines chan<- string) {
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		select {
		case lines <- scanner.Text():
		case <-ctx.Done():
			return
		}
	}
}

func report(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		panic(err) // only for types that JSON does not know
	}
	fmt.Println(string(line))
}

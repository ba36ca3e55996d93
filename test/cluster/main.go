// Command control-plane is a real Kubernetes control plane for tests, demo and bench in one program: etcd,
// kube-apiserver, kube-controller-manager, a Pod runner in place of kubelets, and the supervisor that starts
// and owns them. Which one it is, is told by the name it is called by or else by its first argument.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	_ "time/tzdata" // CronJob.spec.timeZone on machines without zone files

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const usage = `usage: control-plane --dir DIR [--kubeconfig FILE] [--audit-log FILE]
                    start a control plane, print one JSON line when it is ready
       yaml2json    read YAML documents from stdin as kubectl does, print JSON lines
       etcd | kube-apiserver | kube-controller-manager FLAGS...
`

func main() {
	name, args := programAndArgs()
	switch name {
	case "control-plane":
		os.Exit(supervise(args))
	case "yaml2json":
		os.Exit(yamlToJSON(os.Stdin, os.Stdout, os.Stderr))
	case "etcd":
		go exitWithParent()
		etcdmain.Main(append([]string{name}, args...))
	case "kube-apiserver":
		go exitWithParent()
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		go exitWithParent()
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

// programAndArgs also leaves os.Args as the called program expects them, for the libraries that read them.
func programAndArgs() (string, []string) {
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd", "kube-apiserver", "kube-controller-manager":
		return name, os.Args[1:]
	}
	if len(os.Args) < 2 {
		return "", nil
	}
	os.Args = os.Args[1:]
	return os.Args[0], os.Args[1:]
}

// exitWithParent ends a component when the pipe that the supervisor holds open as its stdin closes: however
// the supervisor ends, and on systems without a parent-death signal too.
func exitWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gitwake.dev/test/cluster/podrunner"
	"k8s.io/client-go/tools/clientcmd"
)

// controlPlane is the set of components; all its methods belong to the main goroutine.
type controlPlane struct {
	dir         string
	kubeconfigs []string // files for the admin
	kubeconfig  []byte   // what stands in them
	auditLog    string
	port        int
	credentials *credentials

	etcd, apiServer, controllers *child
	stopPods                     context.CancelFunc
	ended                        chan string // names of components that ended, wanted or not
}

// newControlPlane prepares the folder. Where KUBEBUILDER_ASSETS names a folder with etcd and kube-apiserver
// (envtest's convention), these run in place of the ones built in.
func newControlPlane(dir, kubeconfig, auditLog string) (*controlPlane, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	kubeconfigs := []string{filepath.Join(dir, adminKubeconfigFile)}
	if kubeconfig != "" {
		if kubeconfig, err = filepath.Abs(kubeconfig); err != nil {
			return nil, err
		}
		if err := mayOverwrite(kubeconfig); err != nil {
			return nil, err
		}
		kubeconfigs = append(kubeconfigs, kubeconfig)
	}
	if auditLog == "" {
		auditLog = filepath.Join(dir, auditLogFile)
	} else if auditLog, err = filepath.Abs(auditLog); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, auditPolicyFile), auditPolicy, 0o600); err != nil {
		return nil, err
	}
	made, err := writeCredentials(dir)
	if err != nil {
		return nil, err
	}
	plane := &controlPlane{dir: dir, kubeconfigs: kubeconfigs, auditLog: auditLog, credentials: made, stopPods: func() {}, ended: make(chan string, 100)}
	plane.etcd = &child{name: "etcd", program: asset("etcd"), args: etcdArguments()}
	plane.apiServer = &child{name: "kube-apiserver", program: asset("kube-apiserver")}
	plane.controllers = &child{name: "kube-controller-manager", args: controllerManagerArguments()}
	for _, component := range plane.components() {
		component.dir, component.ended = dir, plane.ended
	}
	return plane, nil
}

func (p *controlPlane) components() []*child { return []*child{p.controllers, p.apiServer, p.etcd} }

func (p *controlPlane) server() string { return fmt.Sprintf("https://127.0.0.1:%d", p.port) }

// start returns when the control plane serves requests. Free ports race: it tries another one when the
// chosen one was taken in between.
func (p *controlPlane) start(ctx context.Context) error {
	if err := p.etcd.start(); err != nil {
		return err
	}
	if err := p.waitForEtcd(ctx); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		p.port = randomFreePort()
		p.apiServer.args = apiServerArguments(p.port, p.auditLog)
		if err := p.apiServer.start(); err != nil {
			return err
		}
		err := p.waitUntilReady(ctx)
		if err == nil {
			break
		}
		if attempt == 5 || !strings.Contains(p.apiServer.logTail(), "address already in use") {
			return err
		}
		if err := os.Remove(p.apiServer.logFile()); err != nil {
			return err
		}
	}
	if err := p.writeKubeconfigs(); err != nil {
		return err
	}
	return p.startControllers()
}

// startControllers starts what works through the API server: the controller manager and the Pod runner.
func (p *controlPlane) startControllers() error {
	config, err := clientcmd.BuildConfigFromFlags("", p.path(podRunnerKubeconfigFile))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stopPods = cancel
	go podrunner.Run(ctx, config, p.path("tls.crt"), p.path("tls.key"))
	return p.controllers.start()
}

func (p *controlPlane) kill() {
	p.stopPods()
	for _, component := range p.components() {
		component.kill()
	}
}

// unexpectedEnd tells whether a component that ended should still be there: then the rest is of no use.
func (p *controlPlane) unexpectedEnd(name string) error {
	for _, component := range p.components() {
		if component.name == name && !component.running() && !component.stopping {
			return fmt.Errorf("%s ended by itself:\n%s", name, component.logTail())
		}
	}
	return nil
}

// obey carries out one command of the line protocol.
func (p *controlPlane) obey(ctx context.Context, command string) error {
	verb, name, _ := strings.Cut(command, " ")
	for _, component := range p.components() {
		if component.name != name {
			continue
		}
		switch verb {
		case "pause":
			return component.signal(syscall.SIGSTOP)
		case "resume":
			return component.signal(syscall.SIGCONT)
		case "stop":
			component.kill()
			return nil
		case "start":
			return p.startAgain(ctx, component)
		}
	}
	return fmt.Errorf("%q is not a command: pause, resume, stop or start, and a component's name", command)
}

// startAgain also starts the API server's clients anew: left alone they would back off for up to 30 s.
func (p *controlPlane) startAgain(ctx context.Context, component *child) error {
	if component.running() {
		return fmt.Errorf("%s is already running", component.name)
	}
	if err := component.start(); err != nil || component != p.apiServer {
		return err
	}
	deadline, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := p.waitUntilReady(deadline); err != nil {
		return err
	}
	p.stopPods()
	p.controllers.kill()
	return p.startControllers()
}

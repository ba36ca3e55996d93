package main

import (
	_ "embed"
	"fmt"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

// All file names are relative to the control plane's folder, in which every component runs.
const (
	auditLogFile             = "audit.log"
	dataFolder               = "data"
	auditPolicyFile          = "audit-policy.yaml"
	adminKubeconfigFile      = "admin.kubeconfig"
	podRunnerKubeconfigFile  = "pod-runner.kubeconfig"
	controllerKubeconfigFile = "controller-manager.kubeconfig"
	// Unix sockets, so that there is no port to lose a race for and nobody else who could connect. etcd insists
	// on a port in their names.
	etcdSocket  = "etcd:1"
	etcdURL     = "unix://" + etcdSocket
	etcdPeerURL = "unix://etcd-peer:1"
)

func etcdArguments() []string {
	return []string{
		"--data-dir=" + dataFolder,
		"--listen-client-urls=" + etcdURL, "--advertise-client-urls=" + etcdURL,
		"--listen-peer-urls=" + etcdPeerURL, "--initial-advertise-peer-urls=" + etcdPeerURL,
		"--initial-cluster=default=" + etcdPeerURL,
		// Even alone it holds an election first, which takes up to twice this time (ms; the default is 1000).
		"--heartbeat-interval=20", "--election-timeout=100",
		"--unsafe-no-fsync", // survives kill -9, not a power cut
		"--quota-backend-bytes=8589934592",
		"--log-level=warn",
	}
}

func apiServerArguments(port int, auditLog string) []string {
	return []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		// Without these the server looks for an address of the machine's own and refuses to start offline.
		"--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--tls-cert-file=tls.crt", "--tls-private-key-file=tls.key",
		"--token-auth-file=tokens.csv", "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=service-account.key", "--service-account-signing-key-file=service-account.key",
		"--service-cluster-ip-range=10.96.0.0/12", // a /24 runs out at 255 Services
		"--allow-privileged=true",                 // as kubeadm does: public manifests have privileged Pods
		// The Pod runner's kubelet, which answers for logs.
		"--kubelet-preferred-address-types=ExternalIP", "--kubelet-certificate-authority=ca.crt",
		"--audit-policy-file=" + auditPolicyFile, "--audit-log-path=" + auditLog,
		"--audit-log-maxsize=100000", // MB: never rotated, readers keep an offset
		"--profiling=false",
	}
}

func controllerManagerArguments() []string {
	return []string{
		"--kubeconfig=" + controllerKubeconfigFile,
		"--leader-elect=false",
		"--secure-port=0",
		"--service-account-private-key-file=service-account.key", "--root-ca-file=ca.crt",
		// The default of 20 requests a second is made for sparing big clusters; here a test waits for it.
		"--kube-api-qps=500", "--kube-api-burst=1000",
		// Nodes and volumes are make-believe: these would wait for kubelets, or only burn CPU.
		"--controllers=*,-node-lifecycle-controller,-node-ipam-controller,-taint-eviction-controller," +
			"-device-taint-eviction-controller,-persistentvolume-attach-detach-controller," +
			"-persistentvolume-expander-controller",
	}
}

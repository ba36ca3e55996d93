package podrunner

import (
	"context"
	"runtime"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/component-base/version"
)

const (
	nodeName = "test-node"
	nodeIP   = "10.0.0.1"
	// Where the API server finds the kubelet: of the node's other addresses none can be reached.
	kubeletIP = "127.0.0.1"
)

var nodeLabels = map[string]string{
	"kubernetes.io/hostname": nodeName,
	"kubernetes.io/os":       "linux",
	"kubernetes.io/arch":     runtime.GOARCH,
}

// registerNode makes the Node where it is missing (a test may delete it) and tells where its kubelet listens,
// which a restart changes.
func registerNode(ctx context.Context, client kubernetes.Interface, kubeletPort int32) {
	nodes := client.CoreV1().Nodes()
	node, err := nodes.Get(ctx, nodeName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		node, err = createNode(ctx, client)
	}
	if err != nil || node.Status.DaemonEndpoints.KubeletEndpoint.Port == kubeletPort {
		return
	}
	node.Status = nodeStatus(kubeletPort)
	_, _ = nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{})
}

// createNode also lifts the taint with which a new Node comes: the controller that would do so waits for kubelets.
func createNode(ctx context.Context, client kubernetes.Interface) (*corev1.Node, error) {
	nodes := client.CoreV1().Nodes()
	node, err := nodes.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName, Labels: nodeLabels}}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	node.Spec.Taints = nil
	return nodes.Update(ctx, node, metav1.UpdateOptions{})
}

func nodeStatus(kubeletPort int32) corev1.NodeStatus {
	now := metav1.Now()
	room := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("1000"),
		corev1.ResourceMemory:           resource.MustParse("4Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("4Ti"),
		corev1.ResourcePods:             resource.MustParse("100000"),
	}
	return corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: nodeIP},
			{Type: corev1.NodeHostName, Address: nodeName},
			{Type: corev1.NodeExternalIP, Address: kubeletIP},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
			Message: "the Pod runner is ready", LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		NodeInfo: corev1.NodeSystemInfo{
			OperatingSystem: "linux", Architecture: runtime.GOARCH, OSImage: "none: Pods are only reported",
			KubeletVersion: version.Get().GitVersion, ContainerRuntimeVersion: "none://0",
		},
	}
}

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
)

var nodeLabels = map[string]string{
	"kubernetes.io/hostname": nodeName,
	"kubernetes.io/os":       "linux",
	"kubernetes.io/arch":     runtime.GOARCH,
}

// registerNodeOnce makes the Node where it is missing; a test may delete it.
func registerNodeOnce(ctx context.Context, client kubernetes.Interface) {
	nodes := client.CoreV1().Nodes()
	if _, err := nodes.Get(ctx, nodeName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return
	}
	node, err := nodes.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName, Labels: nodeLabels}}, metav1.CreateOptions{})
	if err != nil {
		return
	}
	// A new Node comes tainted as not ready, and the controller that would lift that waits for kubelets.
	node.Spec.Taints = nil
	if node, err = nodes.Update(ctx, node, metav1.UpdateOptions{}); err != nil {
		return
	}
	now := metav1.Now()
	room := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("1000"),
		corev1.ResourceMemory:           resource.MustParse("4Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("4Ti"),
		corev1.ResourcePods:             resource.MustParse("100000"),
	}
	node.Status = corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: nodeIP}, {Type: corev1.NodeHostName, Address: nodeName}},
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
			Message: "the Pod runner is ready", LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		NodeInfo: corev1.NodeSystemInfo{
			OperatingSystem: "linux", Architecture: runtime.GOARCH, OSImage: "none: Pods are only reported",
			KubeletVersion: version.Get().GitVersion, ContainerRuntimeVersion: "none://0",
		},
	}
	_, _ = nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{})
}

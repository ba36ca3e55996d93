package podrunner

import (
	"fmt"
	"hash/fnv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// observed is the status that a kubelet would report now, and after which time it is due again where it will
// change by itself. It is a function of the Pod and the time only, so that a restarted runner goes on.
func observed(pod *corev1.Pod, now time.Time) (corev1.PodStatus, time.Duration) {
	status := *pod.Status.DeepCopy()
	if status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed {
		return status, 0
	}
	started := metav1.NewTime(now.Truncate(time.Second))
	if status.StartTime == nil {
		status.StartTime = &started
	}
	job := isJobPod(pod)
	due := time.Duration(0)
	if job {
		due = max(0, status.StartTime.Add(jobTakes).Sub(now))
	}

	initialized := true
	status.InitContainerStatuses = nil
	for _, container := range pod.Spec.InitContainers {
		one := waiting(container, "PodInitializing", "")
		if initialized {
			decided := initFateOf(container)
			one = containerStatus(container, decided, *status.StartTime)
			initialized = decided == completes || decided == runs || decided == unready
		}
		status.InitContainerStatuses = append(status.InitContainerStatuses, one)
	}

	status.ContainerStatuses = nil
	for _, container := range pod.Spec.Containers {
		decided := fateOf(container.Image, job)
		switch {
		case !initialized:
			status.ContainerStatuses = append(status.ContainerStatuses, waiting(container, "PodInitializing", ""))
			continue
		case due > 0 && (decided == completes || decided == breaksDown):
			decided = runs
		}
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(container, decided, *status.StartTime))
	}

	status.Phase = phase(status.ContainerStatuses)
	status.HostIP, status.HostIPs = nodeIP, []corev1.HostIP{{IP: nodeIP}}
	if status.PodIP == "" && initialized {
		status.PodIP = address(pod)
		status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
	}
	setConditions(pod, &status, initialized, now)
	return status, due
}

// unschedulable is what a scheduler reports about a Pod that no node takes.
func unschedulable(pod *corev1.Pod, now time.Time) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	setCondition(&status, corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
		Message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
	}, now)
	return status
}

// phase follows from the containers: pending until the first one started, ended when all have ended.
func phase(containers []corev1.ContainerStatus) corev1.PodPhase {
	started, ended, failed := 0, 0, 0
	for _, container := range containers {
		if container.State.Waiting == nil || container.LastTerminationState.Terminated != nil {
			started++
		}
		if terminated := container.State.Terminated; terminated != nil {
			ended++
			if terminated.ExitCode != 0 {
				failed++
			}
		}
	}
	switch {
	case ended == len(containers) && failed > 0:
		return corev1.PodFailed
	case ended == len(containers):
		return corev1.PodSucceeded
	case started == 0:
		return corev1.PodPending
	default:
		return corev1.PodRunning
	}
}

// address gives each Pod one of 16 million addresses without keeping a list of them.
func address(pod *corev1.Pod) string {
	if pod.Spec.HostNetwork {
		return nodeIP
	}
	digest := fnv.New32a()
	_, _ = digest.Write([]byte(pod.UID))
	sum := digest.Sum32()
	return fmt.Sprintf("11.%d.%d.%d", byte(sum>>16), byte(sum>>8), byte(sum))
}

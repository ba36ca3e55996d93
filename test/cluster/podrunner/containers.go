package podrunner

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// containerStatus is what a kubelet reports about a container of that fate, in its words.
func containerStatus(container corev1.Container, decided fate, since metav1.Time) corev1.ContainerStatus {
	switch decided {
	case crashes:
		one := waiting(container, "CrashLoopBackOff", fmt.Sprintf("back-off 5m0s restarting failed container=%s", container.Name))
		one.RestartCount = 5
		one.LastTerminationState = terminated(1, "Error", since)
		one.ImageID, one.ContainerID = identities(container)
		return one
	case missing:
		return waiting(container, "ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q", container.Image))
	case completes:
		return ended(container, terminated(0, "Completed", since), true)
	case breaksDown:
		return ended(container, terminated(1, "Error", since), false)
	}
	one := corev1.ContainerStatus{
		Name: container.Name, Image: container.Image, Ready: decided == runs, Started: new(true),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: since}},
	}
	one.ImageID, one.ContainerID = identities(container)
	return one
}

func waiting(container corev1.Container, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: container.Name, Image: container.Image, Started: new(false),
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}
}

func ended(container corev1.Container, state corev1.ContainerState, ready bool) corev1.ContainerStatus {
	one := corev1.ContainerStatus{Name: container.Name, Image: container.Image, Started: new(false), Ready: ready, State: state}
	one.ImageID, one.ContainerID = identities(container)
	return one
}

func terminated(code int32, reason string, since metav1.Time) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, StartedAt: since, FinishedAt: metav1.NewTime(since.Add(jobTakes)),
	}}
}

func identities(container corev1.Container) (imageID, containerID string) {
	return "none://" + container.Image, "none://" + container.Name
}

// setConditions derives the Pod's conditions from its containers, as the kubelet's status manager does.
func setConditions(pod *corev1.Pod, status *corev1.PodStatus, initialized bool, now time.Time) {
	finished := status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed
	unready := []string{}
	for _, container := range status.ContainerStatuses {
		if !container.Ready {
			unready = append(unready, container.Name)
		}
	}
	containersReady := corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionTrue}
	switch {
	case finished && status.Phase == corev1.PodSucceeded:
		containersReady.Status, containersReady.Reason = corev1.ConditionFalse, "PodCompleted"
	case finished:
		containersReady.Status, containersReady.Reason = corev1.ConditionFalse, "PodFailed"
	case len(unready) > 0:
		containersReady.Status, containersReady.Reason = corev1.ConditionFalse, "ContainersNotReady"
		containersReady.Message = fmt.Sprintf("containers with unready status: %v", unready)
	}
	ready := containersReady
	ready.Type = corev1.PodReady
	for _, gate := range pod.Spec.ReadinessGates {
		if ready.Status == corev1.ConditionTrue && !isTrue(status.Conditions, gate.ConditionType) {
			ready.Status, ready.Reason = corev1.ConditionFalse, "ReadinessGatesNotReady"
			ready.Message = fmt.Sprintf("the status of pod readiness gate %q is not \"True\"", gate.ConditionType)
		}
	}
	setCondition(status, condition(corev1.PodScheduled, true, "", ""), now)
	setCondition(status, condition(corev1.PodInitialized, initialized, "ContainersNotInitialized", "init containers have not completed"), now)
	setCondition(status, containersReady, now)
	setCondition(status, ready, now)
}

func condition(kind corev1.PodConditionType, holds bool, reason, message string) corev1.PodCondition {
	if holds {
		return corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue}
	}
	return corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message}
}

func isTrue(conditions []corev1.PodCondition, kind corev1.PodConditionType) bool {
	for _, one := range conditions {
		if one.Type == kind {
			return one.Status == corev1.ConditionTrue
		}
	}
	return false
}

// setCondition keeps the time of the last transition where the status stays the same.
func setCondition(status *corev1.PodStatus, wanted corev1.PodCondition, now time.Time) {
	wanted.LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
	for i, one := range status.Conditions {
		if one.Type != wanted.Type {
			continue
		}
		if one.Status == wanted.Status {
			wanted.LastTransitionTime = one.LastTransitionTime
		}
		wanted.ObservedGeneration = one.ObservedGeneration
		status.Conditions[i] = wanted
		return
	}
	status.Conditions = append(status.Conditions, wanted)
}

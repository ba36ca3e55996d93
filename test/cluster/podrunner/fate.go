package podrunner

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fate is what becomes of a container.
type fate int

const (
	runs       fate = iota
	unready         // runs, but its readiness probe never succeeds
	crashes         // ends at once, again and again
	missing         // its image cannot be pulled
	completes       // ends with code 0
	breaksDown      // ends with code 1 and is not started again
)

// jobTakes is how long a Job's container runs. Container times have whole seconds.
const jobTakes = time.Second

// fateOf reads a container's fate from its image: names with crash-loop, image-missing and never-ready tell
// it, and job-fail makes a Job's container fail; any other image runs or, in a Job, completes.
func fateOf(image string, inJob bool) fate {
	switch {
	case strings.Contains(image, "crash-loop"):
		return crashes
	case strings.Contains(image, "image-missing"):
		return missing
	case inJob && strings.Contains(image, "job-fail"):
		return breaksDown
	case inJob:
		return completes
	case strings.Contains(image, "never-ready"):
		return unready
	default:
		return runs
	}
}

// initFateOf is the fate of an init container: those that are not told otherwise complete, sidecars run.
func initFateOf(container corev1.Container) fate {
	switch decided := fateOf(container.Image, false); {
	case decided == crashes || decided == missing:
		return decided
	case container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways:
		return decided
	default:
		return completes
	}
}

func isJobPod(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && owner.Kind == "Job" && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways
}

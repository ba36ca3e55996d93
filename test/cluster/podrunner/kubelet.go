package podrunner

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// logVariable is the variable of a container that holds what it would have written, where a test wants that told.
const logVariable = "POD_RUNNER_LOG"

// startKubelet answers the API server as the kubelet of the Node until the context ends: for the logs of
// containers, and for nothing else. It returns its port.
func startKubelet(ctx context.Context, pods cache.Indexer, certFile, keyFile string) int32 {
	listener, err := net.Listen("tcp", kubeletIP+":0")
	if err != nil {
		panic(err) // there is no machine without a free port
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, request *http.Request) {
		object, exists, err := pods.GetByKey(request.PathValue("namespace") + "/" + request.PathValue("pod"))
		if err != nil || !exists {
			http.Error(w, fmt.Sprintf("pod %q not found", request.PathValue("pod")), http.StatusNotFound)
			return
		}
		text, refusal := containerLog(object.(*corev1.Pod), request.PathValue("container"), request.FormValue("previous") == "true")
		if refusal != "" {
			http.Error(w, refusal, http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprint(w, limited(text, request.FormValue("tailLines"), request.FormValue("limitBytes")))
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.ServeTLS(listener, certFile, keyFile) }()
	return int32(listener.Addr().(*net.TCPAddr).Port)
}

// containerLog is what a container has written, or why there is nothing to read, in the kubelet's words.
func containerLog(pod *corev1.Pod, name string, previous bool) (text, refusal string) {
	for _, container := range append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...) {
		if container.Name != name {
			continue
		}
		decided := fateOf(container.Image, isJobPod(pod))
		switch {
		case decided == missing:
			return "", fmt.Sprintf("container %q in pod %q is waiting to start: trying and failing to pull image", name, pod.Name)
		case previous && decided != crashes:
			return "", fmt.Sprintf("previous terminated container %q in pod %q not found", name, pod.Name)
		}
		for _, variable := range container.Env {
			if variable.Name == logVariable {
				return strings.TrimSuffix(variable.Value, "\n") + "\n", ""
			}
		}
		text = fmt.Sprintf("starting %s\n", container.Image)
		if decided == crashes || decided == breaksDown {
			text += fmt.Sprintf("fatal: %s cannot go on, as its image's name tells\n", name)
		}
		return text, ""
	}
	return "", fmt.Sprintf("container %s is not valid for pod %s", name, pod.Name)
}

// limited keeps the last lines and of them the first bytes, as the kubelet does.
func limited(text, tailLines, limitBytes string) string {
	if lines, err := strconv.Atoi(tailLines); err == nil {
		all := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
		text = strings.Join(all[max(0, len(all)-lines):], "") + "\n"
	}
	if bytes, err := strconv.Atoi(limitBytes); err == nil && len(text) > bytes {
		text = text[:bytes]
	}
	return text
}

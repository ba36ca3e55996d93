// Package podrunner stands in for the scheduler and the kubelets of a cluster without machines: it registers
// one Node, binds Pods to it and reports them as a kubelet would. Nothing runs; what becomes of a Pod is read
// from its images' names (see fate.go), so that real rollouts and real health come out.
package podrunner

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const workers = 4

type runner struct {
	client kubernetes.Interface
	pods   cache.Indexer
	queue  workqueue.TypedRateLimitingInterface[string]
}

// Run works until the context ends. Failures are retried: a test's API server may be down or out of order at
// any time. Its kubelet shows the certificate of these files to the API server.
func Run(ctx context.Context, config *rest.Config, certFile, keyFile string) {
	config = rest.AddUserAgent(rest.CopyConfig(config), "pod-runner")
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		panic(err) // only for a configuration that this program made wrongly
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Pods().Informer()
	r := &runner{
		client: client,
		pods:   informer.GetIndexer(),
		queue:  workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, 5*time.Second)),
	}
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    r.enqueue,
		UpdateFunc: func(_, pod any) { r.enqueue(pod) },
	})
	_, _ = factory.Core().V1().Namespaces().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, namespace any) { emptyWhereTerminating(ctx, client, namespace) },
	})
	kubeletPort := startKubelet(ctx, r.pods, certFile, keyFile)
	go wait.UntilWithContext(ctx, func(ctx context.Context) { registerNode(ctx, client, kubeletPort) }, time.Minute)
	factory.Start(ctx.Done())
	for range workers {
		go func() {
			for r.workOnce(ctx) {
			}
		}()
	}
	startVolumes(ctx, client)
	<-ctx.Done()
	r.queue.ShutDown()
	factory.Shutdown()
}

// emptyWhereTerminating ends a deleted namespace's Pods at once. The namespace controller looks at it after 5 s
// and, were they still there, for the second time only after half of their grace period, 16 s.
func emptyWhereTerminating(ctx context.Context, client kubernetes.Interface, object any) {
	namespace, ok := object.(*corev1.Namespace)
	if !ok || namespace.DeletionTimestamp == nil {
		return
	}
	now := int64(0)
	_ = client.CoreV1().Pods(namespace.Name).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
}

func (r *runner) enqueue(pod any) {
	if key, err := cache.MetaNamespaceKeyFunc(pod); err == nil {
		r.queue.Add(key)
	}
}

func (r *runner) workOnce(ctx context.Context) bool {
	key, stop := r.queue.Get()
	if stop {
		return false
	}
	defer r.queue.Done(key)
	object, exists, err := r.pods.GetByKey(key)
	if err != nil || !exists {
		r.queue.Forget(key)
		return true
	}
	again, err := r.advance(ctx, object.(*corev1.Pod))
	switch {
	case err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil:
		r.queue.AddRateLimited(key)
	case again > 0:
		r.queue.Forget(key)
		r.queue.AddAfter(key, again)
	default:
		r.queue.Forget(key)
	}
	return true
}

// advance moves a Pod one step on; the informer's next event brings the step after it. It returns after which
// time the Pod is due again where time alone will change something.
func (r *runner) advance(ctx context.Context, pod *corev1.Pod) (time.Duration, error) {
	pods := r.client.CoreV1().Pods(pod.Namespace)
	switch {
	case pod.DeletionTimestamp != nil:
		if pod.Spec.NodeName == "" || (pod.DeletionGracePeriodSeconds != nil && *pod.DeletionGracePeriodSeconds == 0) {
			return 0, nil // only finalizers keep it, and these are not ours
		}
		now := int64(0)
		return 0, pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
	case pod.Spec.NodeName == "" && len(pod.Spec.SchedulingGates) > 0:
		return 0, nil
	case pod.Spec.NodeName == "" && !fits(pod):
		return 0, r.update(ctx, pod, unschedulable(pod, time.Now()))
	case pod.Spec.NodeName == "":
		return 0, pods.Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: nodeName},
		}, metav1.CreateOptions{})
	case pod.Spec.NodeName != nodeName:
		return 0, nil
	}
	status, again := observed(pod, time.Now())
	return again, r.update(ctx, pod, status)
}

func (r *runner) update(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	if equality.Semantic.DeepEqual(pod.Status, status) {
		return nil
	}
	changed := pod.DeepCopy()
	changed.Status = status
	_, err := r.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	return err
}

func fits(pod *corev1.Pod) bool {
	return labels.SelectorFromSet(pod.Spec.NodeSelector).Matches(labels.Set(nodeLabels))
}

package podrunner

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	storageClassName = "standard"
	provisioner      = "gitwake.dev/make-believe"
)

// startVolumes gives the cluster a default storage class, so that claims become bound: each claim of the
// class gets a volume that names it (the controller manager binds the two), removed again when released.
func startVolumes(ctx context.Context, client kubernetes.Interface) {
	// Everything is said again from time to time, which is retry enough.
	factory := informers.NewSharedInformerFactory(client, 15*time.Second)
	claims := factory.Core().V1().PersistentVolumeClaims().Informer()
	volumes := factory.Core().V1().PersistentVolumes().Informer()
	onClaim := func(object any) {
		if claim, ok := object.(*corev1.PersistentVolumeClaim); ok && needsVolume(claim) {
			_, _ = client.CoreV1().PersistentVolumes().Create(ctx, volumeFor(claim), metav1.CreateOptions{})
		}
	}
	onVolume := func(object any) {
		volume, ok := object.(*corev1.PersistentVolume)
		if ok && volume.Spec.StorageClassName == storageClassName && volume.Status.Phase == corev1.VolumeReleased && volume.DeletionTimestamp == nil {
			_ = client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(volume.UID))})
		}
	}
	_, _ = claims.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: onClaim, UpdateFunc: func(_, object any) { onClaim(object) }})
	_, _ = volumes.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: onVolume, UpdateFunc: func(_, object any) { onVolume(object) }})
	factory.Start(ctx.Done())
	_ = wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		return ensureStorageClass(ctx, client), nil
	})
}

func ensureStorageClass(ctx context.Context, client kubernetes.Interface) bool {
	classes := client.StorageV1().StorageClasses()
	if _, err := classes.Get(ctx, storageClassName, metav1.GetOptions{}); err == nil {
		return true
	}
	_, err := classes.Create(ctx, &storagev1.StorageClass{
		ObjectMeta:  metav1.ObjectMeta{Name: storageClassName, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
		Provisioner: provisioner,
	}, metav1.CreateOptions{})
	return err == nil
}

func needsVolume(claim *corev1.PersistentVolumeClaim) bool {
	class := claim.Spec.StorageClassName
	return claim.Status.Phase == corev1.ClaimPending && claim.Spec.VolumeName == "" && claim.DeletionTimestamp == nil &&
		class != nil && *class == storageClassName
}

// volumeFor is named by the claim's uid, so that a second try makes no second volume.
func volumeFor(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + string(claim.UID)},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			StorageClassName:              storageClassName,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/make-believe"}},
		},
	}
}

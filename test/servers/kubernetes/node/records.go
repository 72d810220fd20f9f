package main

import (
	"context"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const nodeLabel = "internal.secrets-store.csi.k8s.io/node-name"

var (
	driverGroup = schema.GroupVersion{Group: "secrets-store.csi.x-k8s.io", Version: "v1"}
	classes     = driverGroup.WithResource("secretproviderclasses")
	podStatuses = driverGroup.WithResource("secretproviderclasspodstatuses")
)

// record keeps the SecretProviderClassPodStatus of a volume, and the Secrets that its class asks for.
func (d *driver) record(ctx context.Context, class *providerClass, attributes map[string]string, target string, versions map[string]string) error {
	pod, namespace := attributes[podAttribute+"name"], attributes[podAttribute+"namespace"]
	objects := make([]any, 0, len(versions))
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		objects = append(objects, map[string]any{"id": id, "version": versions[id]})
	}
	record := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": driverGroup.String(),
		"kind":       "SecretProviderClassPodStatus",
		"status": map[string]any{
			"podName":                 pod,
			"secretProviderClassName": class.object.GetName(),
			"mounted":                 true,
			"targetPath":              target,
			"objects":                 objects,
		},
	}}
	record.SetName(pod + "-" + namespace + "-" + class.object.GetName())
	record.SetLabels(map[string]string{nodeLabel: d.node})
	record.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: "v1", Kind: "Pod", Name: pod, UID: types.UID(attributes[podAttribute+"uid"]),
	}})
	stored, err := d.store(ctx, namespace, record)
	if err != nil {
		return err
	}
	d.keepSecrets(ctx, class.object, pod, stored, target)
	return nil
}

func (d *driver) store(ctx context.Context, namespace string, record *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	collection := d.objects.Resource(podStatuses).Namespace(namespace)
	made, err := collection.Create(ctx, record, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return made, err
	}
	old, err := collection.Get(ctx, record.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	record.SetResourceVersion(old.GetResourceVersion())
	return collection.Update(ctx, record, metav1.UpdateOptions{})
}

package main

import (
	"context"
	"encoding/pem"
	"log"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/retry"
)

// secretObject is one entry of a class's spec.secretObjects.
type secretObject struct {
	SecretName  string            `json:"secretName"`
	Type        string            `json:"type"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Data        []struct {
		ObjectName string `json:"objectName"`
		Key        string `json:"key"`
	} `json:"data"`
}

// keepSecrets writes the Secrets of a class from the mounted files. The real driver does so in a
// controller of its own, so what goes wrong here is logged and ends no Mount.
func (d *driver) keepSecrets(ctx context.Context, class *unstructured.Unstructured, pod string, record *unstructured.Unstructured, target string) {
	var spec struct {
		SecretObjects []secretObject `json:"secretObjects"`
	}
	content, _, _ := unstructured.NestedMap(class.Object, "spec")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &spec); err != nil {
		log.Printf("secretObjects of %s: %v", class.GetName(), err)
		return
	}
	if len(spec.SecretObjects) == 0 {
		return
	}
	owners := d.owners(ctx, class.GetNamespace(), pod, record)
	for _, object := range spec.SecretObjects {
		secret, err := object.fill(class.GetNamespace(), target)
		if err == nil {
			err = d.storeSecret(ctx, secret, owners)
		}
		if err != nil {
			log.Printf("secretObjects %s/%s: %v", class.GetNamespace(), object.SecretName, err)
		}
	}
}

// owners of a Secret are the pod's owners, such as its ReplicaSet, or the status object where a pod has none.
func (d *driver) owners(ctx context.Context, namespace, name string, record *unstructured.Unstructured) []metav1.OwnerReference {
	pod, err := d.cluster.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil || len(pod.OwnerReferences) == 0 {
		return []metav1.OwnerReference{{APIVersion: record.GetAPIVersion(), Kind: record.GetKind(), Name: record.GetName(), UID: record.GetUID()}}
	}
	owners := make([]metav1.OwnerReference, 0, len(pod.OwnerReferences))
	for _, owner := range pod.OwnerReferences {
		owners = append(owners, metav1.OwnerReference{APIVersion: owner.APIVersion, Kind: owner.Kind, Name: owner.Name, UID: owner.UID})
	}
	return owners
}

func (o *secretObject) fill(namespace, target string) (*corev1.Secret, error) {
	labels := map[string]string{"secrets-store.csi.k8s.io/managed": "true"}
	for name, value := range o.Labels {
		labels[name] = value
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: o.SecretName, Namespace: namespace, Labels: labels, Annotations: o.Annotations},
		Type:       corev1.SecretType(o.Type),
		Data:       map[string][]byte{},
	}
	for _, entry := range o.Data {
		content, err := os.ReadFile(filepath.Join(target, entry.ObjectName))
		if err != nil {
			return nil, err
		}
		if secret.Type == corev1.SecretTypeTLS {
			content = pemBlocks(content, entry.Key == corev1.TLSCertKey)
		}
		secret.Data[entry.Key] = content
	}
	return secret, nil
}

// pemBlocks keeps the certificates of a PEM file, or everything else of it.
func pemBlocks(content []byte, certificates bool) (kept []byte) {
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return kept
		}
		if (block.Type == "CERTIFICATE") == certificates {
			kept = append(kept, pem.EncodeToMemory(block)...)
		}
	}
}

func (d *driver) storeSecret(ctx context.Context, secret *corev1.Secret, owners []metav1.OwnerReference) error {
	collection := d.cluster.CoreV1().Secrets(secret.Namespace)
	again := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
	return retry.OnError(retry.DefaultBackoff, again, func() error {
		secret.ResourceVersion, secret.OwnerReferences = "", owners
		old, err := collection.Get(ctx, secret.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			_, err = collection.Create(ctx, secret, metav1.CreateOptions{})
			return err
		}
		if err != nil {
			return err
		}
		secret.ResourceVersion, secret.OwnerReferences = old.ResourceVersion, slices.Clone(old.OwnerReferences)
		for _, owner := range owners {
			if !slices.ContainsFunc(old.OwnerReferences, func(known metav1.OwnerReference) bool { return known.UID == owner.UID }) {
				secret.OwnerReferences = append(secret.OwnerReferences, owner)
			}
		}
		_, err = collection.Update(ctx, secret, metav1.UpdateOptions{})
		return err
	})
}

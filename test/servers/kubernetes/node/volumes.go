package main

import (
	"context"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/mount-utils"
)

const (
	podAttribute    = "csi.storage.k8s.io/pod."
	tokensAttribute = "csi.storage.k8s.io/serviceAccount.tokens"
)

// driver is the CSI service: it publishes volumes that kubelet asks for, again and again.
type driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedNodeServer
	node      string
	interval  time.Duration
	objects   dynamic.Interface
	cluster   kubernetes.Interface
	mounter   mount.Interface
	providers *providerSockets
}

func (*driver) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: driverName, VendorVersion: "stand-in"}, nil
}

func (*driver) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{}, nil
}

func (*driver) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

func (d *driver) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: d.node}, nil
}

func (*driver) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

// NodePublishVolume mounts a volume, or asks the provider again for one that is mounted. As in the real
// driver a volume that changed less than the interval ago is left alone, and the failure of a second
// look is only logged, so that kubelet keeps the volume as it is.
func (d *driver) NodePublishVolume(ctx context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	began, done, target := time.Now(), &csi.NodePublishVolumeResponse{}, request.GetTargetPath()
	if info, err := os.Stat(target); err == nil && began.Before(info.ModTime().Add(d.interval)) {
		return done, nil
	}
	notMounted, err := d.mounter.IsLikelyNotMountPoint(target)
	if err != nil && !os.IsNotExist(err) {
		return nil, status.Error(codes.Internal, err.Error())
	}
	mounted := err == nil && !notMounted
	class, err := d.findClass(ctx, request.GetVolumeContext())
	if err != nil {
		return nil, err
	}
	if err := d.publish(ctx, request, class, mounted); err != nil {
		log.Printf("publish %s again=%v took=%s failed: %v", target, mounted, time.Since(began), err)
		if !mounted {
			pod := request.GetVolumeContext()
			return nil, fmt.Errorf("failed to mount secrets store objects for pod %s/%s, err: %w", pod[podAttribute+"namespace"], pod[podAttribute+"name"], err)
		}
		return done, nil
	}
	log.Printf("publish %s again=%v took=%s", target, mounted, time.Since(began))
	return done, nil
}

// providerClass is what a SecretProviderClass says.
type providerClass struct {
	object     *unstructured.Unstructured
	provider   string
	parameters map[string]string
}

func (d *driver) findClass(ctx context.Context, attributes map[string]string) (*providerClass, error) {
	namespace, name := attributes[podAttribute+"namespace"], attributes["secretProviderClass"]
	object, err := d.objects.Resource(classes).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("failed to get secretproviderclass %s/%s, error: %w", namespace, name, err)
	}
	provider, _, _ := unstructured.NestedString(object.Object, "spec", "provider")
	parameters, _, _ := unstructured.NestedStringMap(object.Object, "spec", "parameters")
	if provider == "" || len(parameters) == 0 {
		return nil, fmt.Errorf("provider or parameters not set in %s/%s", namespace, name)
	}
	return &providerClass{object: object, provider: provider, parameters: parameters}, nil
}

func (d *driver) publish(ctx context.Context, request *csi.NodePublishVolumeRequest, class *providerClass, mounted bool) (err error) {
	target, attributes := request.GetTargetPath(), request.GetVolumeContext()
	if !mounted {
		if err = d.mountTmpfs(target); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				_ = d.mounter.Unmount(target)
			}
		}()
	}
	// What the pod's author writes into volumeAttributes goes before the class, and kubelet's own keys before both.
	parameters := maps.Clone(class.parameters)
	maps.Copy(parameters, attributes)
	if tokens, present := request.GetSecrets()[tokensAttribute]; present {
		parameters[tokensAttribute] = tokens
	}
	answer, err := d.providers.mount(ctx, class.provider, parameters, request.GetSecrets(), target)
	if err != nil {
		return err
	}
	if err = answer.write(target); err != nil {
		return err
	}
	return d.record(ctx, class, attributes, target, answer.versions)
}

func (d *driver) mountTmpfs(target string) error {
	if err := os.MkdirAll(target, 0o750); err != nil {
		return err
	}
	return d.mounter.Mount("tmpfs", target, "tmpfs", nil)
}

// NodeUnpublishVolume empties the volume before it unmounts it, as the real driver does.
func (d *driver) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	// Go's pattern matches names that begin with a dot too.
	entries, _ := filepath.Glob(filepath.Join(request.GetTargetPath(), "*"))
	for _, entry := range entries {
		_ = os.RemoveAll(entry)
	}
	if err := mount.CleanupMountPoint(request.GetTargetPath(), d.mounter, false); err != nil && !os.IsNotExist(err) {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

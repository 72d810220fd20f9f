package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
	"k8s.io/mount-utils"
)

const driverName = "secrets-store.csi.k8s.io"

// runDriver serves a stand-in for the Secrets Store CSI driver 1.6, written from its contract: it looks
// the SecretProviderClass up in the API server, calls the provider's Mount on its unix socket, writes the
// files into a tmpfs with Kubernetes' own AtomicWriter and keeps the SecretProviderClassPodStatus and the
// secretObjects. It announces itself to kubelet, as node-driver-registrar does for the real one.
func runDriver() int {
	flags := flag.NewFlagSet("secrets-store-driver", flag.ExitOnError)
	socket := flags.String("csi-socket", "", "unix socket of the CSI service")
	announcement := flags.String("registration-socket", "", "unix socket in kubelet's plugins_registry folder")
	kubeconfig := flags.String("kubeconfig", "", "how to reach the API server")
	node := flags.String("node", "", "the node's name")
	providers := flags.String("providers", "", "folder with the sockets of the providers")
	interval := flags.Duration("rotation-interval", 2*time.Minute, "a volume that changed less than this ago is left alone")
	_ = flags.Parse(os.Args[1:])
	log.SetFlags(log.Ltime | log.Lmicroseconds)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Print(err)
		return 1
	}
	// The real driver lets 20 calls a second pass; here the API server is never what is measured.
	config.QPS, config.Burst = 200, 400
	driver := &driver{
		node:      *node,
		interval:  *interval,
		objects:   dynamic.NewForConfigOrDie(config),
		cluster:   kubernetes.NewForConfigOrDie(config),
		mounter:   mount.New(""),
		providers: &providerSockets{folder: *providers, connections: map[string]*grpc.ClientConn{}},
	}
	failed := make(chan error, 2)
	go func() {
		failed <- serve(ctx, *socket, func(server *grpc.Server) {
			csi.RegisterIdentityServer(server, driver)
			csi.RegisterNodeServer(server, driver)
		})
	}()
	go func() {
		failed <- serve(ctx, *announcement, func(server *grpc.Server) {
			registration.RegisterRegistrationServer(server, &registrar{endpoint: *socket})
		})
	}()
	if err := <-failed; err != nil {
		log.Print(err)
		return 1
	}
	return 0
}

// serve runs a gRPC server on a unix socket until the context ends.
func serve(ctx context.Context, socket string, register func(*grpc.Server)) error {
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := grpc.NewServer()
	register(server)
	go func() {
		<-ctx.Done()
		server.Stop()
	}()
	return server.Serve(listener)
}

// registrar tells kubelet where the driver listens.
type registrar struct {
	registration.UnimplementedRegistrationServer
	endpoint string
}

func (r *registrar) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: driverName, Endpoint: r.endpoint, SupportedVersions: []string{"1.0.0"}}, nil
}

func (*registrar) NotifyRegistrationStatus(_ context.Context, answer *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	log.Printf("kubelet says registered=%v %s", answer.PluginRegistered, answer.Error)
	return &registration.RegistrationStatusResponse{}, nil
}

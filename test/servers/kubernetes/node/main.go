// Command kube-node is one program for what makes a node out of the control plane beside it: the
// controllers, the scheduler, kubelet, and a stand-in for the Secrets Store CSI driver, chosen by the
// first argument: `kube-node kubelet --…`. One program, so that one link step serves them all.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"k8s.io/component-base/cli"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// components maps a program's name to the function that runs it and returns its exit status.
// Each reads its flags from os.Args, as it would when started by its own name.
var components = map[string]func() int{
	"kube-controller-manager": func() int { return cli.Run(controllers.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kubelet":                 func() int { return cli.Run(kubelet.NewKubeletCommand(context.Background())) },
	"secrets-store-driver":    runDriver,
}

func main() {
	if len(os.Args) > 1 {
		if run, known := components[os.Args[1]]; known {
			os.Args = os.Args[1:]
			os.Exit(run())
		}
	}
	names := make([]string, 0, len(components))
	for name := range components {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(os.Stderr, "usage: kube-node %s [flags]\n", strings.Join(names, "|"))
	os.Exit(2)
}

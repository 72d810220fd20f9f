import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort } from "../free-port.ts";
import { pauseImage } from "./node-packages.ts";

/** Where the files of a node lie. Unix socket paths are short, so these are too. */
export interface NodeFiles {
	readonly containerd: string;
	readonly containerdSocket: string;
	readonly kubelet: string;
	readonly kubeletFolder: string;
	readonly podLogs: string;
	readonly csiSocket: string;
	readonly registrationSocket: string;
	readonly providers: string;
	/** Has a folder for each container that was not ended in order. */
	readonly containerStates: string;
}

/** Writes the configuration of containerd and kubelet below a directory. */
export async function writeNodeFiles(directory: string, syncFrequency: string): Promise<NodeFiles> {
	const kubeletFolder = join(directory, "kubelet");
	const files: NodeFiles = {
		containerd: join(directory, "containerd.toml"),
		containerdSocket: join(directory, "containerd.sock"),
		kubelet: join(directory, "kubelet.yaml"),
		kubeletFolder,
		podLogs: join(directory, "pod-logs"),
		csiSocket: join(kubeletFolder, "plugins/secrets-store/csi.sock"),
		registrationSocket: join(kubeletFolder, "plugins_registry/secrets-store.csi.k8s.io-reg.sock"),
		providers: join(directory, "providers"),
		containerStates: join(directory, "containerd/state/io.containerd.runtime.v2.task/k8s.io"),
	};
	for (const folder of ["kubelet/plugins/secrets-store", "kubelet/plugins_registry", "pod-logs", "providers", "cni"])
		mkdirSync(join(directory, folder), { recursive: true });
	writeFileSync(join(directory, "cni/10-pods.conflist"), JSON.stringify(podNetwork(directory)));
	writeFileSync(files.containerd, containerdConfiguration(directory, files));
	writeFileSync(files.kubelet, stringify(await kubeletConfiguration(files, syncFrequency)));
	return files;
}

/** Writes how a program reaches the API server. */
export function writeKubeconfig(file: string, server: { readonly address: string; readonly caFile: string }, token: string): string {
	const configuration = {
		apiVersion: "v1",
		kind: "Config",
		clusters: [{ name: "test", cluster: { server: server.address, "certificate-authority": server.caFile } }],
		users: [{ name: "test", user: { token } }],
		contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
		"current-context": "test",
	};
	writeFileSync(file, stringify(configuration), { mode: 0o600 });
	return file;
}

/** A link between the node and each pod; what the pod can reach through it is what the node can. */
function podNetwork(directory: string): object {
	const addresses = {
		type: "host-local",
		subnet: "10.244.77.0/24",
		routes: [{ dst: "0.0.0.0/0" }],
		dataDir: join(directory, "cni/addresses"),
	};
	return { cniVersion: "0.4.0", name: "pods", plugins: [{ type: "ptp", ipam: addresses }] };
}

function containerdConfiguration(directory: string, files: NodeFiles): string {
	return `version = 2
root = "${join(directory, "containerd/root")}"
state = "${join(directory, "containerd/state")}"
[grpc]
  address = "${files.containerdSocket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(directory, "containerd/opt")}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(directory, "cni")}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

/** Kubelet without what a test machine may lack: cgroups of its own, swap turned off, space to spare. */
async function kubeletConfiguration(files: NodeFiles, syncFrequency: string): Promise<object> {
	return {
		apiVersion: "kubelet.config.k8s.io/v1beta1",
		kind: "KubeletConfiguration",
		address: "127.0.0.1",
		port: await freePort(),
		healthzPort: 0,
		authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
		authorization: { mode: "Webhook" },
		containerRuntimeEndpoint: `unix://${files.containerdSocket}`,
		cgroupDriver: "cgroupfs",
		cgroupsPerQOS: false,
		enforceNodeAllocatable: [],
		failCgroupV1: false,
		failSwapOn: false,
		localStorageCapacityIsolation: false,
		evictionHard: { "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%", "memory.available": "1Mi" },
		imageGCHighThresholdPercent: 100,
		imageMinimumGCAge: "100h",
		resolvConf: "",
		podLogsDir: files.podLogs,
		volumePluginDir: join(files.kubeletFolder, "flex"),
		syncFrequency,
		nodeStatusUpdateFrequency: "5s",
	};
}

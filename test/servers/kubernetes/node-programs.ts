import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type GuardedProcess, startGuarded } from "../guarded-process.ts";
import type { Cluster } from "./cluster.ts";
import { nodeName } from "./control-plane.ts";
import { driverAccount } from "./driver-objects.ts";
import { type NodeFiles, writeKubeconfig } from "./node-configuration.ts";
import type { NodeSpace } from "./node-space.ts";
import { waitFor } from "./wait-for.ts";

/** What the programs of a node are started with. */
export interface NodeParts {
	readonly space: NodeSpace;
	/** The path of `kube-node`. */
	readonly program: string;
	readonly cluster: Cluster;
	readonly files: NodeFiles;
}

/** Starts the controllers and the scheduler, which belong to the cluster and not into the node's room. */
export function startControllers(program: string, cluster: Cluster): readonly GuardedProcess[] {
	const { directory, componentTokens } = cluster;
	const kubeconfig = (name: "controllers" | "scheduler") =>
		`--kubeconfig=${writeKubeconfig(join(directory, `${name}.kubeconfig`), cluster, componentTokens[name])}`;
	const common = ["--secure-port=0", "--leader-elect=false", "--profiling=false"];
	return [
		startGuarded(
			program,
			[
				"kube-controller-manager",
				kubeconfig("controllers"),
				...common,
				`--service-account-private-key-file=${join(directory, "sa.key")}`,
				`--root-ca-file=${cluster.caFile}`,
				"--use-service-account-credentials=true",
			],
			{ logFile: join(directory, "kube-controller-manager.log") },
		),
		startGuarded(program, ["kube-scheduler", kubeconfig("scheduler"), ...common], { logFile: join(directory, "kube-scheduler.log") }),
	];
}

export async function startContainerd({ space, cluster, files }: NodeParts): Promise<GuardedProcess> {
	const containerd = space.start("containerd", ["--config", files.containerd], join(cluster.directory, "containerd.log"));
	await waitFor("containerd", [containerd], async () => existsSync(files.containerdSocket));
	return containerd;
}

/** Has containerd's own client do something, such as `images import FILE`. */
export function containerdClient({ containerdSocket }: NodeFiles, ...command: readonly string[]): void {
	execFileSync("ctr", ["--address", containerdSocket, "--namespace", "k8s.io", ...command], { stdio: ["ignore", "ignore", "pipe"] });
}

export function startKubelet({ space, program, cluster, files }: NodeParts): GuardedProcess {
	const { directory, componentTokens } = cluster;
	const kubeconfig = writeKubeconfig(join(directory, "kubelet.kubeconfig"), cluster, componentTokens.kubelet);
	const parameters = [
		"kubelet",
		`--config=${files.kubelet}`,
		`--kubeconfig=${kubeconfig}`,
		`--root-dir=${files.kubeletFolder}`,
		`--cert-dir=${join(directory, "kubelet-certificates")}`,
		`--hostname-override=${nodeName}`,
	];
	return space.start(program, parameters, join(directory, "kubelet.log"));
}

/** @param rotationInterval a Go duration */
export async function startDriver({ space, program, cluster, files }: NodeParts, rotationInterval: string): Promise<GuardedProcess> {
	const { namespace, name } = driverAccount;
	const token = await cluster.token(namespace, name, { audience: cluster.address });
	const parameters = [
		"secrets-store-driver",
		`--csi-socket=${files.csiSocket}`,
		`--registration-socket=${files.registrationSocket}`,
		`--kubeconfig=${writeKubeconfig(join(cluster.directory, "driver.kubeconfig"), cluster, token)}`,
		`--node=${nodeName}`,
		`--providers=${files.providers}`,
		`--rotation-interval=${rotationInterval}`,
	];
	return space.start(program, parameters, join(cluster.directory, "driver.log"));
}

import { execFileSync } from "node:child_process";
import { existsSync, globSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { goBinary } from "../go-binary.ts";
import { type GuardedProcess, startGuarded } from "../guarded-process.ts";
import { field } from "./api-client.ts";
import type { Cluster } from "./cluster.ts";
import { nodeName } from "./control-plane.ts";
import { driverAccount, installDriverObjects } from "./driver-objects.ts";
import { type NodeFiles, writeKubeconfig, writeNodeFiles } from "./node-configuration.ts";
import { installContainerRuntime, writeImages } from "./node-packages.ts";
import { type NodeSpace, openNodeSpace } from "./node-space.ts";
import { waitFor } from "./wait-for.ts";

export interface NodeOptions {
	/** How often kubelet looks after every pod by itself; a Go duration, default `1m` as in real clusters. */
	readonly syncFrequency?: string;
	/** The driver leaves a volume alone that changed less than this ago; a Go duration, default `1s`. */
	readonly rotationInterval?: string;
	/** Whose tokens kubelet hands to the driver. */
	readonly audiences?: readonly string[];
}

/** A node that runs pods with volumes of the Secrets Store CSI driver. */
export interface TestNode {
	readonly name: string;
	/** Where the driver looks for the providers' sockets. */
	readonly providers: string;
	/** Where a file of a pod's volume is read from outside. */
	volumeFile(podUid: string, volume: string, file: string): string;
	/** The folder of a pod's container logs. */
	logFolder(pod: { readonly namespace: string; readonly name: string; readonly uid: string }): string;
	/** The end of a program's log, for error messages. */
	log(): string;
	stop(): Promise<void>;
}

/**
 * Makes a node of a cluster: controllers, scheduler, containerd, kubelet, and a stand-in for the driver, all from
 * Debian's packages and Kubernetes' published modules. Needs root.
 *
 * @throws Error with the end of the log of the program that did not start
 */
export async function startNode(cluster: Cluster, options: NodeOptions = {}): Promise<TestNode> {
	const program = await goBinary("kube-node");
	installContainerRuntime();
	const { directory } = cluster;
	const files = await writeNodeFiles(directory, options.syncFrequency ?? "1m");
	await installDriverObjects(cluster, options.audiences ?? ["claviger", "vault", "openbao"]);
	const space = await openNodeSpace(directory);
	try {
		const programs = [
			...startControllers(program, cluster),
			...(await startContainers({ space, program, cluster, files })),
			await startDriver({ space, program, cluster, files }, options.rotationInterval ?? "1s"),
		];
		await waitFor("the node", programs, () => isReady(cluster));
		return describeNode(space, files, programs);
	} catch (error) {
		await space.stop();
		throw error;
	}
}

interface NodeParts {
	readonly space: NodeSpace;
	readonly program: string;
	readonly cluster: Cluster;
	readonly files: NodeFiles;
}

function describeNode(space: NodeSpace, files: NodeFiles, programs: readonly GuardedProcess[]): TestNode {
	return {
		name: nodeName,
		providers: files.providers,
		volumeFile: (podUid, volume, file) =>
			space.path(join(files.kubeletFolder, "pods", podUid, "volumes/kubernetes.io~csi", volume, "mount", file)),
		logFolder: ({ namespace, name, uid }) => join(files.podLogs, `${namespace}_${name}_${uid}`),
		log: () => programs.map((program) => program.log()).join("\n---\n"),
		async stop() {
			await space.stop();
			for (const program of programs) program.kill("SIGKILL");
			await Promise.all(programs.map(({ ended }) => ended));
			removeControlGroups(files);
		},
	};
}

/** Containers that were killed leave their empty control groups behind, in every hierarchy. */
function removeControlGroups({ containerStates }: NodeFiles): void {
	if (!existsSync(containerStates)) return;
	const groups = readdirSync(containerStates).flatMap((id) => globSync([`/sys/fs/cgroup/k8s.io/${id}`, `/sys/fs/cgroup/*/k8s.io/${id}`]));
	for (const group of groups) rmdirSync(group);
}

function startControllers(program: string, cluster: Cluster): readonly GuardedProcess[] {
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

async function startContainers({ space, program, cluster, files }: NodeParts): Promise<readonly GuardedProcess[]> {
	const { directory, componentTokens } = cluster;
	const containerd = space.start("containerd", ["--config", files.containerd], join(directory, "containerd.log"));
	await waitFor("containerd", [containerd], async () => existsSync(files.containerdSocket));
	const archive = writeImages(directory);
	execFileSync("ctr", ["--address", files.containerdSocket, "--namespace", "k8s.io", "images", "import", archive], { stdio: "ignore" });
	const kubeconfig = writeKubeconfig(join(directory, "kubelet.kubeconfig"), cluster, componentTokens.kubelet);
	const parameters = [
		"kubelet",
		`--config=${files.kubelet}`,
		`--kubeconfig=${kubeconfig}`,
		`--root-dir=${files.kubeletFolder}`,
		`--cert-dir=${join(directory, "kubelet-certificates")}`,
		`--hostname-override=${nodeName}`,
	];
	return [containerd, space.start(program, parameters, join(directory, "kubelet.log"))];
}

async function startDriver({ space, program, cluster, files }: NodeParts, rotationInterval: string): Promise<GuardedProcess> {
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

/** Whether the node takes pods, and the driver is known to kubelet. */
async function isReady(cluster: Cluster): Promise<boolean> {
	const { body } = await cluster.request("GET", `/api/v1/nodes/${nodeName}`);
	const conditions = field(body, "status", "conditions");
	const ready =
		Array.isArray(conditions) && conditions.some((entry) => field(entry, "type") === "Ready" && field(entry, "status") === "True");
	if (!ready) return false;
	const drivers = field((await cluster.request("GET", `/apis/storage.k8s.io/v1/csinodes/${nodeName}`)).body, "spec", "drivers");
	return Array.isArray(drivers) && drivers.length > 0;
}

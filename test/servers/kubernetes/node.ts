import { existsSync, globSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { goBinary } from "../go-binary.ts";
import type { GuardedProcess } from "../guarded-process.ts";
import { field } from "./api-client.ts";
import type { Cluster } from "./cluster.ts";
import { apiServiceAddress, nodeName } from "./control-plane.ts";
import { installDriverObjects } from "./driver-objects.ts";
import { type NodeFiles, writeNodeFiles } from "./node-configuration.ts";
import { installContainerRuntime, writeImages } from "./node-packages.ts";
import { containerdClient, type NodeParts, startContainerd, startControllers, startDriver, startKubelet } from "./node-programs.ts";
import { openNodeSpace, type Route } from "./node-space.ts";
import { waitFor } from "./wait-for.ts";

export interface NodeOptions {
	/** How often kubelet looks after every pod by itself; a Go duration, default `1m` as in real clusters. */
	readonly syncFrequency?: string;
	/** The driver leaves a volume alone that changed less than this ago; a Go duration, default `1s`. */
	readonly rotationInterval?: string;
	/** Whose tokens kubelet hands to the driver. */
	readonly audiences?: readonly string[];
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
	const space = await openNodeSpace(directory, files.providers);
	try {
		const parts = { space, program, cluster, files };
		const server = Number(new URL(cluster.address).port);
		await space.connect([
			{ address: "127.0.0.1", port: server, server },
			{ address: apiServiceAddress, port: 443, server },
		]);
		const controllers = startControllers(program, cluster);
		const containerd = await startContainerd(parts);
		containerdClient(files, "images", "import", writeImages(directory));
		const rotationInterval = options.rotationInterval ?? "1s";
		const driver = await startDriver(parts, rotationInterval);
		const node = new TestNode(parts, { others: [...controllers, containerd], kubelet: startKubelet(parts), driver, rotationInterval });
		await node.ready();
		return node;
	} catch (error) {
		await space.stop();
		throw error;
	}
}

/** A call of a provider, as the driver has written it down. */
export interface Publish {
	readonly podUid: string;
	/** Whether the volume was mounted already. */
	readonly again: boolean;
	/** Why it failed; undefined when it did not. */
	readonly failure: string | undefined;
}

interface NodePrograms {
	/** Those that are never started again. */
	readonly others: readonly GuardedProcess[];
	kubelet: GuardedProcess;
	driver: GuardedProcess;
	readonly rotationInterval: string;
}

/** A node that runs pods with volumes of the Secrets Store CSI driver. */
export class TestNode {
	readonly name = nodeName;
	/** Where the driver looks for the providers' sockets; on the node itself this is `/var/run/secrets-store-csi-providers` too. */
	readonly providers: string;
	readonly #parts: NodeParts;
	readonly #programs: NodePrograms;

	constructor(parts: NodeParts, programs: NodePrograms) {
		this.#parts = parts;
		this.#programs = programs;
		this.providers = parts.files.providers;
	}

	/** Where a file of a pod's volume is read from outside. */
	volumeFile(podUid: string, volume: string, file: string): string {
		const { space, files } = this.#parts;
		return space.path(join(files.kubeletFolder, "pods", podUid, "volumes/kubernetes.io~csi", volume, "mount", file));
	}

	/** The folder of a pod's container logs. */
	logFolder({ namespace, name, uid }: Pick<Pod, "namespace" | "name" | "uid">): string {
		return join(this.#parts.files.podLogs, `${namespace}_${name}_${uid}`);
	}

	/** What is mounted on the node, as the kernel lists it. */
	mounts(): string {
		return readFileSync(this.#parts.space.path("/proc/1/mountinfo"), "utf8");
	}

	/** The command line that runs a program in a running container, by the id that the pod's status has. */
	inContainer(containerId: string, ...program: readonly string[]): readonly [string, ...string[]] {
		const place = ["--address", this.#parts.files.containerdSocket, "--namespace", "k8s.io"];
		const name = `exec-${process.hrtime.bigint()}`;
		return this.#parts.space.command("ctr", ...place, "tasks", "exec", "--exec-id", name, bareId(containerId), ...program);
	}

	/** Kills the processes of a running container, by the id that the pod's status has. */
	killContainer(containerId: string): void {
		containerdClient(this.#parts.files, "tasks", "kill", "--signal", "SIGKILL", bareId(containerId));
	}

	/** Makes the images of an archive, of `docker save` or of OCI, known to the node. */
	importImages(archive: string): void {
		containerdClient(this.#parts.files, "images", "import", archive);
	}

	/** Gives an image another name. */
	tagImage(name: string, other: string): void {
		containerdClient(this.#parts.files, "images", "tag", name, other);
	}

	/** Makes servers on this machine's loopback reachable for the node and its pods. */
	connect(routes: readonly Route[]): Promise<void> {
		return this.#parts.space.connect(routes);
	}

	/** Ends kubelet and starts it again; containers go on meanwhile. */
	async restartKubelet(): Promise<void> {
		await this.#programs.kubelet.stop();
		this.#programs.kubelet = startKubelet(this.#parts);
	}

	/** Ends the driver and starts it again, as its upgrade does; mounted volumes stay. */
	async restartDriver(): Promise<void> {
		await this.#programs.driver.stop();
		this.#programs.driver = await startDriver(this.#parts, this.#programs.rotationInterval);
	}

	/** Waits until the node takes pods, and the driver is known to kubelet. */
	ready(): Promise<void> {
		return waitFor("the node", this.#running(), () => isReady(this.#parts.cluster));
	}

	/** Everything that the driver has written. */
	driverLog(): string {
		return readFileSync(join(this.#parts.cluster.directory, "driver.log"), "utf8");
	}

	/** Every call of a provider that the driver has made, in their order. */
	publishes(): readonly Publish[] {
		const lines = this.driverLog().matchAll(/^\S+ publish \S+\/pods\/([^/]+)\/\S+ again=(true|false) took=\S+(?: failed: (.+))?$/gm);
		return [...lines].map(([, podUid = "", again, failure]) => ({ podUid, again: again === "true", failure }));
	}

	/** The ends of the programs' logs, for error messages. */
	log(): string {
		return this.#running()
			.map((program) => program.log())
			.join("\n---\n");
	}

	async stop(): Promise<void> {
		await this.#parts.space.stop();
		for (const program of this.#programs.others) program.kill("SIGKILL");
		await Promise.all(this.#running().map(({ ended }) => ended));
		removeControlGroups(this.#parts.files);
	}

	#running(): readonly GuardedProcess[] {
		const { others, kubelet, driver } = this.#programs;
		return [...others, kubelet, driver];
	}
}

function bareId(containerId: string): string {
	return containerId.replace("containerd://", "");
}

/** Containers that were killed leave their empty control groups behind, in every hierarchy. */
function removeControlGroups({ containerStates }: NodeFiles): void {
	if (!existsSync(containerStates)) return;
	const groups = readdirSync(containerStates).flatMap((id) => globSync([`/sys/fs/cgroup/k8s.io/${id}`, `/sys/fs/cgroup/*/k8s.io/${id}`]));
	for (const group of groups) rmdirSync(group);
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

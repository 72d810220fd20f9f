import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { render, type Values } from "../manifests/helm.ts";
import { listAt, type Manifest } from "../manifests/read-manifests.ts";
import { field, textField } from "../servers/kubernetes/api-client.ts";
import type { TestNode } from "../servers/kubernetes/node.ts";
import type { Objects } from "../servers/kubernetes/objects.ts";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { containerIds } from "./pods.ts";
import type { HostAlias, Policy, StoreVolume } from "./store-case.ts";

export interface InstallationOptions {
	/** The image's name and its tag. */
	readonly image: string;
	/** The names of the sockets. */
	readonly providers: readonly string[];
	readonly policy: Policy;
	/** Further values of the chart. */
	readonly values: Values;
	readonly volumes: readonly StoreVolume[];
	readonly hostAliases: readonly HostAlias[];
	/** Certificates, PEM: whom to trust for stores that name no authority; empty: whom Node trusts. */
	readonly authorities: string;
	readonly pollInterval: string;
	readonly push: boolean;
	/** As the chart's value of this name. */
	readonly runAs: "root" | "nonRoot";
}

/** Where the provider runs. */
export const installationNamespace = "claviger-system";
const namespace = installationNamespace;
const authoritiesName = "store-authorities";
const daemonSet = { apiVersion: "apps/v1", kind: "DaemonSet", namespace, name: "claviger" };

/** Claviger on a node, as the DaemonSet that the project's own chart makes. */
export class Installation {
	readonly #objects: Objects;
	readonly #node: TestNode;

	constructor(objects: Objects, node: TestNode) {
		this.#objects = objects;
		this.#node = node;
	}

	/** Applies what the chart makes, first or as a change, and waits until it has rolled out and what was before has ended. */
	async apply(options: InstallationOptions, limitSeconds = 120): Promise<void> {
		for (const object of await manifests(options)) await this.#objects.apply(object);
		try {
			await waitFor("the DaemonSet", [], () => this.#isRolledOut(), limitSeconds);
		} catch (error) {
			throw new Error(`${String(error)}\n${await this.log()}`, { cause: error });
		}
	}

	/** The provider's pods, those included that are ending. */
	pods(): Promise<readonly unknown[]> {
		return this.#objects.list({ apiVersion: "v1", kind: "Pod", namespace }, "app.kubernetes.io/name=claviger");
	}

	async #isRolledOut(): Promise<boolean> {
		const object = await this.#objects.find(daemonSet);
		const status = (name: string) => Number(field(object, "status", name) ?? 0);
		if (status("observedGeneration") !== field(object, "metadata", "generation")) return false;
		const wanted = status("desiredNumberScheduled");
		const isComplete = wanted > 0 && status("updatedNumberScheduled") === wanted && status("numberReady") === wanted;
		return isComplete && (await this.pods()).length === wanted;
	}

	/** How often containers of the provider's pods were started again. */
	async restarts(): Promise<number> {
		const counts = (await this.pods()).flatMap((pod) =>
			listAt(pod, "status", "containerStatuses").map((status) => field(status, "restartCount")),
		);
		return counts.reduce<number>((sum, count) => sum + Number(count), 0);
	}

	/** Kills the provider's process, as a failure does; kubelet starts it again in its pod. */
	async crash(): Promise<void> {
		for (const id of (await this.pods()).flatMap(containerIds)) this.#node.killContainer(id);
	}

	/** What all of the provider's pods have written, of those that ended while their logs are kept. */
	output(): string {
		const folders = this.#node.logFolder({ namespace, name: "claviger-*", uid: "*" });
		return globSync(join(folders, "provider/*.log"))
			.map((file) => readFileSync(file, "utf8"))
			.join("")
			.replaceAll(/^\S+ (?:stdout|stderr) F /gm, "");
	}

	/** What helps to see why the provider does not what it should. */
	async log(): Promise<string> {
		const states = (await this.pods()).map((pod) => JSON.stringify(field(pod, "status", "containerStatuses")));
		const events = (await this.#objects.list({ apiVersion: "v1", kind: "Event", namespace })).map((event) => field(event, "message"));
		return [...states, ...events, ...this.output().split("\n").slice(-30)].join("\n");
	}

	/** The times at which volumes of a pod were delivered, in milliseconds since the epoch. */
	deliveries(podUid: string): readonly number[] {
		return this.output()
			.split("\n")
			.filter((line) => line.includes(podUid) && line.includes('"deliver"'))
			.map((line) => Date.parse(textField(JSON.parse(line), "time")));
	}
}

/** The chart's objects for these options, and what an administrator makes beside them. */
async function manifests(options: InstallationOptions): Promise<readonly Manifest[]> {
	const [space, ...objects] = await render(chartValues(options));
	if (space?.kind !== "Namespace") throw new Error("the chart does not begin with the Namespace");
	return [space, ...options.volumes.flatMap(hostVolume), ...authoritiesMap(options), ...objects];
}

function authoritiesMap({ authorities }: InstallationOptions): readonly Manifest[] {
	if (authorities === "") return [];
	return [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: authoritiesName, namespace }, data: { "ca.crt": authorities } }];
}

function chartValues(options: InstallationOptions): Values {
	const { image, providers, policy, values, volumes, hostAliases, authorities, pollInterval, push, runAs } = options;
	const [, repository, tag] = /^(.+):([^:]+)$/.exec(image) ?? [];
	return {
		...values,
		namespace: { create: true },
		providers,
		image: { repository, tag, digest: "", pullPolicy: "Never" },
		policy: { content: { profile: "strict", ...policy } },
		caBundle: { configMap: authorities === "" ? "" : authoritiesName },
		hostAliases,
		push: { enabled: push },
		runAs,
		settings: { pollInterval, audit: "stdout" },
		extraVolumes: volumes.map(({ name }) => ({ name, persistentVolumeClaim: { claimName: name } })),
		extraVolumeMounts: volumes.map(({ name, mountPath }) => ({ name, mountPath })),
	};
}

/** A folder of the node as a volume of the cluster. The chart lets no hostPath into the pod but the sockets' own. */
function hostVolume({ name, folder }: StoreVolume): readonly Manifest[] {
	const common = { accessModes: ["ReadWriteOnce"], storageClassName: "" };
	return [
		{
			apiVersion: "v1",
			kind: "PersistentVolume",
			metadata: { name },
			spec: { ...common, capacity: { storage: "1Gi" }, hostPath: { path: folder, type: "Directory" }, claimRef: { name, namespace } },
		},
		{
			apiVersion: "v1",
			kind: "PersistentVolumeClaim",
			metadata: { name, namespace },
			spec: { ...common, volumeName: name, resources: { requests: { storage: "1Gi" } } },
		},
	];
}

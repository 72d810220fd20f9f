import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { listAt } from "../manifests/read-manifests.ts";
import { field, textField } from "../servers/kubernetes/api-client.ts";
import { busyboxImage } from "../servers/kubernetes/node-packages.ts";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import type { Site } from "./site.ts";

const run = promisify(execFile);

/** A variable of a container's environment from a key of a Secret. */
export interface SecretVariable {
	readonly name: string;
	readonly secret: string;
	readonly key: string;
}

export interface PodOptions {
	readonly namespace: string;
	readonly name: string;
	/** The SecretProviderClasses, each mounted at `/mnt/secrets-store-0` and on. */
	readonly classes: readonly string[];
	readonly variables?: readonly SecretVariable[];
	/** What the shell of its container runs; default: nothing. */
	readonly script?: string;
}

/** A pod object that is in the cluster. */
export interface MadePod {
	readonly namespace: string;
	readonly name: string;
	readonly uid: string;
}

/** The driver's name for a volume of this kind. */
const volumeName = (index: number) => `secrets-${index}`;

function podSpec({ classes, variables = [], script = "sleep 10000" }: PodOptions): object {
	return {
		automountServiceAccountToken: false,
		terminationGracePeriodSeconds: 1,
		containers: [
			{
				name: "main",
				image: busyboxImage,
				command: ["sh", "-c", script],
				env: variables.map(({ name, secret, key }) => ({ name, valueFrom: { secretKeyRef: { name: secret, key } } })),
				volumeMounts: classes.map((_, index) => ({ name: volumeName(index), mountPath: `/mnt/secrets-store-${index}`, readOnly: true })),
			},
		],
		volumes: classes.map((secretProviderClass, index) => ({
			name: volumeName(index),
			csi: { driver: "secrets-store.csi.k8s.io", readOnly: true, volumeAttributes: { secretProviderClass } },
		})),
	};
}

/** Makes a pod of the namespace's account `default`, which is not waited for. */
export async function createPod(site: Site, options: PodOptions): Promise<MadePod> {
	const { namespace, name } = options;
	const metadata = { name, namespace, annotations: site.podAnnotations };
	const pod = await site.objects.create({ apiVersion: "v1", kind: "Pod", metadata, spec: podSpec(options) });
	return { namespace, name, uid: textField(pod, "metadata", "uid") };
}

/** Makes a pod and waits until it is Ready. */
export async function runPod(site: Site, options: PodOptions): Promise<MadePod> {
	const pod = await createPod(site, options);
	await untilReady(site, pod);
	return pod;
}

export async function createDeployment(site: Site, replicas: number, options: PodOptions): Promise<void> {
	const { namespace, name } = options;
	const labels = { app: name };
	await site.objects.create({
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name, namespace },
		spec: {
			replicas,
			selector: { matchLabels: labels },
			template: { metadata: { labels, annotations: site.podAnnotations }, spec: podSpec(options) },
		},
	});
}

/** The pods of a deployment, once as many are Ready. */
export async function podsOfDeployment(site: Site, namespace: string, name: string, replicas: number): Promise<readonly MadePod[]> {
	const all = () => site.objects.list({ apiVersion: "v1", kind: "Pod", namespace }, `app=${name}`);
	await explain(site, namespace, () =>
		waitFor(`deployment ${name}`, [], async () => (await all()).filter(isReady).length === replicas, 120),
	);
	return (await all()).map((pod) => ({ namespace, name: textField(pod, "metadata", "name"), uid: textField(pod, "metadata", "uid") }));
}

/** @throws Error with the namespace's events when the pod is not Ready in time */
export async function untilReady(site: Site, { namespace, name }: MadePod, limitSeconds = 60): Promise<void> {
	const ready = async () => isReady(await site.objects.find({ apiVersion: "v1", kind: "Pod", namespace, name }));
	await explain(site, namespace, () => waitFor(`pod ${name}`, [], ready, limitSeconds));
}

async function explain(site: Site, namespace: string, wait: () => Promise<void>): Promise<void> {
	try {
		await wait();
	} catch (error) {
		const events = await podEvents(site, { namespace });
		throw new Error(`${String(error)}\n${events.join("\n")}\n${await site.provider.log()}\n${site.node.log()}`, { cause: error });
	}
}

/** Whether a pod's condition Ready holds. */
export function isReady(pod: unknown): boolean {
	return listAt(pod, "status", "conditions").some(
		(condition) => field(condition, "type") === "Ready" && field(condition, "status") === "True",
	);
}

/** What the events of a pod say, or of all objects of its namespace, each with its reason in front. */
export async function podEvents(
	site: Site,
	{ namespace, name }: { readonly namespace: string; readonly name?: string },
): Promise<readonly string[]> {
	const events = await site.objects.list({ apiVersion: "v1", kind: "Event", namespace });
	return events
		.filter((event) => name === undefined || field(event, "involvedObject", "name") === name)
		.map((event) => `${String(field(event, "reason"))} ${String(field(event, "message"))}`);
}

/** Deletes a pod and waits until its object is gone. */
export async function deletePod(site: Site, { namespace, name, uid }: MadePod): Promise<void> {
	const reference = { apiVersion: "v1", kind: "Pod", namespace, name };
	await site.objects.delete(reference);
	const gone = async () => field(await site.objects.find(reference), "metadata", "uid") !== uid;
	await waitFor(`the end of pod ${name}`, [], gone);
}

/** Sets annotations of a pod, after which kubelet looks after it. */
export async function annotate(site: Site, { namespace, name }: MadePod, annotations: Readonly<Record<string, string>>): Promise<void> {
	await site.objects.change({ apiVersion: "v1", kind: "Pod", namespace, name }, { metadata: { annotations } });
}

/** What a file of a volume holds, or undefined when it is not there, also in the instant in which the driver swaps the folders. */
export function volumeContent(site: Site, pod: MadePod, path: string, index = 0): string | undefined {
	try {
		return readFileSync(site.node.volumeFile(pod.uid, volumeName(index), path), "utf8");
	} catch {
		return undefined;
	}
}

/** The ids of a pod's containers. */
export function containerIds(pod: unknown): readonly string[] {
	return listAt(pod, "status", "containerStatuses").map((status) => textField(status, "containerID"));
}

/** Runs a command of the shell in the pod's container, and returns what it says. */
export async function inPod(site: Site, { namespace, name }: MadePod, script: string): Promise<string> {
	const [id = ""] = containerIds(await site.objects.find({ apiVersion: "v1", kind: "Pod", namespace, name }));
	const [program, ...parameters] = site.node.inContainer(id, "sh", "-c", script);
	return (await run(program, parameters)).stdout;
}

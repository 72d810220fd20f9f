import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Pod } from "../../provider/plan/mount-request.ts";
import { type Manifest, readManifests } from "../manifests/read-manifests.ts";
import { field, textField } from "../servers/kubernetes/api-client.ts";
import type { Cluster } from "../servers/kubernetes/cluster.ts";

const collections: Readonly<Record<string, string>> = {
	ClusterRole: "clusterroles",
	ClusterRoleBinding: "clusterrolebindings",
	ValidatingAdmissionPolicy: "validatingadmissionpolicies",
	ValidatingAdmissionPolicyBinding: "validatingadmissionpolicybindings",
};

/** A pod object on a node, with where the API server has it. */
export interface NodePod extends Pod {
	readonly path: string;
}

export interface NodePodOptions {
	readonly node?: string;
	/** Default: one of the driver. */
	readonly volumes?: readonly object[];
	readonly name?: string;
}

const driverVolume = {
	name: "secrets",
	csi: { driver: "secrets-store.csi.k8s.io", readOnly: true, volumeAttributes: { secretProviderClass: "app" } },
};

/** Makes a pod object of service account shop/web, with a label and an annotation of its own. */
export async function nodePod(
	cluster: Cluster,
	{ node, volumes = [driverVolume], name = `pod-${randomUUID()}` }: NodePodOptions,
): Promise<NodePod> {
	const { status, body } = await cluster.request("POST", "/api/v1/namespaces/shop/pods", {
		metadata: { name, labels: { app: "web" }, annotations: { kept: "as it is" } },
		spec: {
			serviceAccountName: "web",
			containers: [{ name: "main", image: "none" }],
			volumes,
			...(node === undefined ? {} : { nodeName: node }),
		},
	});
	if (status !== 201) throw new Error(`the pod was answered ${status}: ${JSON.stringify(body)}`);
	const uid = textField(body, "metadata", "uid");
	return { name, namespace: "shop", serviceAccount: "web", uid, path: `/api/v1/namespaces/shop/pods/${name}` };
}

/**
 * Applies manifests/deploy/push as an administrator does, and waits until the API server enforces it.
 *
 * @returns the token of a provider on the node: bound to its pod there, as the one that kubelet projects is
 */
export async function installPush(cluster: Cluster, node: string): Promise<string> {
	await cluster.createServiceAccount("claviger-system", "claviger");
	for (const object of readManifests("deploy/push")) {
		const { status, body } = await cluster.request("POST", `${collection(object)}?fieldValidation=Strict`, object);
		if (status !== 201) throw new Error(`${object.kind} was answered ${status}: ${JSON.stringify(body)}`);
	}
	const token = await providerToken(cluster, node);
	const elsewhere = await nodePod(cluster, { node: "elsewhere" });
	const deadline = Date.now() + 30_000;
	for (;;) {
		// Another value each time, because the first ones may get through.
		const { body } = await cluster.request("PATCH", elsewhere.path, { metadata: { labels: { app: randomUUID() } } }, token);
		if (String(field(body, "message")).includes("ValidatingAdmissionPolicy 'claviger-push'")) break;
		if (Date.now() > deadline) throw new Error(`the fence does not stand: ${JSON.stringify(body)}`);
		await delay(100);
	}
	await cluster.request("DELETE", `${elsewhere.path}?gracePeriodSeconds=0`);
	return token;
}

function collection({ apiVersion, kind }: Manifest): string {
	return `/apis/${apiVersion}/${collections[kind]}`;
}

async function providerToken(cluster: Cluster, node: string): Promise<string> {
	const { body } = await cluster.request("POST", "/api/v1/namespaces/claviger-system/pods", {
		metadata: { name: "claviger-0" },
		spec: { serviceAccountName: "claviger", nodeName: node, containers: [{ name: "provider", image: "none", imagePullPolicy: "Never" }] },
	});
	const pod = { name: "claviger-0", namespace: "claviger-system", serviceAccount: "claviger", uid: textField(body, "metadata", "uid") };
	return cluster.token("claviger-system", "claviger", { audience: cluster.address, pod });
}

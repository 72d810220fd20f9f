import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "../../provider/plan/mount-request.ts";
import { installPush } from "../kubernetes/push-support.ts";
import { type GuardedProcess, startGuarded } from "../servers/guarded-process.ts";
import { field, textField } from "../servers/kubernetes/api-client.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { type NodeOptions, startNode, type TestNode } from "../servers/kubernetes/node.ts";
import { busyboxImage } from "../servers/kubernetes/node-packages.ts";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { enableKv, startVault, type VaultServer, writeJwtRole, writePolicy } from "../servers/vault/vault.ts";

/** A cluster with one node, and a Vault that trusts its tokens: role `shop` reads `secret/data/shop/*`. */
export interface Surroundings {
	readonly cluster: Cluster;
	readonly node: TestNode;
	readonly vault: VaultServer;
	stop(): Promise<void>;
}

const startScript = join(import.meta.dirname, "../../provider/start.js");

export async function startSurroundings(options: NodeOptions): Promise<Surroundings> {
	const stack = new AsyncDisposableStack();
	try {
		const cluster = await startCluster();
		stack.defer(() => cluster.stop());
		const node = await startNode(cluster, options);
		stack.defer(() => node.stop());
		const vault = await startVault(undefined);
		stack.defer(() => vault.stop());
		await trustCluster(vault, cluster);
		await cluster.createServiceAccount("shop", "web");
		const token = await installPush(cluster, node.name);
		writeFileSync(join(cluster.directory, "provider-token"), token, { mode: 0o600 });
		const all = stack.move();
		return { cluster, node, vault, stop: () => all.disposeAsync() };
	} catch (error) {
		await stack.disposeAsync();
		throw error;
	}
}

async function trustCluster(vault: VaultServer, cluster: Cluster): Promise<void> {
	await enableKv(vault, "secret", 2);
	await writePolicy(vault, "shop", { "secret/data/shop/*": ["read"] });
	await vault.api("POST", "sys/auth/jwt", { type: "jwt" });
	await vault.api("POST", "auth/jwt/config", {
		jwt_validation_pubkeys: [readFileSync(join(cluster.directory, "sa.pub"), "utf8")],
		bound_issuer: cluster.address,
	});
	await writeJwtRole(vault, { name: "shop", policies: ["shop"], account: { namespace: "shop", serviceAccount: "web" } });
}

/** The project's provider, in a process of its own. */
export interface RunningProvider {
	readonly process: GuardedProcess;
	/** The times at which volumes of a pod were delivered, in milliseconds since the epoch. */
	deliveries(podUid: string): readonly number[];
}

/** Starts `claviger serve` as the DaemonSet does, with the provider's own token of that node. */
export async function startProvider(surroundings: Surroundings, name: string, flags: readonly string[]): Promise<RunningProvider> {
	const { cluster, node, vault } = surroundings;
	const directory = join(cluster.directory, name);
	mkdirSync(directory);
	const [policy, versionKey, audit] = [join(directory, "policy.yaml"), join(directory, "version-key"), join(directory, "audit.jsonl")];
	writeFileSync(policy, `profile: strict\nstores:\n  vault: {type: vault, address: "${vault.address}", authMount: jwt, role: shop}\n`);
	writeFileSync(versionKey, randomBytes(32));
	const program = startGuarded(
		process.execPath,
		[
			startScript,
			"serve",
			...["--socket-dir", node.providers, "--providers", "claviger", "--policy", policy, "--http", "off", "--audit", audit],
			...["--version-key", versionKey, "--node-name", node.name, "--drain-seconds", "1"],
			...["--kubernetes-api", cluster.address, "--kubernetes-ca", cluster.caFile],
			...["--kubernetes-token-file", join(cluster.directory, "provider-token")],
			...flags,
		],
		{ logFile: join(directory, "log") },
	);
	await waitFor("the provider", [program], async () => existsSync(join(node.providers, "claviger.sock")));
	return { process: program, deliveries: (podUid) => readDeliveries(audit, podUid) };
}

function readDeliveries(file: string, podUid: string): readonly number[] {
	const records = readFileSync(file, "utf8").split("\n").slice(0, -1);
	return records
		.map((line): unknown => JSON.parse(line))
		.filter((record) => field(record, "podUid") === podUid && field(record, "decision") === "deliver")
		.map((record) => Date.parse(textField(record, "time")));
}

/** Makes a class of the native dialect, with one file of the same name for each secret below `secret/shop`. */
export async function createClass(cluster: Cluster, name: string, secrets: readonly string[]): Promise<void> {
	const objects = secrets.map((secret) => ({ name: secret, store: "vault", path: `secret/data/shop/${secret}`, key: "value" }));
	const files = secrets.map((secret) => ({ path: secret, from: secret }));
	const { status, body } = await cluster.request("POST", "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/shop/secretproviderclasses", {
		apiVersion: "secrets-store.csi.x-k8s.io/v1",
		kind: "SecretProviderClass",
		metadata: { name },
		spec: { provider: "claviger", parameters: { stores: "[vault]", objects: JSON.stringify(objects), files: JSON.stringify(files) } },
	});
	if (status !== 201) throw new Error(`the class was answered ${status}: ${JSON.stringify(body)}`);
}

/** Runs a pod of shop/web with a class mounted at `/secrets`, and waits until it runs. */
export async function runPod({ cluster, node }: Surroundings, name: string, secretProviderClass: string, script: string): Promise<Pod> {
	const collection = "/api/v1/namespaces/shop/pods";
	const { status, body } = await cluster.request("POST", collection, {
		metadata: { name },
		spec: {
			serviceAccountName: "web",
			automountServiceAccountToken: false,
			terminationGracePeriodSeconds: 1,
			containers: [
				{
					name: "main",
					image: busyboxImage,
					command: ["sh", "-c", script],
					volumeMounts: [{ name: "secrets", mountPath: "/secrets", readOnly: true }],
				},
			],
			volumes: [
				{ name: "secrets", csi: { driver: "secrets-store.csi.k8s.io", readOnly: true, volumeAttributes: { secretProviderClass } } },
			],
		},
	});
	if (status !== 201) throw new Error(`the pod was answered ${status}: ${JSON.stringify(body)}`);
	try {
		await waitFor(`pod ${name}`, [], async () => {
			const pod = await cluster.request("GET", `${collection}/${name}`);
			return field(pod.body, "status", "phase") === "Running";
		});
	} catch (error) {
		const events = await cluster.request("GET", "/api/v1/namespaces/shop/events");
		throw new Error(`${String(error)}\n${JSON.stringify(events.body)}\n${node.log()}`);
	}
	return { name, namespace: "shop", serviceAccount: "web", uid: textField(body, "metadata", "uid") };
}

import { chownSync } from "node:fs";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { type NodeOptions, startNode, type TestNode } from "../servers/kubernetes/node.ts";
import { Objects } from "../servers/kubernetes/objects.ts";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { providerImage } from "./image.ts";
import { Installation, type InstallationOptions } from "./installation.ts";
import { offers, type RunningStore, type StoreCase, type StoreOffer } from "./store-case.ts";

/** The user of the image. */
const providerUser = 65532;

/** The namespaces in which the pods of the suites are; the stores know their accounts `default`. */
export const namespaces = ["default", "test-ns"] as const;

export interface SiteOptions extends NodeOptions {
	/** Default `60s`. */
	readonly pollInterval?: string;
	/** Whether changes are pushed; default false. */
	readonly push?: boolean;
	/** Default `root`. */
	readonly runAs?: InstallationOptions["runAs"];
	/** The names of the stores to start; all unless given. */
	readonly stores?: readonly string[];
}

/** A cluster with one node, every store, and Claviger installed for them. */
export interface Site {
	readonly node: TestNode;
	readonly objects: Objects;
	readonly provider: Installation;
	/** What the provider was installed with. */
	readonly installed: InstallationOptions;
	/** What every pod is annotated with. */
	readonly podAnnotations: Readonly<Record<string, string>>;
	/** A case by its name. */
	storeCase(name: string): StoreCase;
	/** How often stores were called so far. */
	storeCalls(): number;
	/** How many calls it takes to log in and to read every secret of all cases once. */
	readonly callsForAll: number;
	stop(): Promise<void>;
}

/** Starts all of it; one test file shares one. */
export async function startSite(options: SiteOptions = {}): Promise<Site> {
	await using stack = new AsyncDisposableStack();
	const cluster = await startCluster();
	stack.defer(() => cluster.stop());
	const taking = offers.filter(({ name }) => options.stores?.includes(name) ?? true);
	const node = await startNode(cluster, { audiences: [...new Set(taking.flatMap(({ audiences }) => audiences))], ...options });
	stack.defer(() => node.stop());
	const image = providerImage(cluster.directory);
	node.importImages(image.archive);
	const objects = new Objects(cluster);
	for (const name of namespaces) await makeNamespace(objects, name);
	const stores = await startStores(taking, cluster, node, stack);
	const provider = new Installation(objects, node);
	// As an administrator prepares a node for a provider that is not root.
	if (options.runAs === "nonRoot") chownSync(node.providers, providerUser, providerUser);
	const installed = installationOptions(image.name, taking, stores, options);
	await provider.apply(installed);
	const cases = new Map(stores.flatMap((store) => [...store.cases]));
	const all = stack.move();
	return {
		...{ node, objects, provider, installed },
		podAnnotations: merged(stores.map(({ podAnnotations }) => podAnnotations)),
		storeCase(name) {
			const found = cases.get(name);
			if (found === undefined) throw new Error(`no store has a case ${name}`);
			return found;
		},
		storeCalls: () => stores.reduce((sum, store) => sum + store.calls(), 0),
		callsForAll: stores.reduce((sum, store) => sum + store.callsForAll, 0),
		stop: () => all.disposeAsync(),
	};
}

/** Makes a namespace unless it is there, and waits for the account that the controllers make in it. */
export async function makeNamespace(objects: Objects, name: string): Promise<void> {
	await objects.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
	const account = { apiVersion: "v1", kind: "ServiceAccount", namespace: name, name: "default" };
	await waitFor(`the account of ${name}`, [], async () => (await objects.find(account)) !== undefined);
}

async function startStores(
	taking: readonly StoreOffer[],
	cluster: Cluster,
	node: TestNode,
	stack: AsyncDisposableStack,
): Promise<readonly RunningStore[]> {
	let addresses = 0;
	const newAddress = () => {
		addresses += 1;
		return `10.0.0.${99 + addresses}`;
	};
	const started = await Promise.allSettled(taking.map((offer) => offer.start({ cluster, node, newAddress, namespaces })));
	const stores = started.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
	for (const store of stores) stack.defer(() => store.stop());
	for (const result of started) if (result.status === "rejected") throw result.reason;
	return stores;
}

function installationOptions(
	image: string,
	taking: readonly StoreOffer[],
	stores: readonly RunningStore[],
	options: SiteOptions,
): InstallationOptions {
	const policies = stores.map(({ policy }) => policy);
	return {
		image,
		providers: ["claviger", ...taking.flatMap(({ providers }) => providers)],
		policy: {
			endpoints: policies.flatMap(({ endpoints }) => endpoints ?? []),
			stores: merged(policies.map((policy) => policy.stores)),
			dialects: merged(policies.map(({ dialects }) => dialects)),
		},
		values: merged(stores.map(({ values }) => values)),
		volumes: stores.flatMap(({ volume }) => volume ?? []),
		hostAliases: stores.flatMap(({ hostAliases }) => hostAliases ?? []),
		authorities: stores.flatMap(({ authority }) => authority ?? []).join("\n"),
		pollInterval: options.pollInterval ?? "60s",
		push: options.push ?? false,
		runAs: options.runAs ?? "root",
	};
}

/** All entries of some records, of which any may be missing. */
function merged<Value>(records: readonly (Readonly<Record<string, Value>> | undefined)[]): Readonly<Record<string, Value>> {
	return Object.fromEntries(records.flatMap((record) => Object.entries(record ?? {})));
}

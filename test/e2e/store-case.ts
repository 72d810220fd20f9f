import { globSync } from "node:fs";
import { join } from "node:path";
import type { Values } from "../manifests/helm.ts";
import type { Cluster } from "../servers/kubernetes/cluster.ts";
import type { TestNode } from "../servers/kubernetes/node.ts";

/** One SecretProviderClass of a store, and what happens to its secrets. */
export interface StoreCase {
	readonly provider: string;
	/** The parameters of the class, which some stores want to be each namespace's own. */
	parameters(namespace: string): Readonly<Record<string, string>>;
	/** What the volume's files hold, by their paths. */
	readonly files: ReadonlyMap<string, string>;
	/** The files that become keys of a Secret, by the keys. */
	readonly sync: Readonly<Record<string, string>>;
	/** The file that {@link change} changes; the others stay as they are. */
	readonly changing: string;
	/** The file whose secret {@link revoke} takes away, and {@link restore} brings back as it was. */
	readonly revocable: string;
	/** What becomes of that file meanwhile: today's providers, and so their dialects, leave it. */
	readonly onRevoked: "removed" | "kept";
	/** What the events of a pod say whose account the store does not know. */
	readonly refusal: RegExp;
	/** Where {@link change} writes: in the store, or in the classes themselves, which kubelet looks at and no provider. */
	readonly changesIn: "store" | "class";
	/** Gives the secret of `changing` another value and says it. */
	change(): Promise<string>;
	revoke(): Promise<void>;
	restore(): Promise<void>;
}

/** A store that is running, and has the secrets of its cases. */
export interface RunningStore {
	/** What the provider's policy file says for it. */
	readonly policy: Policy;
	/** What else it needs of the chart's values. */
	readonly values?: Values;
	/** The names under which the provider finds it, as the chart's `hostAliases` have them. */
	readonly hostAliases?: readonly HostAlias[];
	/** The authority of its servers' certificates, PEM, where the provider is to trust it for all stores. */
	readonly authority?: string;
	/** What pods are annotated with that mount its classes. */
	readonly podAnnotations?: Readonly<Record<string, string>>;
	/** A folder that the provider needs of it. */
	readonly volume?: StoreVolume;
	/** The cases by their names. */
	readonly cases: ReadonlyMap<string, StoreCase>;
	/** How often the store was called so far; 0 for one that is called without a network. */
	calls(): number;
	/** How many calls it takes to log in and to read every secret of all cases once. */
	readonly callsForAll: number;
	stop(): Promise<void>;
}

/** As in a pod's `hostAliases`. */
export interface HostAlias {
	readonly ip: string;
	readonly hostnames: readonly string[];
}

/** A folder of the node that the provider's pod has at a path of its own. */
export interface StoreVolume {
	readonly name: string;
	readonly folder: string;
	readonly mountPath: string;
}

/** Parts of a policy file, in its own words. */
export interface Policy {
	readonly endpoints?: readonly (string | object)[];
	readonly stores?: Readonly<Record<string, object>>;
	readonly dialects?: Readonly<Record<string, object>>;
}

/** Where a store is started. */
export interface StorePlace {
	readonly cluster: Cluster;
	readonly node: TestNode;
	/** An address of the node's network that nobody else has; each call gives another one. */
	newAddress(): string;
	/** The namespaces whose service account `default` may read. */
	readonly namespaces: readonly string[];
}

/** What each file of `stores/` exports as `offer`: a store that takes part in every suite. */
export interface StoreOffer {
	readonly name: string;
	/** What the provider serves for it beside `claviger`. */
	readonly providers: readonly string[];
	/** The audiences of the tokens that its cases take. */
	readonly audiences: readonly string[];
	/** The names of its cases, which are those of objects in the cluster too. */
	readonly cases: readonly string[];
	start(place: StorePlace): Promise<RunningStore>;
}

async function readOffer(file: string): Promise<StoreOffer> {
	const module = (await import(file)) as { readonly offer: StoreOffer };
	return module.offer;
}

const folder = join(import.meta.dirname, "stores");

/** Every store, by the files that there are. */
export const offers: readonly StoreOffer[] = await Promise.all(
	globSync("*.ts", { cwd: folder })
		.sort()
		.map((file) => readOffer(join(folder, file))),
);

/** The names of all cases. */
export const caseNames: readonly string[] = offers.flatMap(({ cases }) => cases);

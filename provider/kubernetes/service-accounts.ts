import { LRUCache } from "lru-cache";
import { ProviderError } from "../errors.ts";
import type { AnnotationSource } from "../policy/annotation-source.ts";
import { Flights } from "../shared/flights.ts";
import type { KubernetesClient } from "./client.ts";

/** More than a node has pods. */
const maximumAnnotations = 4096;
const freshMilliseconds = 60_000;
/** What an account lacks is mostly being added right now. */
const lackingMilliseconds = 5_000;

type Account = Parameters<AnnotationSource["annotation"]>[0];

/** What an account says under one key; undefined for nothing. */
interface Annotation {
	readonly value: string | undefined;
}

/**
 * Service accounts' annotations, each read once a minute at most while pods of the account mount. Only metadata is
 * asked for.
 */
export class ServiceAccounts implements AnnotationSource {
	readonly #client: Pick<KubernetesClient, "getMetadata">;
	readonly #reads = new Flights<Annotation>();
	/** By account and key: of a big set of annotations nothing else stays in memory. */
	readonly #known = new LRUCache<string, Annotation>({ max: maximumAnnotations });

	constructor(client: Pick<KubernetesClient, "getMetadata">) {
		this.#client = client;
	}

	async annotation(account: Account, key: string, signal: AbortSignal): Promise<string | undefined> {
		const wanted = `${account.namespace}/${account.serviceAccount} ${key}`;
		const known = this.#known.get(wanted);
		if (known !== undefined) return known.value;
		const found = await this.#reads.join(wanted, signal, (attempt) => this.#read(account, key, attempt));
		this.#known.set(wanted, found, { ttl: found.value === undefined ? lackingMilliseconds : freshMilliseconds });
		return found.value;
	}

	async #read({ namespace, serviceAccount }: Account, key: string, signal: AbortSignal): Promise<Annotation> {
		const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(serviceAccount)}`;
		const { status, body } = await this.#client.getMetadata(path, signal);
		if (status !== 200) throw refusal(namespace, serviceAccount, status);
		const { metadata } = (body ?? {}) as { metadata?: { annotations?: Readonly<Record<string, unknown>> } };
		const annotations = metadata?.annotations ?? {};
		const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
		return { value: typeof value === "string" ? value : undefined };
	}
}

function refusal(namespace: string, serviceAccount: string, status: number): ProviderError {
	const account = `${namespace}/${serviceAccount}`;
	if (status === 404) {
		const remedy = `Create it: kubectl create serviceaccount ${serviceAccount} --namespace ${namespace}`;
		return new ProviderError("invalid", `There is no service account ${account}.`, { remedy });
	}
	const message = `The API server answered ${status} to get of the service account ${account}.`;
	if (status !== 401 && status !== 403)
		return new ProviderError("unreachable", message, { remedy: "It is tried again; check the API server." });
	// Not `denied`: that would be a store's word on the pod's secrets.
	return new ProviderError("invalid", message, {
		remedy:
			"Let the provider's own account get service accounts: install the chart with roleAnnotations.enabled=true, or apply manifests/deploy/role-annotations; or name the role in the SecretProviderClass.",
	});
}

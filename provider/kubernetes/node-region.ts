import { ProviderError } from "../errors.ts";
import { Flights } from "../shared/flights.ts";
import type { KubernetesClient } from "./client.ts";

/** Kubernetes, "Well-Known Labels, Annotations and Taints". */
const label = "topology.kubernetes.io/region";
/** A look that failed is not repeated sooner: many mounts may want it at once. */
const pauseMilliseconds = 5_000;

/** The region of the cloud that a node lies in: read once, because a node does not move. */
export class NodeRegion {
	readonly #client: Pick<KubernetesClient, "getMetadata">;
	readonly #node: string;
	readonly #reads = new Flights<string>();
	#region: string | undefined;
	#failure: { readonly error: ProviderError; readonly until: number } | undefined;

	constructor(client: Pick<KubernetesClient, "getMetadata">, node: string) {
		this.#client = client;
		this.#node = node;
	}

	/** @throws ProviderError `invalid` when the node has none or may not be read, `unreachable` when there is no answer */
	async find(signal: AbortSignal): Promise<string> {
		if (this.#region !== undefined) return this.#region;
		if (this.#failure !== undefined && performance.now() < this.#failure.until) throw this.#failure.error;
		try {
			this.#region = await this.#reads.join("", signal, (attempt) => this.#read(attempt));
			return this.#region;
		} catch (reason) {
			const error = ProviderError.from(reason);
			if (!signal.aborted) this.#failure = { error, until: performance.now() + pauseMilliseconds };
			throw error;
		}
	}

	async #read(signal: AbortSignal): Promise<string> {
		const { status, body } = await this.#client.getMetadata(`/api/v1/nodes/${encodeURIComponent(this.#node)}`, signal);
		if (status !== 200) throw refusal(this.#node, status);
		const { metadata } = (body ?? {}) as { metadata?: { labels?: Readonly<Record<string, unknown>> } };
		const region = metadata?.labels?.[label];
		if (typeof region === "string" && region !== "") return region;
		throw new ProviderError("invalid", `The node ${this.#node} has no label ${label}.`, {
			remedy: "Write the region in the SecretProviderClass or in the policy file, or set AWS_REGION.",
		});
	}
}

function refusal(node: string, status: number): ProviderError {
	const message = `The API server answered ${status} to get of the node ${node}.`;
	if (status !== 401 && status !== 403) {
		const remedy = "It is tried again; check the API server and --node-name.";
		return new ProviderError(status === 404 ? "invalid" : "unreachable", message, { remedy });
	}
	return new ProviderError("invalid", message, {
		remedy:
			"Write the region in the SecretProviderClass or in the policy file, or let the provider's own account get nodes: install the chart with nodeRegion.enabled=true.",
	});
}

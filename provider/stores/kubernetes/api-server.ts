import { ProviderError } from "../../errors.ts";
import { parseAddress } from "../../net/address.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { LineStream } from "../../net/line-stream.ts";
import { Transport, type TransportOptions } from "../../net/transport.ts";
import type { ClusterAccess } from "../../shared/cluster-access.ts";
import { withRetries } from "../../shared/retry.ts";
import { RetryBudget } from "../../shared/retry-budget.ts";
import type { Secret } from "../../shared/secret.ts";
import type { StoreContext } from "../store.ts";
import type { KubernetesInstance } from "./instance.ts";
import type { KubernetesRef } from "./ref.ts";
import { bearer } from "./token.ts";

/** What a call needs from the context of its session. */
export type CallContext = Pick<StoreContext, "schedule" | "allowsAddress">;

/** An API server answers within milliseconds. */
const callMilliseconds = 10_000;
/** A Secret is 1 MiB at most, in base64 a third more, with annotations and what managers of its fields have noted. */
const maximumBytes = 4 * 1024 * 1024;
/** Metadata alone; without the data, only annotations can make it large. */
const maximumLineBytes = 1024 * 1024;
/** Bookmarks come once a minute; after more than two without any the connection is taken for dead. */
const idleMilliseconds = 150_000;
const metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/** The connections to one API server, shared by all sessions; they keep no token. */
export class ApiServer {
	readonly #transport: Transport;
	readonly #basePath: string;
	readonly #budget = new RetryBudget();

	/** @throws ProviderError `invalid` when this cluster is meant, and the process knows none */
	constructor(instance: KubernetesInstance, cluster: ClusterAccess | undefined) {
		const options = transportOptions(instance, cluster);
		this.#transport = new Transport(options);
		this.#basePath = options.address.basePath;
	}

	/**
	 * Asks for a Secret, again where that makes sense.
	 *
	 * @throws ProviderError as {@link Transport.request}
	 */
	get(ref: KubernetesRef, token: Secret, context: CallContext, signal: AbortSignal): Promise<HttpAnswer> {
		const path = `${this.#secrets(ref)}/${ref.secret}`;
		const headers = { accept: "application/json", "user-agent": "claviger", authorization: bearer(token) };
		const allowsAddress = (address: string) => context.allowsAddress(address);
		const limits = { timeoutMilliseconds: callMilliseconds, maximumBytes };
		const send = () => this.#transport.request({ method: "GET", path, headers, signal, allowsAddress, ...limits });
		return withRetries(send, signal, { budget: this.#budget, schedule: (task) => context.schedule(task, signal) });
	}

	/**
	 * Opens a watch of one Secret's metadata, which `resourceNames` of a role allow ("Efficient detection of changes" in the
	 * Kubernetes API concepts).
	 *
	 * @param from the resource version after which events are told; undefined: from now on, beginning with the Secret as it is
	 * @throws ProviderError as {@link Transport.stream}
	 */
	watch(
		ref: KubernetesRef,
		token: Secret,
		context: CallContext,
		options: { readonly from: string | undefined; readonly seconds: number; readonly signal: AbortSignal },
	): Promise<LineStream> {
		const { from, seconds, signal } = options;
		const selector = encodeURIComponent(`metadata.name=${ref.secret}`);
		const start = from === undefined ? "" : `&resourceVersion=${encodeURIComponent(from)}`;
		const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&fieldSelector=${selector}${start}`;
		const headers = { accept: metadata, "user-agent": "claviger", authorization: bearer(token) };
		const allowsAddress = (address: string) => context.allowsAddress(address);
		const limits = { timeoutMilliseconds: callMilliseconds, idleMilliseconds, maximumLineBytes };
		const open = () => this.#transport.stream({ path: `${this.#secrets(ref)}?${query}`, headers, signal, allowsAddress, ...limits });
		return context.schedule(open, signal);
	}

	#secrets({ namespace }: KubernetesRef): string {
		return `${this.#basePath}/api/v1/namespaces/${namespace}/secrets`;
	}
}

/** How a session reaches the API server. Nobody's proxy is between the provider and its own cluster's. */
export function transportOptions({ name, server }: KubernetesInstance, cluster: ClusterAccess | undefined): TransportOptions {
	if (server !== undefined) return server;
	const address = parseAddress(cluster?.address ?? "");
	if (cluster === undefined || "problem" in address) {
		throw new ProviderError("invalid", `The store ${JSON.stringify(name)} is this cluster's API server, and the provider knows none.`, {
			remedy: "Run the provider inside the cluster, or give --kubernetes-api and --kubernetes-ca.",
		});
	}
	return { address, tls: { caFile: cluster.caFile }, environment: {} };
}

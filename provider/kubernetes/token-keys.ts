import type { JSONWebKeySet } from "jose";
import { ProviderError } from "../errors.ts";
import type { KeySource } from "../policy/key-verifier.ts";
import { Flights } from "../shared/flights.ts";
import type { KubernetesClient } from "./client.ts";

/** Tokens with unknown keys must not turn into calls: the API server is asked again no sooner than this. */
const refreshMilliseconds = 10_000;
/** Keys that the cluster has withdrawn are forgotten after this. */
const freshMilliseconds = 3_600_000;

/**
 * The token keys that the API server publishes at `/openid/v1/jwks` (Kubernetes, "Service Account
 * Issuer Discovery"), asked for on first use and then kept.
 */
export class ApiServerKeys implements KeySource {
	readonly #client: KubernetesClient;
	readonly #calls = new Flights<JSONWebKeySet>();
	#known: { readonly keys: JSONWebKeySet; readonly time: number } | undefined;

	constructor(client: KubernetesClient) {
		this.#client = client;
	}

	async keys(signal: AbortSignal): Promise<JSONWebKeySet> {
		if (this.#known !== undefined && Date.now() - this.#known.time < freshMilliseconds) return this.#known.keys;
		return this.#fetch(signal);
	}

	async refresh(signal: AbortSignal): Promise<JSONWebKeySet> {
		if (this.#known !== undefined && Date.now() - this.#known.time < refreshMilliseconds) return this.#known.keys;
		return this.#fetch(signal);
	}

	#fetch(signal: AbortSignal): Promise<JSONWebKeySet> {
		return this.#calls.join("", signal, async (attempt) => {
			const { status, body } = await this.#client.call("GET", "/openid/v1/jwks", attempt);
			if (status !== 200 || !isKeySet(body)) {
				throw new ProviderError("unreachable", `The API server answered ${status} when asked for its token keys.`, {
					remedy: "Bind the provider's service account to the ClusterRole system:service-account-issuer-discovery, or give --token-keys.",
				});
			}
			this.#known = { keys: body, time: Date.now() };
			return body;
		});
	}
}

function isKeySet(body: unknown): body is JSONWebKeySet {
	return typeof body === "object" && body !== null && "keys" in body && Array.isArray(body.keys);
}

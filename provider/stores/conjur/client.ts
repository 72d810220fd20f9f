import type { HttpAnswer } from "../../net/exchange.ts";
import { Transport } from "../../net/transport.ts";
import { withRetries } from "../../shared/retry.ts";
import { RetryBudget } from "../../shared/retry-budget.ts";
import type { Secret } from "../../shared/secret.ts";
import type { StoreContext } from "../store.ts";
import type { ConjurInstance } from "./instance.ts";
import { Suspects } from "./suspects.ts";

/** What a call needs from the caller's context. */
export type CallContext = Pick<StoreContext, "schedule" | "allowsAddress">;

/** One request of the API. */
export interface ConjurCall {
	readonly method: "GET" | "POST";
	/** Below the address, starts with `/`, encoded, with its query. */
	readonly path: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
	/** The header's value that proves the session; a login has none. */
	readonly authorization?: Secret;
	readonly signal: AbortSignal;
}

const callMilliseconds = 20_000;
/** A volume takes less than 4 MiB, which base64 makes a third longer; a batch may serve several volumes. */
const maximumBytes = 8 * 1024 * 1024;

/** What all sessions of one instance share: connections, how much the server may be asked again, and what it has refused. */
export class ConjurClient {
	readonly suspects = new Suspects();
	/** Whether the server has the batch of Conjur Cloud, as far as is known. */
	hasValuesBatch: boolean;
	readonly #instance: ConjurInstance;
	readonly #transport: Transport;
	readonly #budget = new RetryBudget();

	constructor(instance: ConjurInstance) {
		this.#instance = instance;
		this.hasValuesBatch = instance.isCloud;
		this.#transport = new Transport({ address: instance.address, tls: instance.tls });
	}

	/** The URL of a call, as error texts show it. */
	url(path: string): string {
		return `${this.#instance.address.text}${path}`;
	}

	/**
	 * Sends a call, again where that makes sense; any status is an answer, except redirects.
	 *
	 * @throws ProviderError as {@link Transport.request}, and `unreachable` while the server wants to be left alone for long
	 */
	send(call: ConjurCall, { schedule, allowsAddress }: CallContext): Promise<HttpAnswer> {
		const { method, path, headers, body, authorization, signal } = call;
		const proof = authorization === undefined ? {} : { authorization: authorization.reveal().toString("latin1") };
		const attempt = () =>
			this.#transport.request({
				method,
				path: `${this.#instance.address.basePath}${path}`,
				headers: { "user-agent": "claviger", ...headers, ...proof },
				...(body === undefined ? {} : { body }),
				signal,
				timeoutMilliseconds: callMilliseconds,
				maximumBytes,
				allowsAddress: (address) => allowsAddress(address),
			});
		return withRetries(attempt, signal, { budget: this.#budget, schedule: (task) => schedule(task, signal) });
	}
}

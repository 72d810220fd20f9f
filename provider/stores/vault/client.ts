import type NodeVault from "node-vault";
import type { HttpAnswer } from "../../net/exchange.ts";
import { Transport } from "../../net/transport.ts";
import { withRetries } from "../../shared/retry.ts";
import { RetryBudget } from "../../shared/retry-budget.ts";
import type { Secret } from "../../shared/secret.ts";
import type { StoreContext } from "../store.ts";
import type { VaultInstance } from "./instance.ts";

/** One request of the API. */
export interface VaultCall {
	readonly method: string;
	/** Below `/v1`, starts with `/`, encoded, with its query. */
	readonly path: string;
	readonly body?: string | undefined;
	/** The session's token; a login has none. */
	readonly token?: Secret;
	readonly signal: AbortSignal;
}

/** What a call needs from the caller's context. */
export type CallContext = Pick<StoreContext, "schedule" | "allowsAddress">;

const apiVersion = "v1";
const callMilliseconds = 30_000;

/** What our transport hook receives from node-vault: the options of the call, completed by it. */
interface HookOptions {
	readonly method: string;
	readonly uri: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly exchange: Exchange;
}

interface Exchange {
	readonly call: VaultCall;
	readonly context: CallContext;
	answer?: HttpAnswer;
}

/**
 * The client of one instance, shared by all its sessions: it keeps connections, and no token. node-vault builds
 * the requests; our own transport carries them through its `request-promise` hook, so axios is never called.
 */
export class VaultClient {
	readonly #instance: VaultInstance;
	readonly #endpoint: string;
	readonly #transport: Transport;
	readonly #requests: NodeVault.client;
	readonly #budget = new RetryBudget();

	private constructor(instance: VaultInstance, makeRequests: typeof NodeVault) {
		const { address } = instance;
		this.#instance = instance;
		this.#endpoint = address.socketPath === undefined ? address.text : `http://${address.host}`;
		this.#transport = new Transport({ address, tls: instance.tls });
		const requests = makeRequests({
			apiVersion,
			endpoint: this.#endpoint,
			// Neither DEBUG=node-vault nor its generated commands, which would keep the last login's token.
			debug: () => undefined,
			commands: {},
			"request-promise": { defaults: () => (options: HookOptions) => this.#carry(options) },
		});
		// It fills these from VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX when the options leave them empty.
		this.#requests = Object.assign(requests, { token: "", namespace: "", pathPrefix: "" });
	}

	/** Loads node-vault, which only those pay for who use Vault. */
	static async create(instance: VaultInstance): Promise<VaultClient> {
		const { default: makeRequests } = await import("node-vault");
		return new VaultClient(instance, makeRequests);
	}

	/** The URL of a call, as error texts show it. */
	url(path: string): string {
		return `${this.#endpoint}/${apiVersion}${path}`;
	}

	/**
	 * Sends a call, again where that makes sense; any status is an answer, except redirects.
	 *
	 * @throws ProviderError as {@link Transport.request}, and `unreachable` while the server wants to be left alone for long
	 */
	async send(call: VaultCall, context: CallContext): Promise<HttpAnswer> {
		return withRetries(() => this.#sendOnce(call, context), call.signal, {
			budget: this.#budget,
			schedule: (task) => context.schedule(task, call.signal),
		});
	}

	async #sendOnce(call: VaultCall, context: CallContext): Promise<HttpAnswer> {
		const exchange: Exchange = { call, context };
		try {
			// A fresh headers object for each call: node-vault writes into it.
			await this.#requests.request({ path: call.path, method: call.method, headers: this.#headers(call), exchange });
		} catch (error) {
			// Its errors for statuses say less than the answer itself; without an answer the error is the transport's.
			if (exchange.answer === undefined) throw error;
		}
		if (exchange.answer === undefined) throw new Error("node-vault did not use the transport it was given");
		return exchange.answer;
	}

	#headers(call: VaultCall): Record<string, string> {
		const headers: Record<string, string> = { "X-Vault-Request": "true" };
		if (this.#instance.namespace !== "") headers["X-Vault-Namespace"] = this.#instance.namespace;
		if (call.token !== undefined) headers["X-Vault-Token"] = call.token.reveal().toString("utf8");
		if (call.body !== undefined) headers["Content-Type"] = "application/json";
		return headers;
	}

	/** Stands for the HTTP library below node-vault. The empty path keeps its special rule for `sys/health` out of the way. */
	async #carry(options: HookOptions): Promise<{ statusCode: number; body: object; request: { path: string } }> {
		const { exchange } = options;
		exchange.answer = await this.#transport.request({
			method: options.method,
			path: options.uri.slice(this.#endpoint.length - this.#instance.address.basePath.length),
			headers: options.headers,
			...(exchange.call.body === undefined ? {} : { body: exchange.call.body }),
			signal: exchange.call.signal,
			timeoutMilliseconds: callMilliseconds,
			allowsAddress: (address) => exchange.context.allowsAddress(address),
		});
		return { statusCode: exchange.answer.status, body: {}, request: { path: "" } };
	}
}

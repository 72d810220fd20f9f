import type { CallContext } from "../../aws/caller.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { Transport } from "../../net/transport.ts";
import { withRetries } from "../../shared/retry.ts";
import type { RetryBudget } from "../../shared/retry-budget.ts";
import type { Secret } from "../../shared/secret.ts";
import { answerError, disabledService, nonsense, refusesToken, type ServiceCall } from "./failures.ts";
import type { ConfidantInstance } from "./instance.ts";
import type { AuthToken, Tokens } from "./kmsauth.ts";
import { parseService, type Service } from "./service.ts";

/** The server of one instance: its connections, and how much it may be asked again. */
export interface ConfidantServer {
	readonly transport: Transport;
	readonly budget: RetryBudget;
}

export interface ServiceReaderOptions {
	readonly instance: ConfidantInstance;
	/** The service that the pod proves to be. */
	readonly from: string;
	readonly server: ConfidantServer;
	readonly tokens: Tokens;
	readonly context: CallContext;
	readonly confidential: readonly Secret[];
}

/** The server decrypts every credential of the service for an answer. */
const callMilliseconds = 15_000;

/** Reads the service of one identity, whole: there is no call for single credentials that a service may make. */
export class ServiceReader {
	readonly call: ServiceCall;
	readonly #options: ServiceReaderOptions;

	constructor(options: ServiceReaderOptions) {
		const { instance, from, confidential } = options;
		this.#options = options;
		this.call = { instance, from, service: instance.service === "" ? from : instance.service, confidential };
	}

	/**
	 * @throws ProviderError `denied` when KMS gives no token, when the server denies the service, or when the service is
	 * disabled; `absent` when there is no such service; `unidentified` when the server does not accept the token;
	 * `unreachable` on an outage
	 */
	async read(signal: AbortSignal): Promise<Service> {
		const { status, body } = await this.#ask(signal);
		if (status !== 200) throw answerError({ status, body }, this.call);
		const service = parseService(body, this.call.service);
		body.fill(0);
		if (service === undefined) throw nonsense(this.call, "status 200, and no service");
		if (!service.enabled) throw disabledService(this.call);
		return service;
	}

	/** A kept token may have become worthless, as when a key or a clock was changed; a new one has the last word. */
	async #ask(signal: AbortSignal): Promise<HttpAnswer> {
		const { tokens } = this.#options;
		const { token, isKept } = await tokens.current(signal);
		const answer = await this.#send(token, signal);
		if (!refusesToken(answer)) return answer;
		tokens.forget(token);
		return isKept ? this.#ask(signal) : answer;
	}

	#send({ user, token }: AuthToken, signal: AbortSignal): Promise<HttpAnswer> {
		const { instance, server, context } = this.#options;
		const authorization = Buffer.from(`${user}:${token.reveal().toString("latin1")}`).toString("base64");
		const send = () =>
			server.transport.request({
				method: "GET",
				path: `${instance.address.basePath}/v1/services/${encodeURIComponent(this.call.service)}`,
				headers: { accept: "application/json", authorization: `Basic ${authorization}` },
				signal,
				timeoutMilliseconds: callMilliseconds,
				allowsAddress: (address) => context.allowsAddress(address),
			});
		return withRetries(send, signal, { budget: server.budget, schedule: (task) => context.schedule(task, signal) });
	}
}

import { createHttpHeaders, type HttpClient, type PipelineRequest, type PipelineResponse } from "@azure/core-rest-pipeline";
import { currentCall } from "./client-call.ts";
import { VaultError } from "./failure-kinds.ts";
import { bodyOf, headersOf, pathOf, responseOf } from "./pipeline-messages.ts";
import type { Servers } from "./servers.ts";

/** Key Vault answers within milliseconds. */
const callMilliseconds = 10_000;
/** A value is 25 KiB at most, and a certificate not much more. */
const maximumBytes = 1024 * 1024;

/**
 * Carries the SDK's requests over our own connections, with their guard of addresses, proxy, authorities and limits.
 * It reaches one vault and no other, whatever a request or a list's next page says.
 *
 * The SDK asks each vault without a token first, to be challenged. What the vault would answer is known, so that
 * request goes no further than here: the SDK compares the resource with the vault's host, and asks again. What it then
 * sends as a token is replaced by that of the identity which makes the call.
 */
export class VaultPipeline implements HttpClient {
	readonly #servers: Pick<Servers, "vault" | "quota">;
	readonly #challenge: string;
	readonly #origin: string;

	/** @param challenge what the vault's would say: who issues its tokens, and for what */
	constructor(servers: Pick<Servers, "vault" | "quota">, challenge: string) {
		this.#servers = servers;
		this.#challenge = challenge;
		this.#origin = new URL(servers.vault.address.text).origin;
	}

	/**
	 * @throws ProviderError as {@link Transport.request}; VaultError for an answer that is an error; what the call's
	 * `refused` returns for a token that is not taken
	 */
	async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
		const url = new URL(request.url);
		if (url.origin !== this.#origin) throw new Error("the SDK wants to ask another host");
		if (!request.headers.has("authorization")) return challenged(request, this.#challenge);
		const call = currentCall.getStore();
		if (call === undefined) throw new Error("the SDK was called for nobody");
		const { vault, quota } = this.#servers;
		await quota.wait(call.signal);
		const answer = await vault.request({
			method: request.method,
			path: pathOf(url),
			// The identity's own token, in the place of the SDK's.
			headers: { ...headersOf(request), authorization: `Bearer ${call.token.reveal().toString("utf8")}` },
			...bodyOf(request.body),
			signal: call.signal,
			timeoutMilliseconds: callMilliseconds,
			maximumBytes,
			allowsAddress: (address) => call.allowsAddress(address),
		});
		if (answer.status === 401) throw call.refused(answer.headers["www-authenticate"] ?? "");
		// The SDK's own errors are made differently by each of its clients.
		if (answer.status >= 400) throw new VaultError(answer);
		return responseOf(request, answer);
	}
}

function challenged(request: PipelineRequest, challenge: string): PipelineResponse {
	return { request, status: 401, headers: createHttpHeaders({ "www-authenticate": challenge }), bodyAsText: "" };
}

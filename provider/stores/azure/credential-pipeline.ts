import { createHttpHeaders, type HttpClient, type PipelineRequest, type PipelineResponse } from "@azure/core-rest-pipeline";
import type { LoginParts } from "./credential.ts";
import { TokenRefusal, tokenPath } from "./credential-failures.ts";
import { bodyOf, headersOf, responseOf } from "./pipeline-messages.ts";

/** The authority answers within milliseconds. */
const loginMilliseconds = 10_000;
const maximumBytes = 256 * 1024;

/**
 * Carries the one request of a login over our own connections, with their guard of addresses, proxy, authorities and
 * limits. It goes to the instance's authority, or to the cluster's token proxy, whatever host the package would ask: it
 * has other names for some clouds' authorities, and takes a region from the environment.
 *
 * An authority that the package does not know would be asked for its endpoints first. They are known, so that request
 * goes no further than here. And an answer that is an error never reaches the package: it would remember it, and give it
 * again for a minute in the place of another attempt.
 */
export class LoginPipeline implements HttpClient {
	readonly #parts: LoginParts;
	#failure: unknown;

	constructor(parts: LoginParts) {
		this.#parts = parts;
	}

	/** Why the last request brought no token, if it brought none. Undefined while nothing was sent. */
	get failure(): unknown {
		return this.#failure;
	}

	/** @throws ProviderError as {@link Transport.request}; TokenRefusal for an answer that is an error */
	async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
		const { pathname } = new URL(request.url);
		if (request.method === "GET" && pathname.endsWith("/.well-known/openid-configuration")) return configuration(request, this.#parts);
		if (request.method !== "POST") throw new Error("@azure/identity wants to ask something else");
		const answer = await this.#send(request).catch((error: unknown) => {
			this.#failure = error;
			throw error;
		});
		this.#failure = new TokenRefusal(answer);
		if (answer.status !== 200) throw this.#failure;
		return responseOf(request, answer);
	}

	#send(request: PipelineRequest) {
		const { instance, servers, context } = this.#parts;
		const { login } = servers;
		return login.request({
			method: "POST",
			path: `${login.address.basePath}${tokenPath(instance)}`,
			headers: headersOf(request),
			...bodyOf(request.body),
			signal: context.signal,
			timeoutMilliseconds: loginMilliseconds,
			maximumBytes,
			allowsAddress: (address) => context.allowsAddress(address),
		});
	}
}

/** What every authority says of itself (OpenID Connect Discovery 1.0 §4.2), as far as the package reads it. */
function configuration(request: PipelineRequest, { instance }: LoginParts): PipelineResponse {
	const { authority, tenant } = instance;
	const place = `${authority}/${tenant}`;
	const body = {
		issuer: `${place}/v2.0`,
		authorization_endpoint: `${place}/oauth2/v2.0/authorize`,
		token_endpoint: `${authority}${tokenPath(instance)}`,
		jwks_uri: `${place}/discovery/v2.0/keys`,
	};
	return { request, status: 200, headers: createHttpHeaders({ "content-type": "application/json" }), bodyAsText: JSON.stringify(body) };
}

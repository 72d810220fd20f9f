import { Agent } from "node:http";
import type { AuthClient, OAuth2ClientOptions } from "google-auth-library";
import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { Secret } from "../../shared/secret.ts";
import { type ApiCall, type CallContext, callApi } from "./api.ts";
import type { GcpService } from "./hosts.ts";
import type { AccessToken } from "./login-parts.ts";
import type { Servers } from "./servers.ts";
import { accessToken } from "./token-answer.ts";

export type Library = typeof import("google-auth-library");

/** What every client of the library is made with. */
export type ClientOptions = Required<
	Pick<OAuth2ClientOptions, "transporter" | "useAuthRequestParameters" | "eagerRefreshThresholdMillis" | "forceRefreshOnFailure">
>;

/** What carrying takes of an instance. */
export interface CourierParts {
	readonly servers: Servers;
	readonly context: CallContext & { readonly signal: AbortSignal };
}

/** The one address that the library has built in. */
const grantOrigin = "https://oauth2.googleapis.com";
/** With an agent at hand the library looks for no proxy in the environment. Nothing ever goes through this one. */
const agent = new Agent();

/**
 * Carries what `google-auth-library` sends over our own connections, with their guard of addresses, proxy, authorities,
 * limits and budget of retries, and keeps the answer as it came: the library's own errors drop what tells one refusal
 * from another, and hold what was sent. It reaches the login services of one instance and nobody else.
 */
export class Courier {
	readonly #parts: CourierParts;
	#outcome: HttpAnswer | ProviderError | undefined;

	constructor(parts: CourierParts) {
		this.#parts = parts;
	}

	/**
	 * Where the library is to look for a service. Names that end so exist nowhere (RFC 6761), so what took another way
	 * than the courier's would reach nobody.
	 */
	static origin(service: GcpService): string {
		return `https://${service}.invalid`;
	}

	/** What a client has to be made with. It neither tries again by itself nor asks twice for a token that ends soon. */
	clientOptions({ gaxios }: Library): ClientOptions {
		const transporter = new gaxios.Gaxios({
			fetchImplementation: (input, init) => this.#carry(input, init),
			agent,
			retryConfig: { retry: 0 },
		});
		return { transporter, useAuthRequestParameters: false, eagerRefreshThresholdMillis: 1, forceRefreshOnFailure: false };
	}

	/**
	 * Has a client ask for something.
	 *
	 * @param legacyPrefix how today's provider begins to say that there is no answer
	 * @returns the last answer, of whatever status, also where the library made nothing of it
	 * @throws ProviderError as {@link callApi} when there is no answer
	 */
	async ask(request: () => Promise<unknown>, legacyPrefix: string): Promise<HttpAnswer> {
		this.#outcome = undefined;
		// What the library throws may hold tokens. The answer, or that there was none, says all of it.
		await request().catch(() => undefined);
		return this.#settled(legacyPrefix);
	}

	#settled(legacyPrefix: string): HttpAnswer {
		if (this.#outcome === undefined) throw new Error("google-auth-library asked nobody");
		if (this.#outcome instanceof ProviderError) throw unanswered(this.#outcome, legacyPrefix);
		return this.#outcome;
	}

	async #carry(input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Response> {
		const { servers, context } = this.#parts;
		try {
			this.#outcome = await callApi(servers, context, callOf(new URL(String(input)), init), context.signal);
		} catch (reason) {
			this.#outcome = ProviderError.from(reason);
			throw reason;
		}
		const { body, status } = this.#outcome;
		return new Response(body.toString("utf8"), { status });
	}
}

/** No answer at all: our transport says server, stage and fact. */
function unanswered(error: ProviderError, legacyPrefix: string): ProviderError {
	const { code, message, remedy, cause } = error;
	if (code !== "unreachable") return error;
	const legacyText = `${legacyPrefix}${message}`;
	return new ProviderError(code, message, { stage: "login", legacyText, cause, ...(remedy === undefined ? {} : { remedy }) });
}

/** A request of the library as one of ours. */
function callOf(url: URL, { method, headers, body }: RequestInit): ApiCall {
	const service = serviceOf(url);
	const [, bearer] = /^Bearer (.+)$/.exec(new Headers(headers).get("authorization") ?? "") ?? [];
	const form = body instanceof URLSearchParams ? body : undefined;
	if (method !== "POST" || (form === undefined && typeof body !== "string")) throw new Error("google-auth-library sends something unknown");
	return {
		service,
		location: "global",
		path: `${url.pathname}${url.search}`,
		body: form === undefined ? { type: "application/json", text: String(body) } : formOf(service, form),
		...(bearer === undefined ? {} : { bearer: new Secret(bearer) }),
	};
}

/** The clusters' token endpoint takes the fields of RFC 8693 as JSON; the library knows the form alone. */
function formOf(service: GcpService, form: URLSearchParams): NonNullable<ApiCall["body"]> {
	if (service === "securetoken") return { type: "application/json", text: JSON.stringify(Object.fromEntries(form)) };
	return { type: "application/x-www-form-urlencoded", text: String(form) };
}

function serviceOf({ origin }: URL): GcpService {
	if (origin === grantOrigin) return "oauth2";
	const service = (["sts", "securetoken", "iamcredentials"] as const).find((known) => Courier.origin(known) === origin);
	if (service === undefined) throw new Error("google-auth-library wants to ask another server");
	return service;
}

/**
 * The token that a client has got; undefined when it has none that can be used.
 *
 * @param askedAt when it was asked for, in milliseconds since 1970: its life began no earlier
 */
export function tokenOf({ credentials }: AuthClient, askedAt: number): AccessToken | undefined {
	const { access_token: token, expiry_date: end } = credentials;
	if (typeof token !== "string" || typeof end !== "number") return undefined;
	// The library counts from the answer.
	return accessToken(token, end - (Date.now() - askedAt), askedAt);
}

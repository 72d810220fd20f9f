import { randomUUID } from "node:crypto";

/** A request that the service turns down: what goes over the wire. */
export class Refusal extends Error {
	readonly status: number;
	readonly body: object;
	readonly headers: Readonly<Record<string, string>>;

	constructor(status: number, body: object, headers: Readonly<Record<string, string>> = {}) {
		super(`refused with ${status}: ${JSON.stringify(body)}`);
		this.status = status;
		this.body = body;
		this.headers = headers;
	}
}

/** The error body of Key Vault's REST API; the inner code tells the kinds of `Forbidden` apart. */
export function vaultRefusal(status: number, code: string, message: string, innerCode?: string): Refusal {
	return new Refusal(status, vaultError(code, message, innerCode));
}

export function vaultError(code: string, message: string, innerCode?: string): object {
	return { error: { code, message, ...(innerCode === undefined ? {} : { innererror: { code: innerCode } }) } };
}

/** How Key Vault turns down a caller that asks too often. */
export function throttling(retryAfterSeconds: number): Refusal {
	const message = "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached";
	return new Refusal(429, vaultError("Throttled", message), { "retry-after": String(retryAfterSeconds) });
}

export interface EntraProblem {
	/** The OAuth error, such as `invalid_client`. */
	readonly error: string;
	/** The number after AADSTS. */
	readonly code: number;
	readonly description: string;
	/** Default: 401 for `invalid_client`, else 400. */
	readonly status?: number;
}

/** The error body of the token endpoint (OAuth 2.0, RFC 6749 §5.2, with Entra's own fields). */
export function entraRefusal({ error, code, description, status = error === "invalid_client" ? 401 : 400 }: EntraProblem): Refusal {
	const [trace, correlation] = [randomUUID(), randomUUID()];
	const timestamp = `${new Date().toISOString().slice(0, 19).replace("T", " ")}Z`;
	return new Refusal(status, {
		error,
		error_description: `AADSTS${code}: ${description} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
		error_codes: [code],
		timestamp,
		trace_id: trace,
		correlation_id: correlation,
		error_uri: `https://login.microsoftonline.com/error?code=${code}`,
	});
}

import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import type { ExecutionContext } from "ava";
import type { AzureServers } from "./azure.ts";
import { defaultTenant } from "./entra/directory.ts";

export interface Answer {
	readonly status: number;
	readonly headers: IncomingMessage["headers"];
	/** Parsed; undefined when it is no JSON. */
	readonly body: Readonly<Record<string, unknown>> | undefined;
}

export interface AskOptions {
	/** Default GET, or POST with a body. */
	readonly method?: string;
	readonly token?: string;
	/** Sent as a form when it is URLSearchParams, else as JSON. */
	readonly body?: URLSearchParams | object;
	/** The name given in the TLS handshake instead of the host. */
	readonly serverName?: string;
	readonly signal?: AbortSignal;
}

/** A client that does exactly what it is told, for what the official SDKs would never send. */
export class TestClient {
	/** Also for the SDKs: finds the real names through the proxy, and trusts the stand-ins. */
	readonly agent: Agent;

	constructor(t: ExecutionContext<unknown>, azure: AzureServers) {
		this.agent = new Agent({ keepAlive: true, ca: readFileSync(azure.caFile), proxyEnv: azure.environment });
		t.teardown(() => this.agent.destroy());
	}

	async ask(url: string, { method, token, body, serverName, signal }: AskOptions = {}): Promise<Answer> {
		const type = body instanceof URLSearchParams ? "application/x-www-form-urlencoded" : "application/json";
		const outgoing = request(url, {
			agent: this.agent,
			method: method ?? (body === undefined ? "GET" : "POST"),
			headers: {
				...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
				...(body === undefined ? {} : { "content-type": type }),
			},
			...(serverName === undefined ? {} : { servername: serverName }),
			...(signal === undefined ? {} : { signal }),
		});
		// A request that is given up while the proxy still opens the way fails a second time when that ends.
		outgoing.on("error", () => {});
		outgoing.end(body instanceof URLSearchParams ? body.toString() : JSON.stringify(body));
		const [incoming] = (await once(outgoing, "response", signal === undefined ? {} : { signal })) as [IncomingMessage];
		return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: parse(await text(incoming)) };
	}

	/** Asks a vault, with the version of the API. */
	askVault(url: string, path: string, options: AskOptions = {}): Promise<Answer> {
		return this.ask(`${url}/${path}${path.includes("?") ? "&" : "?"}api-version=7.6`, options);
	}

	/** Asks for a token. Fields replace those of a right request; an undefined one is left out. */
	askToken(authority: string, fields: Readonly<Record<string, string | undefined>>, tenant = defaultTenant, options: AskOptions = {}) {
		const usual = {
			grant_type: "client_credentials",
			scope: "https://vault.azure.net/.default",
			client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
		};
		const form = new URLSearchParams();
		for (const [name, value] of Object.entries({ ...usual, ...fields })) if (value !== undefined) form.set(name, value);
		return this.ask(`${authority}/${tenant}/oauth2/v2.0/token`, { ...options, body: form });
	}
}

function parse(body: string): Answer["body"] {
	try {
		return JSON.parse(body) as Answer["body"];
	} catch {
		return undefined;
	}
}

/** The AADSTS numbers of a refusal. */
export function problemCodes({ body }: Answer): readonly number[] {
	return (body?.["error_codes"] ?? []) as readonly number[];
}

/** Key Vault's error, with the code of the inner one. */
export function vaultProblem({ body }: Answer): VaultProblem {
	const error = body?.["error"] as (VaultProblem & { readonly innererror?: { readonly code: string } }) | undefined;
	return { code: error?.code, message: error?.message, inner: error?.innererror?.code };
}

export interface VaultProblem {
	readonly code: string | undefined;
	readonly message: string | undefined;
	readonly inner: string | undefined;
}

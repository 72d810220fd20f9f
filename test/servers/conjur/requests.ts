import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { buffer } from "node:stream/consumers";
import type { Conjur } from "./conjur.ts";

export interface PlainAnswer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	readonly body: Buffer;
}

export interface PlainRequest {
	/** With its query, if any; beneath the server's address. */
	readonly path: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** Sent with POST; without one the request is a GET. */
	readonly body?: string;
	/** An access token as the server gave it. */
	readonly token?: string;
	/** Default 10 s. */
	readonly signal?: AbortSignal;
}

/** Asks the server as plainly as can be, for what no good client would send. */
export async function ask(conjur: Pick<Conjur, "address" | "authority">, asked: PlainRequest): Promise<PlainAnswer> {
	const { token, body = "" } = asked;
	const authorization = token === undefined ? {} : { authorization: `Token token="${Buffer.from(token).toString("base64")}"` };
	const send = conjur.address.startsWith("https:") ? tlsRequest : plainRequest;
	const sent = send(`${conjur.address}${asked.path}`, {
		method: asked.body === undefined ? "GET" : "POST",
		ca: conjur.authority,
		agent: false,
		signal: asked.signal ?? AbortSignal.timeout(10_000),
		headers: { ...authorization, "content-length": Buffer.byteLength(body), ...asked.headers },
	});
	const received = new Promise<PlainAnswer>((resolve, reject) => {
		sent.once("error", reject);
		sent.once("response", (response) => {
			const { statusCode: status = 0, headers } = response;
			buffer(response).then((bytes) => resolve({ status, headers, body: bytes }), reject);
		});
	});
	sent.end(body);
	return received;
}

/** Logs in as a form would. */
export function logIn(conjur: Conjur, jwt: string, service = "kube", id = ""): Promise<PlainAnswer> {
	const path = `/authn-jwt/${service}/${conjur.account}${id === "" ? "" : `/${encodeURIComponent(id)}`}/authenticate`;
	return ask(conjur, { path, body: `jwt=${jwt}`, headers: { "content-type": "application/x-www-form-urlencoded" } });
}

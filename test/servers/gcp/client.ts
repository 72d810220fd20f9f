import { readFileSync } from "node:fs";
import { request } from "node:https";
import { buffer } from "node:stream/consumers";
import type { Gcp } from "./gcp.ts";

export interface PlainAnswer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	/** Parsed JSON, or the text when it is none. */
	readonly body: unknown;
}

export interface PlainRequest {
	/** One of Google's names. */
	readonly host: string;
	/** With its query, if any. */
	readonly path: string;
	readonly token?: string;
	/** Sent with POST: an object as JSON, parameters as a form. Without one the request is a GET. */
	readonly body?: object | URLSearchParams;
	/** Default 10 s. */
	readonly signal?: AbortSignal;
}

/** Asks a stand-in as plainly as can be, for what no official client would send. */
export async function ask(gcp: Gcp, asked: PlainRequest): Promise<PlainAnswer> {
	const isForm = asked.body instanceof URLSearchParams;
	const text = asked.body === undefined || isForm ? String(asked.body ?? "") : JSON.stringify(asked.body);
	const sent = request(`${await gcp.address(asked.host)}${asked.path}`, {
		method: asked.body === undefined ? "GET" : "POST",
		ca: readFileSync(gcp.caFile),
		agent: false,
		signal: asked.signal ?? AbortSignal.timeout(10_000),
		headers: {
			...(asked.token === undefined ? {} : { authorization: `Bearer ${asked.token}` }),
			"content-type": isForm ? "application/x-www-form-urlencoded" : "application/json",
			"content-length": Buffer.byteLength(text),
		},
	});
	const received = new Promise<PlainAnswer>((resolve, reject) => {
		sent.once("error", reject);
		sent.once("response", (response) => {
			const { statusCode: status = 0, headers } = response;
			buffer(response).then((bytes) => resolve({ status, headers, body: parse(bytes.toString()) }), reject);
		});
	});
	sent.end(text);
	return received;
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

export interface Exchange {
	/** Default `sts.googleapis.com`. */
	readonly host?: "sts.googleapis.com" | "securetoken.googleapis.com";
	readonly subjectToken: string;
	readonly audience: string;
	/** Fields that are added or replaced. */
	readonly fields?: Readonly<Record<string, string>>;
}

/** Exchanges a service account token: as a form at STS, as JSON at the endpoint of GKE. */
export function exchange(gcp: Gcp, { host = "sts.googleapis.com", subjectToken, audience, fields = {} }: Exchange): Promise<PlainAnswer> {
	const all = {
		grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
		requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
		subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
		scope: "https://www.googleapis.com/auth/cloud-platform",
		subject_token: subjectToken,
		audience,
		...fields,
	};
	const isSts = host === "sts.googleapis.com";
	return ask(gcp, { host, path: isSts ? "/v1/token" : "/v1/identitybindingtoken", body: isSts ? new URLSearchParams(all) : all });
}

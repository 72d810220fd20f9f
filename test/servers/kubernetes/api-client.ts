import { type Agent, request as httpsRequest } from "node:https";
import { buffer } from "node:stream/consumers";

/** What the API server answered; any status is an answer. */
export interface ApiAnswer {
	readonly status: number;
	/** The parsed JSON, or undefined when the answer was empty. */
	readonly body: unknown;
}

export interface ApiCall {
	readonly address: string;
	readonly agent: Agent;
	readonly token: string;
	readonly method: string;
	readonly path: string;
	readonly body?: unknown;
}

/** Calls the API server once, with a time limit of 10 s. A PATCH is a JSON merge patch. */
export async function callApi(call: ApiCall): Promise<ApiAnswer> {
	const body = call.body === undefined ? "" : JSON.stringify(call.body);
	const contentType = call.method === "PATCH" ? "application/merge-patch+json" : "application/json";
	const sent = httpsRequest(`${call.address}${call.path}`, {
		method: call.method,
		agent: call.agent,
		headers: {
			authorization: `Bearer ${call.token}`,
			"content-type": contentType,
			// Node says no length for a DELETE by itself.
			"content-length": Buffer.byteLength(body),
			accept: "application/json, */*;q=0.5",
		},
		signal: AbortSignal.timeout(10_000),
	});
	const received = new Promise<ApiAnswer>((resolve, reject) => {
		sent.once("error", reject);
		sent.once("response", (response) => {
			buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, body: parse(bytes.toString()) }), reject);
		});
	});
	sent.end(body);
	return received;
}

function parse(text: string): unknown {
	if (text === "") return undefined;
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

/** The value at a path of nested objects, or undefined. */
export function field(value: unknown, ...path: readonly string[]): unknown {
	let current = value;
	for (const key of path) {
		if (typeof current !== "object" || current === null) return undefined;
		current = Reflect.get(current, key);
	}
	return current;
}

/** Like {@link field}, for a text that must be there. */
export function textField(value: unknown, ...path: readonly string[]): string {
	const found = field(value, ...path);
	if (typeof found !== "string") throw new Error(`the answer has no text at ${path.join(".")}`);
	return found;
}

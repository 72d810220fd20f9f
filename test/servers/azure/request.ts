import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";

/** A request that has arrived whole. */
export interface AzureRequest {
	readonly method: string;
	/** The host that was asked for, without a port. */
	readonly host: string;
	/** Decoded parts of the path. */
	readonly path: readonly string[];
	readonly query: URLSearchParams;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

export interface Reply {
	readonly status: number;
	readonly body: object;
	readonly headers?: OutgoingHttpHeaders;
}

/** What a request asks for, as far as it can be told before anything is checked. */
export interface Purpose {
	/** Such as `token`, `secrets/get` or `keys/unwrapkey`. */
	readonly operation: string;
	readonly vault?: string | undefined;
	/** The name of the secret, key or certificate. */
	readonly object?: string | undefined;
	/** The client id that the caller claims. */
	readonly client?: string | undefined;
}

/** A request that is understood; `answer` checks and carries out, and throws a Refusal. */
export interface Understood extends Purpose {
	answer(): Reply | Promise<Reply>;
}

const largestBody = 1024 * 1024;

/** @throws Error when the body is too large or its sender goes */
export async function readRequest(incoming: IncomingMessage, host: string): Promise<AzureRequest> {
	const url = new URL(incoming.url ?? "/", `https://${host}`);
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of incoming as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > largestBody) throw new Error("the request's body is too large");
		chunks.push(chunk);
	}
	return {
		method: incoming.method ?? "GET",
		host,
		path: url.pathname.split("/").slice(1).map(decodeURIComponent),
		query: url.searchParams,
		headers: incoming.headers,
		body: Buffer.concat(chunks).toString("utf8"),
	};
}

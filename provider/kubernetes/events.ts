import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** An open watch. */
export interface EventStream {
	readonly status: number;
	/** One parsed JSON value a line, until the server ends the watch; none unless the status is 200. */
	readonly events: AsyncIterable<unknown>;
}

export interface EventCall {
	readonly token: string;
	readonly ca: Buffer;
	readonly accept: string;
	/** Ends the watch. */
	readonly signal: AbortSignal;
	/** How long the server may take to begin its answer. */
	readonly deadlineMilliseconds: number;
}

/** An object of etcd is 1.5 MiB at most; its metadata is far below. */
const maximumLineCharacters = 4 * 1024 * 1024;

/**
 * Sends a request whose answer is a stream of JSON lines.
 *
 * @throws what `failed` makes of an error, here and while events are read
 */
export async function openEvents(url: URL, call: EventCall, failed: (cause: unknown) => Error): Promise<EventStream> {
	const began = new AbortController();
	const late = setTimeout(() => began.abort(new Error("the answer did not begin in time")), call.deadlineMilliseconds);
	try {
		const response = await open(url, call, AbortSignal.any([call.signal, began.signal]));
		const status = response.statusCode ?? 0;
		if (status === 200) return { status, events: lines(response, failed) };
		response.destroy();
		return { status, events: lines(Readable.from([]), failed) };
	} catch (cause) {
		throw failed(cause);
	} finally {
		clearTimeout(late);
	}
}

function open(url: URL, { token, ca, accept }: EventCall, signal: AbortSignal): Promise<IncomingMessage> {
	const headers = { accept, authorization: `Bearer ${token}` };
	return new Promise((resolve, reject) => {
		// No agent, hence a connection of its own: a watch would keep one of the few others for minutes.
		const sent = httpsRequest(url, { agent: false, ca, headers, signal, minVersion: "TLSv1.2" }, resolve);
		sent.on("error", reject);
		sent.end();
	});
}

async function* lines(response: Readable, failed: (cause: unknown) => Error): AsyncGenerator<unknown> {
	const decoder = new StringDecoder("utf8");
	let rest = "";
	try {
		for await (const chunk of response) {
			const parts = `${rest}${decoder.write(chunk)}`.split("\n");
			rest = parts.pop() ?? "";
			if (rest.length > maximumLineCharacters) throw new Error("an event is too long");
			for (const line of parts) yield JSON.parse(line);
		}
	} catch (cause) {
		throw failed(cause);
	} finally {
		response.destroy();
	}
}

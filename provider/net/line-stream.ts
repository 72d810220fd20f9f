import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { ProviderError } from "../errors.ts";
import { type Stage, timeoutFailure, toFailure } from "./failure.ts";
import { followStage } from "./stage.ts";

/** The beginning of an answer that is read line by line. */
export interface LineStream {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	/** The header Retry-After, as sent. */
	readonly retryAfter: string | undefined;
	/**
	 * The lines without their ends, until the server ends the answer; none unless the status is 200. Whoever stops reading
	 * them ends the connection.
	 *
	 * @throws ProviderError `unreachable` when the connection is lost or silent, `too-large` for a line; the signal's reason
	 */
	readonly lines: AsyncIterable<string>;
}

export interface LineLimits {
	readonly signal: AbortSignal;
	/** Until the answer begins. */
	readonly timeoutMilliseconds: number;
	readonly idleMilliseconds: number;
	readonly maximumLineBytes: number;
}

const newline = 0x0a;

/**
 * Sends a request that is set up, and gives its answer as soon as that begins.
 *
 * @throws ProviderError `unreachable` when it does not begin; the signal's reason
 */
export async function openLines(outgoing: ClientRequest, server: string, limits: LineLimits): Promise<LineStream> {
	const incoming = await begin(outgoing, server, limits);
	const { statusCode: status = 0, headers } = incoming;
	const lines = status === 200 ? readLines(incoming, server, limits) : noLines();
	if (status !== 200) incoming.destroy();
	return { status, headers, retryAfter: headers["retry-after"], lines };
}

function begin(outgoing: ClientRequest, server: string, { signal, timeoutMilliseconds }: LineLimits): Promise<IncomingMessage> {
	return new Promise((resolve, reject) => {
		let stage: Stage = "connect";
		const settle = () => {
			clearTimeout(timer);
			signal.removeEventListener("abort", abort);
		};
		const fail = (error: unknown) => {
			settle();
			reject(toFailure(error, stage, server));
			outgoing.destroy();
		};
		const abort = () => fail(ProviderError.from(signal.reason));
		const timer = setTimeout(() => fail(timeoutFailure(stage, server, timeoutMilliseconds)), timeoutMilliseconds);
		signal.addEventListener("abort", abort, { once: true });
		followStage(outgoing, (reached) => {
			stage = reached;
		});
		outgoing.on("error", fail);
		outgoing.on("response", (incoming) => {
			settle();
			resolve(incoming);
		});
		outgoing.end();
	});
}

async function* readLines(incoming: IncomingMessage, server: string, limits: LineLimits): AsyncGenerator<string> {
	const { signal, idleMilliseconds } = limits;
	const abort = () => incoming.destroy(ProviderError.from(signal.reason));
	const silent = () => incoming.destroy(timeoutFailure("response", server, idleMilliseconds));
	const timer = setTimeout(silent, idleMilliseconds);
	signal.addEventListener("abort", abort, { once: true });
	const splitter = new LineSplitter(server, limits.maximumLineBytes);
	try {
		if (signal.aborted) abort();
		for await (const chunk of incoming) {
			timer.refresh();
			yield* splitter.take(chunk);
		}
	} catch (error) {
		throw toFailure(error, "response", server);
	} finally {
		clearTimeout(timer);
		signal.removeEventListener("abort", abort);
		incoming.destroy();
	}
}

/** What comes after the last end of a line is half of one, and never told. */
class LineSplitter {
	readonly #server: string;
	readonly #maximumBytes: number;
	#parts: Buffer[] = [];
	#size = 0;

	constructor(server: string, maximumBytes: number) {
		this.#server = server;
		this.#maximumBytes = maximumBytes;
	}

	*take(chunk: Buffer): Generator<string> {
		let start = 0;
		for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
			this.#add(chunk.subarray(start, end));
			start = end + 1;
			const line = Buffer.concat(this.#parts).toString("utf8");
			this.#parts = [];
			this.#size = 0;
			yield line;
		}
		this.#add(chunk.subarray(start));
	}

	#add(part: Buffer): void {
		this.#size += part.length;
		if (this.#size > this.#maximumBytes)
			throw new ProviderError("too-large", `${this.#server} sent a line of more than ${this.#maximumBytes} bytes.`);
		this.#parts.push(part);
	}
}

async function* noLines(): AsyncGenerator<string> {}

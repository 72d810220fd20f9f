import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { ProviderError } from "../errors.ts";
import { type Stage, timeoutFailure, toFailure } from "./failure.ts";
import { followStage } from "./stage.ts";

/** An answer, whole. Any status: what it means is the store's business. */
export interface HttpAnswer {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
	/** The header Retry-After, as {@link withRetries} wants it. */
	readonly retryAfter: string | undefined;
}

export interface ExchangeLimits {
	readonly signal: AbortSignal;
	readonly timeoutMilliseconds: number;
	readonly maximumBytes: number;
}

/** Sends the body of a request that is set up, and reads the answer within its limits. */
export function exchange(outgoing: ClientRequest, body: string | undefined, server: string, limits: ExchangeLimits): Promise<HttpAnswer> {
	return new Promise((resolve, reject) => {
		new Exchange(outgoing, server, limits, resolve, reject).send(body);
	});
}

/** One request and its answer. The first cause of failure counts; destroying the connection makes more. */
class Exchange {
	readonly #outgoing: ClientRequest;
	readonly #server: string;
	readonly #limits: ExchangeLimits;
	readonly #resolve: (answer: HttpAnswer) => void;
	readonly #reject: (error: ProviderError) => void;
	readonly #timer: NodeJS.Timeout;
	#stage: Stage = "connect";
	#settled = false;

	constructor(
		outgoing: ClientRequest,
		server: string,
		limits: ExchangeLimits,
		resolve: (answer: HttpAnswer) => void,
		reject: (error: ProviderError) => void,
	) {
		this.#outgoing = outgoing;
		this.#server = server;
		this.#limits = limits;
		this.#resolve = resolve;
		this.#reject = reject;
		this.#timer = setTimeout(() => this.#fail(timeoutFailure(this.#stage, server, limits.timeoutMilliseconds)), limits.timeoutMilliseconds);
	}

	send(body: string | undefined): void {
		const { signal } = this.#limits;
		if (signal.aborted) {
			this.#onAbort();
			return;
		}
		signal.addEventListener("abort", this.#onAbort, { once: true });
		followStage(this.#outgoing, (stage) => {
			this.#stage = stage;
		});
		this.#outgoing.on("response", (incoming) => this.#read(incoming));
		this.#outgoing.on("error", (error) => this.#fail(error));
		this.#outgoing.end(body);
	}

	#read(incoming: IncomingMessage): void {
		this.#stage = "response";
		const encoding = incoming.headers["content-encoding"];
		if (encoding !== undefined && encoding !== "identity" && encoding !== this.#outgoing.getHeader("accept-encoding")) {
			this.#fail(this.#nonsense("in an encoding that was not asked for"));
			return;
		}
		const chunks: Buffer[] = [];
		let size = 0;
		incoming.on("data", (chunk: Buffer) => {
			size += chunk.length;
			if (size > this.#limits.maximumBytes) this.#fail(this.#tooLarge());
			else chunks.push(chunk);
		});
		incoming.on("end", () => this.#finish(incoming, Buffer.concat(chunks)));
		incoming.on("error", (error) => this.#fail(error));
	}

	#finish(incoming: IncomingMessage, body: Buffer): void {
		if (!this.#settle()) return;
		const { statusCode: status = 0, headers } = incoming;
		this.#resolve({ status, headers, body, retryAfter: headers["retry-after"] });
	}

	#fail(error: unknown): void {
		if (!this.#settle()) return;
		this.#reject(toFailure(error, this.#stage, this.#server));
		this.#outgoing.destroy();
	}

	#settle(): boolean {
		if (this.#settled) return false;
		this.#settled = true;
		clearTimeout(this.#timer);
		this.#limits.signal.removeEventListener("abort", this.#onAbort);
		return true;
	}

	readonly #onAbort = (): void => {
		this.#fail(ProviderError.from(this.#limits.signal.reason));
	};

	#nonsense(how: string): ProviderError {
		return new ProviderError("unreachable", `${this.#server} gave no usable answer: it answered ${how}.`);
	}

	#tooLarge(): ProviderError {
		return new ProviderError("too-large", `${this.#server} answered with more than ${this.#limits.maximumBytes} bytes.`, {
			remedy: "Keep smaller values in the store: the driver takes less than 4 MiB for a whole volume.",
		});
	}
}

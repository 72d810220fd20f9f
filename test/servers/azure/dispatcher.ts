import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { misbehave } from "../latency-proxy.ts";
import { Calls } from "./calls.ts";
import { Faults } from "./faults.ts";
import { Refusal } from "./refusal.ts";
import { type AzureRequest, type Reply, readRequest, type Understood } from "./request.ts";

/** Makes out what a request asks for. */
export type Understand = (request: AzureRequest) => Understood;

/** Takes each request through record, fault, delay and answer. */
export class Dispatcher {
	readonly calls = new Calls();
	readonly faults = new Faults();
	/** Added to each answer. */
	latencyMilliseconds = 0;
	#open = 0;
	#peak = 0;
	readonly #understand: Understand;

	constructor(understand: Understand) {
		this.#understand = understand;
	}

	/** Requests without a whole answer, whose client still waits. */
	get openRequests(): number {
		return this.#open;
	}

	/** The most that were open at the same time since `clear`. */
	get peakOpenRequests(): number {
		return this.#peak;
	}

	/** Forgets calls, faults and the peak. */
	clear(): void {
		this.calls.clear();
		this.faults.clear();
		this.#peak = this.#open;
	}

	listenerFor(host: string): RequestListener {
		return (incoming, outgoing) => {
			this.#open += 1;
			this.#peak = Math.max(this.#peak, this.#open);
			outgoing.once("close", () => {
				this.#open -= 1;
			});
			this.#serve(incoming, outgoing, host).catch(() => outgoing.destroy());
		};
	}

	async #serve(incoming: IncomingMessage, outgoing: ServerResponse, host: string): Promise<void> {
		const request = await readRequest(incoming, host);
		const understood = this.#understand(request);
		const answered = this.calls.begin(understood, host);
		const behaviour = this.faults.take(understood);
		if (behaviour !== undefined && behaviour.kind !== "delay") {
			if (behaviour.kind === "status") answered(behaviour.status);
			misbehave(behaviour, incoming, outgoing);
			return;
		}
		const milliseconds = this.latencyMilliseconds + (behaviour?.milliseconds ?? 0);
		if (milliseconds > 0) await sleep(milliseconds);
		const { status, body, headers } = await replyTo(understood);
		answered(status);
		outgoing.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers }).end(JSON.stringify(body));
	}
}

async function replyTo(understood: Understood): Promise<Reply> {
	try {
		return await understood.answer();
	} catch (error) {
		if (error instanceof Refusal) return error;
		// A mistake of the stand-in's own: told to the test, whose client would otherwise see a cut connection.
		return { status: 500, body: { standInFailure: error instanceof Error ? error.stack : String(error) } };
	}
}
